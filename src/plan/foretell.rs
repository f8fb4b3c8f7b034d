//! What changes in place, what has to be made anew, and what cannot be: the objects that a plan updates, held against what is
//! there. A plan that has gone through here names its fields, and leaves no refusal of the server for later that could be known.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Action, Annotations, ApplyMode, Blocked, FieldChange, Finding, FindingKind, Plan, Propagation, Verb, immutable,
};
use crate::drift::FieldDrift;
use crate::fields::FieldPath;
use crate::manifest::{Object, ObjectId};

/// What is known of an object that is going to be updated.
#[derive(Debug, Clone, Default)]
pub struct Foreseen {
    /// The fields that change, secrets masked.
    pub fields: Vec<FieldChange>,
    /// The fields among them that the server does not let change.
    pub blocked: Vec<Blocked>,
    /// The UID of what is there.
    pub uid: String,
    /// How it is deleted, if it has to be made anew.
    pub propagation: Option<Propagation>,
    /// What would be lost with it.
    pub loses: Option<&'static str>,
}

impl Foreseen {
    /// From fields alone: of a change that others made, and that is put right in place.
    #[must_use]
    pub fn fields<'a>(changes: impl IntoIterator<Item = &'a FieldDrift>) -> Self {
        let change =
            |f: &FieldDrift| FieldChange { path: f.path.to_string(), live: f.live.clone(), desired: f.desired.clone() };
        Self { fields: changes.into_iter().map(change).collect(), ..Self::default() }
    }

    /// From the whole objects and the fields in which they differ.
    #[must_use]
    pub fn of(desired: &Object, live: &Object, changes: &[FieldDrift]) -> Self {
        let paths: Vec<FieldPath> = changes.iter().map(|f| f.path.clone()).collect();
        let blocked = immutable(desired, live, &paths);
        let propagation = (!blocked.is_empty()).then(|| propagation(desired, live, &blocked));
        let loses = loses(live, propagation);
        Self { blocked, uid: live.uid().to_owned(), propagation, loses, ..Self::fields(changes) }
    }
}

/// How dependents are treated: pods of workloads go before the new ones come; those of a StatefulSet whose claims alone change
/// stay, and its new self takes them over; nothing else has dependents that matter.
fn propagation(desired: &Object, live: &Object, blocked: &[Blocked]) -> Propagation {
    match live.kind() {
        "StatefulSet" => {
            let claims = blocked.iter().all(|b| b.path.starts_with(".spec.volumeClaimTemplates"));
            let names = |o: &Object| -> Vec<Value> {
                let list = o.value().pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
                list.into_iter().flatten().filter_map(|c| c.pointer("/metadata/name").cloned()).collect()
            };
            if claims && names(desired) == names(live) { Propagation::Orphan } else { Propagation::Foreground }
        }
        "Deployment" | "DaemonSet" | "ReplicaSet" | "Job" => Propagation::Foreground,
        _ => Propagation::Background,
    }
}

fn loses(live: &Object, propagation: Option<Propagation>) -> Option<&'static str> {
    let text = |pointer: &str| live.value().pointer(pointer).and_then(Value::as_str);
    match live.kind() {
        "PersistentVolumeClaim" => Some("the claim's volume, and what is on it"),
        "PersistentVolume" => Some("the volume, where its driver deletes it"),
        "StatefulSet"
            if propagation != Some(Propagation::Orphan)
                && text("/spec/persistentVolumeClaimRetentionPolicy/whenDeleted") == Some("Delete") =>
        {
            Some("the claims of its pods, as its retention policy says")
        }
        _ => None,
    }
}

/// Kinds that are never deleted to be made anew: what is in them would go, too.
const NEVER: &[&str] = &["Namespace", "CustomResourceDefinition"];

/// The plan with what is foreseen of its updates. Objects that are not in `foreseen` stay as they are planned.
#[must_use]
pub fn foretell(plan: Plan, foreseen: &BTreeMap<ObjectId, Foreseen>) -> Plan {
    let Plan { environment, revision, mut releases, mut findings, .. } = plan;
    for release in &mut releases {
        for action in release.apply.iter_mut().filter(|a| a.verb.writes()) {
            let Some(seen) = foreseen.get(&action.id) else { continue };
            action.fields.clone_from(&seen.fields);
            if seen.blocked.is_empty() {
                continue;
            }
            let mut found = blocked(action, seen);
            for finding in &mut found {
                finding.release.clone_from(&release.release);
            }
            findings.extend(found);
        }
    }
    findings.sort();
    findings.dedup();
    Plan::new(&environment, &revision, releases, findings)
}

