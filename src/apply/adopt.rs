//! Whose an object is, and how the fields of those who wrote it before become ours.
//!
//! An object without our owner annotation is nobody's and is adopted. One whose annotation names itself and another release is
//! that release's and is refused. An annotation that names another object was copied along with the rest and proves nothing.
//!
//! Writers of before keep removed fields alive: their entries in the managed fields are co-owners. When an object is adopted,
//! the entries of those who write whole manifests are merged into ours ([`MERGED`]): what those tools wrote and the chart no longer
//! says then really vanishes, except helm's own mark of the release, which helm asks for. Who changes single fields (`kubectl
//! edit`, `scale`, an operator, an autoscaler) keeps them. `before-first-apply`, which the server invents for objects without managed
//! fields, is dropped: it covers every field there is, an autoscaler's replicas too, and taking those over would reset them.

use serde_json::{Map, Value, json};

use crate::cluster::is_ours;
use crate::manifest::{ANNOTATION_OWNER, FIELD_MANAGER, Object, ObjectId, owner_of};

/// A release, as an owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The environment.
    pub environment: String,
    /// The release.
    pub release: String,
}

impl Owner {
    /// A release of an environment.
    #[must_use]
    pub fn new(environment: &str, release: &str) -> Self {
        Self { environment: environment.to_owned(), release: release.to_owned() }
    }

    /// Whether a live object says that it is this release's: its annotation names the object itself and the release.
    #[must_use]
    pub fn owns(&self, id: &ObjectId, live: &Object) -> bool {
        live.annotation(ANNOTATION_OWNER) == Some(&owner_of(id, &self.environment, &self.release))
    }

    /// The owner that a live object names, when the annotation is its own.
    #[must_use]
    pub fn named_by(id: &ObjectId, live: &Object) -> Option<Self> {
        let (named, owner) = live.annotation(ANNOTATION_OWNER)?.split_once('@')?;
        // Names may hold an `@` (RBAC): the owner is what stands behind the object's own identity.
        let owner = if named == id.to_string() {
            owner
        } else {
            live.annotation(ANNOTATION_OWNER)?.strip_prefix(&id.to_string())?.strip_prefix('@')?
        };
        Self::parse(owner)
    }

    /// From `environment/release`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (environment, release) = text.split_once('/')?;
        Some(Self::new(environment, release))
    }
}

/// Who writes whole manifests, and how: manager and operation, as the API server records them.
const MERGED: &[(&str, &str)] = &[
    ("helm", "Update"),
    // Helm 4 applies on the server's side.
    ("helm", "Apply"),
    ("kubectl-client-side-apply", "Update"),
    // `kubectl apply --server-side`, and the annotation that it keeps of the times before.
    ("kubectl", "Apply"),
    ("kubectl-last-applied", "Apply"),
    ("kubectl-create", "Update"),
    ("kubectl-replace", "Update"),
    // Argo CD, with ServerSideApply=true, without, and before it named itself.
    ("argocd-controller", "Apply"),
    ("argocd-controller", "Update"),
    ("argocd-application-controller", "Update"),
    // Flux's controllers; that of helm writes as helm does.
    ("helm-controller", "Update"),
    ("helm-controller", "Apply"),
    ("kustomize-controller", "Apply"),
];
const DROPPED: (&str, &str) = ("before-first-apply", "Update");

/// The managed fields with the entries of earlier writers migrated; `None` when there is nothing to migrate.
pub(super) fn migrated(live: &Object, now: &str) -> Option<Vec<Value>> {
    let entries = live.value().pointer("/metadata/managedFields")?.as_array()?;
    let adopted = !entries.iter().any(is_ours);
    let mut ours = entries.iter().find(|e| is_ours(e)).cloned();
    let mut kept = Vec::new();
    let mut changed = false;
    for entry in entries.iter().filter(|e| !is_ours(e)) {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let writer = (text("manager"), text("operation"));
        let whole = text("subresource").is_empty();
        if whole && writer == DROPPED {
            changed = true;
        } else if whole && MERGED.contains(&writer) && adopted {
            let base = ours.get_or_insert_with(|| {
                json!({"manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": text("apiVersion"), "time": now,
                    "fieldsType": "FieldsV1", "fieldsV1": {}})
            });
            // Sets in two versions cannot be merged without the server's conversion.
            if base.get("apiVersion") == entry.get("apiVersion") {
                let mut fields = entry.get("fieldsV1").cloned().unwrap_or_default();
                if let Some(marks) = take_marks(&mut fields) {
                    let mut theirs = entry.clone();
                    theirs["fieldsV1"] = marks;
                    kept.push(theirs);
                }
                unite(&mut base["fieldsV1"], fields);
                changed = true;
            } else {
                kept.push(entry.clone());
            }
        } else {
            kept.push(entry.clone());
        }
    }
    changed.then(|| ours.into_iter().chain(kept).collect())
}

/// What helm itself puts on every object of a release. `helm upgrade` and `rollback` look for it on objects that they do not know.
const MARKS: &[(&str, &str)] = &[
    ("f:annotations", "f:meta.helm.sh/release-name"),
    ("f:annotations", "f:meta.helm.sh/release-namespace"),
    ("f:labels", "f:app.kubernetes.io/managed-by"),
];

