//! What `environment.yaml` and `release.yaml` say, typed. Every file is read by these for itself (so that a mistake is found
//! where it stands, overridden or not), and the merged layers once more for what is in force.

use std::time::Duration;

use super::fields::{Fields, Text, wrong_type};
use super::located::{Located, Shape};
use super::policy::{Crds, MaxDeletions, OnCommit, OnDrift, OnFailure, Policies, Prune};
use super::{Notify, Target, health, ignore, unsupported};
use crate::diagnostic::Diagnostic;
use crate::health::Rules;
use crate::manifest::IgnoreRule;

/// The version of the file formats.
const API_VERSION: &str = "evenkeel.dev/v1alpha1";

/// Keys of both files.
const POLICY_KEYS: [&str; 9] =
    ["onCommit", "onDrift", "onFailure", "prune", "interval", "timeout", "windows", "strict", "ignore"];
const ENVIRONMENT_KEYS: [&str; 8] =
    ["abstract", "extends", "cluster", "namespace", "order", "verify", "decryption", "notify"];
const RELEASE_KEYS: [&str; 13] = [
    "enabled",
    "chart",
    "version",
    "repository",
    "releaseName",
    "namespace",
    "group",
    "dependsOn",
    "valuesFrom",
    "crds",
    "hooks",
    "health",
    "serviceAccount",
];

/// Policies as far as a file names them.
#[derive(Debug, Default)]
pub(super) struct PolicySpec {
    on_commit: Option<OnCommit>,
    on_drift: Option<OnDrift>,
    on_failure: Option<OnFailure>,
    prune_enabled: Option<bool>,
    max_deletions: Option<MaxDeletions>,
    protect: Option<Vec<String>>,
    interval: Option<Duration>,
    timeout: Option<Duration>,
    strict: Option<bool>,
    ignore: Vec<IgnoreRule>,
}

impl PolicySpec {
    /// These over `below`.
    pub(super) fn over(&self, below: &Policies) -> Policies {
        Policies {
            on_commit: self.on_commit.unwrap_or(below.on_commit),
            on_drift: self.on_drift.unwrap_or(below.on_drift),
            on_failure: self.on_failure.unwrap_or(below.on_failure),
            prune: Prune {
                enabled: self.prune_enabled.unwrap_or(below.prune.enabled),
                max_deletions: self.max_deletions.unwrap_or(below.prune.max_deletions),
                protect: self.protect.clone().unwrap_or_else(|| below.prune.protect.clone()),
            },
            interval: self.interval.or(below.interval),
            timeout: self.timeout.unwrap_or(below.timeout),
            strict: self.strict.unwrap_or(below.strict),
            ignore: below.ignore.iter().chain(&self.ignore).cloned().collect(),
        }
    }
}

/// An `environment.yaml`, without what is not inherited.
#[derive(Debug, Default)]
pub(super) struct EnvironmentSpec {
    pub(super) cluster: Target,
    pub(super) namespace: Option<Text>,
    pub(super) policies: PolicySpec,
    pub(super) order: Vec<Text>,
    pub(super) notify: Vec<Notify>,
}

/// What an `environment.yaml` says of itself alone.
#[derive(Debug, Default)]
pub(super) struct LayerSpec {
    pub(super) is_abstract: bool,
    pub(super) extends: Vec<Text>,
}

/// A `release.yaml`.
#[derive(Debug, Default)]
pub(super) struct ReleaseSpec {
    pub(super) enabled: bool,
    pub(super) chart: Option<Text>,
    pub(super) version: Option<Text>,
    pub(super) repository: Option<Text>,
    pub(super) release_name: Option<Text>,
    pub(super) namespace: Option<Text>,
    pub(super) group: Option<Text>,
    pub(super) depends_on: Vec<Text>,
    pub(super) crds: Crds,
    pub(super) service_account: Option<Text>,
    pub(super) health: Rules,
    pub(super) policies: PolicySpec,
}