/// Makes an action what the server allows: made anew where that is asked for, refused otherwise.
fn blocked(action: &mut Action, seen: &Foreseen) -> Vec<Finding> {
    action.immutable = seen.blocked.iter().map(|b| b.path.clone()).collect();
    let fields = action.immutable.join(", ");
    let why = seen.blocked.first().map_or("", |b| b.why);
    let anew =
        action.object.as_ref().and_then(|o| Annotations::of(o).ok()).map(|a| a.apply) == Some(ApplyMode::Recreate);
    let name = action.id.display();
    let finding = |kind, message| Finding { kind, release: String::new(), message };
    let allowed = anew && action.verb == Verb::Update && !NEVER.contains(&action.id.kind.as_str());
    if !allowed {
        let remedy = match action.verb {
            _ if NEVER.contains(&action.id.kind.as_str()) => "undo the change: it is never deleted to be made anew",
            Verb::Adopt => "it is not ours yet: delete it by hand, or ask for what is there",
            Verb::Transfer => "let it move first, and change it then",
            _ => "undo the change, or annotate it with `evenkeel.dev/apply: recreate` to have it deleted and made anew",
        };
        action.verb = Verb::Refuse;
        action.reason = format!("{fields} cannot be changed: {why}");
        return vec![finding(FindingKind::Immutable, format!("{name}: {}; {remedy}", action.reason))];
    }
    action.verb = Verb::Recreate;
    action.uid.clone_from(&seen.uid);
    action.propagation = seen.propagation;
    action.reason = format!("{}; {fields} cannot be changed, so it is deleted and made anew", action.reason);
    let mut found =
        vec![finding(FindingKind::Immutable, format!("{name} is deleted and made anew: {fields} cannot be changed"))];
    if let Some(what) = seen.loses {
        found.push(finding(FindingKind::DataLoss, format!("{name} is deleted and made anew, and with it goes {what}")));
    }
    found
}

/// What a person should know of the deletions.
pub(super) fn removals(releases: &[super::ReleasePlan], findings: &mut Vec<Finding>) {
    for release in releases {
        for action in release.prune.iter().filter(|a| a.verb == Verb::Prune && !a.uid.is_empty()) {
            let (kind, what) = match (action.id.group.as_str(), action.id.kind.as_str()) {
                ("", "Namespace") => (FindingKind::NamespaceRemoval, "everything in it"),
                ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                    (FindingKind::DefinitionRemoval, "every object of its kind")
                }
                ("", "PersistentVolumeClaim" | "PersistentVolume") => (FindingKind::DataLoss, "what is stored on it"),
                _ => continue,
            };
            let message = format!("{} is deleted, and with it goes {what}", action.id.display());
            findings.push(Finding { kind, release: release.release.clone(), message });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ReleasePlan;
    use serde_json::json;

    fn planned(verb: Verb, annotations: &Value) -> Plan {
        let object = Object::new(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "a", "namespace": "n", "annotations": annotations}}))
        .unwrap();
        let action = Action { hash: "h".into(), object: Some(object.clone()), ..Action::new(verb, object.id()) };
        let release = ReleasePlan {
            release: "r".into(),
            namespace: "n".into(),
            stage: 0,
            gone: false,
            waits: Vec::new(),
            operation: None,
            before: Vec::new(),
            after: Vec::new(),
            apply: vec![action],
            prune: Vec::new(),
        };
        let before = Plan::new("test", "v", vec![release], Vec::new());
        let blocked = vec![Blocked { path: ".spec.accessModes".into(), why: "it is so" }];
        let seen = Foreseen { blocked, uid: "u".into(), loses: Some("what is on it"), ..Foreseen::default() };
        let after = foretell(before.clone(), &BTreeMap::from([(object.id(), seen)]));
        assert_ne!(after.digest, before.digest, "what is foretold is part of the plan");
        after
    }

    #[test]
    fn only_what_is_ours_and_asks_for_it_is_made_anew() {
        let anew = json!({"evenkeel.dev/apply": "recreate"});
        let plan = planned(Verb::Update, &anew);
        assert_eq!((plan.releases[0].apply[0].verb, plan.releases[0].apply[0].uid.as_str()), (Verb::Recreate, "u"));
        let kinds: Vec<FindingKind> = plan.findings.iter().map(|f| f.kind).collect();
        assert_eq!(kinds, [FindingKind::Immutable, FindingKind::DataLoss]);
        for (verb, annotations) in [(Verb::Update, json!({})), (Verb::Adopt, anew.clone()), (Verb::Transfer, anew)] {
            let plan = planned(verb, &annotations);
            assert_eq!(plan.releases[0].apply[0].verb, Verb::Refuse, "{verb}");
            assert!(plan.findings[0].message.contains(".spec.accessModes cannot be changed: it is so; "));
            assert_eq!(plan.findings.len(), 1, "nothing is lost by what is refused");
        }
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan, "a plan survives storage");
    }
}