/// Takes helm's marks out of a set: they stay its own, so that they stay on the object.
fn take_marks(fields: &mut Value) -> Option<Value> {
    let metadata = fields.get_mut("f:metadata")?;
    let mut taken = json!({});
    for (map, mark) in MARKS {
        if let Some(Value::Object(entries)) = metadata.get_mut(*map)
            && let Some(value) = entries.remove(*mark)
        {
            taken[*map][*mark] = value;
        }
    }
    taken.get("f:annotations").is_some().then(|| json!({"f:metadata": taken}))
}

/// The union of two sets in their JSON form.
fn unite(into: &mut Value, from: Value) {
    let Value::Object(from) = from else { return };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    if let Value::Object(into) = into {
        for (key, value) in from {
            unite(into.entry(key).or_insert_with(|| Value::Object(Map::new())), value);
        }
    }
}

/// The JSON patch that stores migrated managed fields, unless the object has changed since it was read.
pub(super) fn migration_patch(live: &Object, entries: Vec<Value>) -> Value {
    // An empty list would mean "clear": the server then starts again with `before-first-apply`.
    let value = if entries.is_empty() { json!([{}]) } else { Value::Array(entries) };
    json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": value},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live.resource_version()},
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(annotation: &str, managed: &Value) -> Object {
        Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n",
            "annotations": {ANNOTATION_OWNER: annotation}, "managedFields": managed, "resourceVersion": "5"}}))
        .unwrap()
    }

    #[test]
    fn a_copied_annotation_proves_nothing() {
        let id: ObjectId = "/ConfigMap/n/a".parse().unwrap();
        let owner = Owner::new("production", "clipper");
        let mine = object("/ConfigMap/n/a@production/clipper", &Value::Null);
        assert!(owner.owns(&id, &mine));
        assert_eq!(Owner::named_by(&id, &mine), Some(owner.clone()));
        let copied = object("/ConfigMap/n/b@production/clipper", &Value::Null);
        assert!(!owner.owns(&id, &copied));
        assert_eq!(Owner::named_by(&id, &copied), None);
        let odd: ObjectId = "rbac.authorization.k8s.io/Role/n/a@b".parse().unwrap();
        let role = object("rbac.authorization.k8s.io/Role/n/a@b@staging/x", &Value::Null);
        assert_eq!(Owner::named_by(&odd, &role), Some(Owner::new("staging", "x")));
    }

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "time": "t", "fieldsV1": fields})
    }

    #[test]
    fn adoption_takes_over_what_helm_and_kubectl_wrote() {
        let live = object(
            "",
            &json!([
                entry("helm", "Update", &json!({"f:data": {"f:a": {}}})),
                entry("kubectl-client-side-apply", "Update", &json!({"f:data": {"f:b": {}}})),
                entry("kubectl-edit", "Update", &json!({"f:data": {"f:c": {}}})),
                entry("kubectl", "Apply", &json!({"f:data": {"f:d": {}}})),
                entry("kubectl", "Update", &json!({"f:data": {"f:e": {}}})),
                entry("terraform", "Apply", &json!({"f:data": {"f:f": {}}})),
            ]),
        );
        let entries = migrated(&live, "now").unwrap();
        assert!(is_ours(&entries[0]));
        assert_eq!(entries[0]["fieldsV1"], json!({"f:data": {"f:a": {}, "f:b": {}, "f:d": {}}}));
        let kept: Vec<&str> = entries[1..].iter().map(|e| e["manager"].as_str().unwrap()).collect();
        assert_eq!(kept, ["kubectl-edit", "kubectl", "terraform"]);
    }

    #[test]
    fn adoption_takes_over_what_other_gitops_tools_wrote() {
        for (manager, operation) in [
            ("argocd-controller", "Apply"),
            ("argocd-controller", "Update"),
            ("helm-controller", "Update"),
            ("kustomize-controller", "Apply"),
        ] {
            let live = object("", &json!([entry(manager, operation, &json!({"f:data": {"f:a": {}}}))]));
            let entries = migrated(&live, "now").unwrap();
            assert!(is_ours(&entries[0]) && entries.len() == 1, "{manager} {operation}: {entries:?}");
        }
    }

    #[test]
    fn helms_marks_stay_helms() {
        let fields = json!({"f:data": {"f:a": {}}, "f:metadata": {
            "f:annotations": {"f:meta.helm.sh/release-name": {}, "f:meta.helm.sh/release-namespace": {}, "f:x": {}},
            "f:labels": {"f:app.kubernetes.io/managed-by": {}}}});
        let entries = migrated(&object("", &json!([entry("helm", "Update", &fields)])), "now").unwrap();
        assert_eq!(entries[0]["fieldsV1"]["f:metadata"]["f:annotations"], json!({"f:x": {}}));
        assert_eq!(entries[1]["manager"], "helm");
        assert_eq!(entries[1]["fieldsV1"]["f:metadata"]["f:annotations"].as_object().unwrap().len(), 2);
        assert_eq!(entries[1]["fieldsV1"].get("f:data"), None);
    }

    #[test]
    fn what_is_ours_already_stays_as_it_is() {
        let ours = entry("evenkeel", "Apply", &json!({"f:data": {"f:a": {}}}));
        let kubectl = entry("kubectl-client-side-apply", "Update", &json!({"f:data": {"f:b": {}}}));
        assert_eq!(migrated(&object("", &json!([ours, kubectl])), "now"), None);
        let invented = entry("before-first-apply", "Update", &json!({"f:data": {"f:b": {}}}));
        assert_eq!(migrated(&object("", &json!([ours, invented])), "now"), Some(vec![ours]));
    }
}