/// Reads an environment; with `extends` and `abstract` where they are in it.
pub(super) fn environment(at: &Located, errors: &mut Vec<Diagnostic>) -> (EnvironmentSpec, LayerSpec) {
    let mut known = vec!["apiVersion", "kind"];
    known.extend(ENVIRONMENT_KEYS);
    known.extend(POLICY_KEYS);
    let elsewhere = |key: &str| RELEASE_KEYS.contains(&key).then_some("this key belongs in a release's release.yaml");
    let mut fields = Fields::open(at, &known, elsewhere, errors);
    header(&mut fields, "Environment");
    let own = LayerSpec {
        is_abstract: fields.flag("abstract").unwrap_or(false),
        extends: fields.texts("extends").unwrap_or_default(),
    };
    let spec = EnvironmentSpec {
        cluster: cluster(&mut fields),
        namespace: fields.text("namespace"),
        policies: policies(&mut fields),
        order: fields.texts("order").unwrap_or_default(),
        notify: notify(&mut fields),
    };
    for (index, group) in spec.order.iter().enumerate() {
        if spec.order[..index].iter().any(|before| before.text == group.text) {
            fields.report(group.place.error(format!("group `{}` stands here twice", group.text)));
        }
    }
    later_environment(&mut fields);
    unsupported::environment(&mut fields);
    (spec, own)
}

/// Reads a release.
pub(super) fn release(at: &Located, errors: &mut Vec<Diagnostic>) -> ReleaseSpec {
    let mut known = vec!["apiVersion", "kind"];
    known.extend(RELEASE_KEYS);
    known.extend(POLICY_KEYS);
    let elsewhere =
        |key: &str| ENVIRONMENT_KEYS.contains(&key).then_some("this key belongs in the environment's environment.yaml");
    let mut fields = Fields::open(at, &known, elsewhere, errors);
    header(&mut fields, "Release");
    let spec = ReleaseSpec {
        enabled: fields.flag("enabled").unwrap_or(true),
        chart: fields.text("chart"),
        version: fields.text("version"),
        repository: fields.text("repository"),
        release_name: fields.text("releaseName"),
        namespace: fields.text("namespace"),
        group: fields.text("group"),
        depends_on: fields.texts("dependsOn").unwrap_or_default(),
        crds: fields
            .one_of("crds", &[("create", Crds::Create), ("skip", Crds::Skip), ("replace", Crds::Replace)])
            .unwrap_or_default(),
        service_account: fields.text("serviceAccount"),
        health: health::rules(&mut fields),
        policies: policies(&mut fields),
    };
    later_release(&mut fields);
    unsupported::release(&mut fields);
    spec
}

/// `apiVersion` and `kind`, in every file.
fn header(fields: &mut Fields<'_>, kind: &str) {
    for (key, expected) in [("apiVersion", API_VERSION), ("kind", kind)] {
        match fields.text(key) {
            Some(text) if text.text != expected => {
                let error = text.place.error(format!("`{key}` must be `{expected}`"));
                fields.report(error.suggest(&text.text, [expected]));
            }
            Some(_) => {}
            None if fields.entry(key).is_some() => {}
            None => fields
                .report(fields.place().error(format!("`{key}` is missing")).hint(format!("add `{key}: {expected}`"))),
        }
    }
}

fn policies(fields: &mut Fields<'_>) -> PolicySpec {
    let mut spec = PolicySpec {
        on_commit: fields.one_of("onCommit", &[("apply", OnCommit::Apply), ("plan", OnCommit::Plan)]),
        on_drift: fields.one_of(
            "onDrift",
            &[("correct", OnDrift::Correct), ("alert", OnDrift::Alert), ("ignore", OnDrift::Ignore)],
        ),
        on_failure: fields.one_of(
            "onFailure",
            &[("retry", OnFailure::Retry), ("rollback", OnFailure::Rollback), ("stop", OnFailure::Stop)],
        ),
        interval: fields.duration("interval"),
        timeout: fields.duration("timeout"),
        strict: fields.flag("strict"),
        ignore: ignore::rules(fields),
        ..PolicySpec::default()
    };
    if let Some(mut prune) = fields.map("prune", &["enabled", "maxDeletions", "protect"]) {
        spec.prune_enabled = prune.flag("enabled");
        spec.max_deletions = max_deletions(&mut prune);
        spec.protect = prune.texts("protect").map(|kinds| kinds.into_iter().map(|kind| kind.text).collect());
    }
    fields.maps("windows", &["schedule", "duration", "timeZone", "allow"], |window| {
        window.needed("schedule");
        window.duration("duration");
        window.text("timeZone");
        window.flag("allow");
        Some(())
    });
    spec
}

