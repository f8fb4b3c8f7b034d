//! `ignore` of an environment or a release: which fields of which objects are let be.

use std::collections::BTreeMap;

use super::fields::{Fields, Text, shown};
use crate::manifest::{IgnoreRule, Target};

/// Reads the rules.
pub(super) fn rules(fields: &mut Fields<'_>) -> Vec<IgnoreRule> {
    let read = |rule: &mut Fields<'_>| {
        let target = target(rule);
        let pointers = rule.texts("pointers").unwrap_or_default();
        let managers = rule.texts("managers").unwrap_or_default();
        if pointers.is_empty() && managers.is_empty() && rule.is_map() {
            let error = rule.place().error("names neither `pointers` nor `managers`");
            let hint = "to leave whole objects alone, annotate them with `evenkeel.dev/onDrift: ignore` or `evenkeel.dev/apply: ifMissing`";
            rule.report(error.hint(hint));
        }
        pointers.iter().for_each(|pointer| check(pointer, rule));
        let texts = |texts: Vec<Text>| texts.into_iter().map(|text| text.text).collect();
        Some(IgnoreRule { target, pointers: texts(pointers), managers: texts(managers) })
    };
    fields.maps("ignore", &["target", "pointers", "managers"], read).unwrap_or_default()
}

fn target(rule: &mut Fields<'_>) -> Target {
    let Some(mut target) = rule.map("target", &["apiVersion", "kind", "name", "namespace", "labels"]) else {
        return Target::default();
    };
    let mut text = |key: &str| target.text(key).map(|text| text.text);
    let (version, kind, name, namespace) = (text("apiVersion"), text("kind"), text("name"), text("namespace"));
    let group = version.map(|version| version.split_once('/').map_or(String::new(), |(group, _)| group.to_owned()));
    let labels: BTreeMap<String, String> = target.text_map("labels").unwrap_or_default();
    Target { group, kind, namespace, name, labels }
}

/// A pointer that cannot lead to a field of ours is a mistake.
fn check(pointer: &Text, rule: &mut Fields<'_>) {
    let text = &pointer.text;
    let error = |what: &str| pointer.place.error(format!("`{}` {what}", shown(text)));
    if !text.starts_with('/') {
        let fields = text.trim_start_matches('.').replace('.', "/");
        rule.report(error("is no JSON pointer").hint(format!("write `/{}`", shown(&fields))));
        return;
    }
    for (at, _) in text.match_indices('~') {
        if !matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1')) {
            rule.report(
                error("is no JSON pointer: `~` stands before 0 or 1").hint("write `~0` for `~` and `~1` for `/`"),
            );
            return;
        }
    }
    let first = text[1..].split('/').next().unwrap_or_default();
    if matches!(first, "apiVersion" | "kind" | "status") || text == "/metadata/name" || text == "/metadata/namespace" {
        rule.report(error("is never written by evenkeel").hint("remove it"));
    }
}
