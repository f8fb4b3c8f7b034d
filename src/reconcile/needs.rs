//! Which releases need objects of others before their own can be written.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Action, Before, DesiredObject, Plan};

use super::desired::DesiredEnvironment;

/// The releases whose objects others need: who renders the CRD of a kind that another one has objects of, or the namespace that
/// they are in.
pub(super) fn needed_objects(objects: &BTreeMap<String, Vec<DesiredObject>>) -> BTreeMap<String, Vec<String>> {
    let mut defined: BTreeMap<(String, String), &str> = BTreeMap::new();
    let mut namespaces: BTreeMap<&str, &str> = BTreeMap::new();
    for (release, object) in objects.iter().flat_map(|(name, list)| list.iter().map(move |o| (name, o))) {
        match object.id.kind.as_str() {
            "CustomResourceDefinition" => {
                let text = |pointer: &str| {
                    object.object.value().pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default()
                };
                defined.insert((text("/spec/group").to_owned(), text("/spec/names/kind").to_owned()), release);
            }
            "Namespace" if object.id.group.is_empty() => {
                namespaces.insert(&object.id.name, release);
            }
            _ => {}
        }
    }
    let mut needed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if defined.is_empty() && namespaces.is_empty() {
        return needed;
    }
    for (release, list) in objects {
        let mut of: BTreeSet<&str> = BTreeSet::new();
        for object in list {
            of.extend(defined.get(&(object.id.group.clone(), object.id.kind.clone())));
            of.extend(namespaces.get(object.id.namespace.as_str()));
        }
        of.remove(release.as_str());
        if !of.is_empty() {
            needed.insert(release.clone(), of.into_iter().map(str::to_owned).collect());
        }
    }
    needed
}

/// Says in a plan what each release waits for.
pub(super) fn say_waits(plan: &mut Plan, desired: &DesiredEnvironment, objects_of: &BTreeMap<String, Vec<String>>) {
    let order = &desired.environment.order;
    let acts = |plan: &Plan, group: usize| {
        let of_group = |name: &str| desired.releases.iter().any(|r| r.name == name && r.group == group);
        plan.releases.iter().any(|r| of_group(&r.release) && r.actions().any(Action::changes))
    };
    let acting: Vec<bool> = (0..order.len()).map(|group| acts(plan, group)).collect();
    for made in &mut plan.releases {
        let Some(release) = desired.releases.iter().find(|r| r.name == made.release) else { continue };
        let earlier = order.iter().take(release.group).zip(&acting).filter(|(_, acts)| **acts);
        made.wait_for(&Before {
            groups: earlier.map(|(name, _)| name.as_str()).collect(),
            depends_on: &release.depends_on,
            objects_of: objects_of.get(&release.name).map(Vec::as_slice).unwrap_or_default(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Object;
    use serde_json::json;

    #[test]
    fn who_needs_whose_objects() {
        let made = |value: serde_json::Value| {
            let object = Object::new(value).unwrap();
            DesiredObject {
                id: object.id(),
                version: String::new(),
                object,
                hash: String::new(),
                keep: false,
                mode: crate::plan::ApplyMode::default(),
                on_drift: None,
                ignore: Vec::new(),
            }
        };
        let plain = |version: &str, kind: &str, namespace: &str, name: &str| {
            made(json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}))
        };
        let definition = made(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.x.io"}, "spec": {"group": "x.io", "names": {"kind": "Thing"}}}));
        let objects = BTreeMap::from([
            ("app".to_owned(), vec![plain("x.io/v1", "Thing", "ns", "a"), plain("v1", "ConfigMap", "ns", "c")]),
            ("crds".to_owned(), vec![definition, plain("x.io/v1", "Thing", "other", "own")]),
            ("base".to_owned(), vec![plain("v1", "Namespace", "", "ns")]),
            ("else".to_owned(), vec![plain("y.io/v1", "Thing", "elsewhere", "a")]),
        ]);
        let expected = BTreeMap::from([("app".to_owned(), vec!["base".to_owned(), "crds".to_owned()])]);
        assert_eq!(needed_objects(&objects), expected);
    }
}