/// A count, or a percentage from 0% to 100%.
fn max_deletions(prune: &mut Fields<'_>) -> Option<MaxDeletions> {
    let value = &prune.entry("maxDeletions")?.value;
    let hint = "write a number of objects such as 10, or a share such as 50%";
    let found = match &value.shape {
        Shape::Int(count) => u32::try_from(*count).ok().map(MaxDeletions::Count),
        Shape::String(text) => text
            .strip_suffix('%')
            .filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .filter(|percent| *percent <= 100)
            .map(MaxDeletions::Percent),
        _ => {
            prune.report(wrong_type(value, "a number or a percentage").hint(hint));
            return None;
        }
    };
    if found.is_none() {
        prune.report(value.place.error("no number of objects and no percentage from 0% to 100%").hint(hint));
    }
    found
}

fn cluster(fields: &mut Fields<'_>) -> Target {
    let Some(entry) = fields.entry("cluster") else { return Target::Default };
    match &entry.value.shape {
        Shape::String(_) => {
            fields.one_of("cluster", &[("in-cluster", ())]);
            return Target::InCluster;
        }
        Shape::Map(_) => {}
        _ => {
            let error = wrong_type(&entry.value, "`in-cluster` or a map");
            fields.report(error.hint("write `in-cluster`, {context: NAME} or {kubeconfig: {name: SECRET}}"));
            return Target::Default;
        }
    }
    let Some(mut map) = fields.map("cluster", &["context", "kubeconfig"]) else { return Target::Default };
    let context = map.text("context");
    if let Some(mut secret) = map.map("kubeconfig", &["name", "namespace", "key"]) {
        secret.needed("name");
        secret.text("namespace");
        secret.text("key");
    }
    if let Some(kubeconfig) = map.entry("kubeconfig") {
        let error = match context {
            Some(_) => {
                kubeconfig.key.error("both `context` and `kubeconfig`").hint("set the one that is not meant to null")
            }
            None => kubeconfig.key.error("`kubeconfig` is not supported yet").hint("use `context`"),
        };
        map.report(error);
        return Target::Default;
    }
    match context {
        Some(context) => Target::Context(context.text),
        None => {
            if map.entry("context").is_none() {
                map.report(map.place().error("names no cluster").hint("write {context: NAME}, or `in-cluster`"));
            }
            Target::Default
        }
    }
}

fn notify(fields: &mut Fields<'_>) -> Vec<Notify> {
    let read = |entry: &mut Fields<'_>| {
        if let Some(mut secret) = entry.map("secret", &["name", "namespace", "key"]) {
            secret.needed("name");
            secret.text("namespace");
            secret.text("key");
        }
        let events = entry.texts("events").unwrap_or_default().into_iter().map(|event| event.text).collect();
        let webhook = entry.needed("webhook")?;
        if !(webhook.text.starts_with("https://") || webhook.text.starts_with("http://")) {
            entry.report(webhook.place.error("a webhook starts with `https://` or `http://`"));
        }
        Some(Notify { webhook: webhook.text, events })
    };
    fields.maps("notify", &["webhook", "secret", "events"], read).unwrap_or_default()
}

/// The types of what is not supported yet, so that a file written today stays right.
fn later_environment(fields: &mut Fields<'_>) {
    if let Some(mut verify) = fields.map("verify", &["keys"]) {
        verify.texts("keys");
    }
    if let Some(mut decryption) = fields.map("decryption", &["provider", "secret"]) {
        decryption.one_of("provider", &[("sops", ())]);
        if let Some(mut secret) = decryption.map("secret", &["name", "namespace", "key"]) {
            secret.needed("name");
            secret.text("namespace");
            secret.text("key");
        }
    }
}

/// The types of what is not supported yet, so that a file written today stays right.
fn later_release(fields: &mut Fields<'_>) {
    fields.flag("hooks");
    fields.maps("valuesFrom", &["kind", "name", "namespace", "key", "optional"], |from| {
        from.one_of("kind", &[("ConfigMap", ()), ("Secret", ())]);
        from.needed("name");
        from.text("namespace");
        from.text("key");
        from.flag("optional");
        Some(())
    });
}
