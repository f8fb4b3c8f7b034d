//! What others own by the rules of the trade, without anybody saying so: a small table. docs/drift.md shows it to people, and a
//! test holds the two together.

use super::FieldDrift;
use crate::fields::{FieldPath, PathElement};
use crate::manifest::Object;

/// A field that is not ours where a condition holds.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// The kinds; none: any kind.
    pub kinds: &'static [&'static str],
    /// The field as a JSON pointer, `*` for any item; what is inside it belongs to it.
    pub pointer: &'static str,
    /// When.
    pub when: When,
}

/// When a field is somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A HorizontalPodAutoscaler or ScaledObject targets the object.
    Autoscaled,
    /// The object asks for it by an annotation (cert-manager's, OpenShift's), or the injector wrote the field.
    Injected,
    /// The desired object has an `aggregationRule`.
    Aggregated,
}

/// Annotations that ask somebody to fill in a CA bundle.
pub(super) const INJECTED: &[&str] = &[
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
    "service.beta.openshift.io/inject-cabundle",
];

/// Who fills them in.
pub(super) const INJECTOR: &str = "cert-manager-cainjector";

/// The table.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn { kinds: &[], pointer: "/spec/replicas", when: When::Autoscaled },
    BuiltIn {
        kinds: &["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"],
        pointer: "/webhooks/*/clientConfig/caBundle",
        when: When::Injected,
    },
    BuiltIn {
        kinds: &["CustomResourceDefinition"],
        pointer: "/spec/conversion/webhook/clientConfig/caBundle",
        when: When::Injected,
    },
    BuiltIn { kinds: &["APIService"], pointer: "/spec/caBundle", when: When::Injected },
    BuiltIn { kinds: &["ClusterRole"], pointer: "/rules", when: When::Aggregated },
];

/// Whether a difference is somebody else's business.
pub(super) fn lets_be(desired: &Object, live: &Object, field: &FieldDrift, autoscaled: bool) -> bool {
    let annotated = |name: &&str| desired.annotation(name).or_else(|| live.annotation(name)).is_some();
    BUILT_IN.iter().any(|rule| {
        (rule.kinds.is_empty() || rule.kinds.contains(&desired.kind()))
            && leads_to(rule.pointer, &field.path)
            && match rule.when {
                When::Autoscaled => autoscaled,
                When::Injected => field.manager == INJECTOR || INJECTED.iter().any(annotated),
                When::Aggregated => desired.value().get("aggregationRule").is_some_and(serde_json::Value::is_object),
            }
    })
}

fn leads_to(pointer: &str, path: &FieldPath) -> bool {
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    steps.len() <= path.0.len()
        && steps
            .iter()
            .zip(&path.0)
            .all(|(step, element)| *step == "*" || matches!(element, PathElement::Field(name) if name == step))
}

/// Fields that others add and that nobody wants to be told of, not even by `strict`: annotations by the start of their name.
pub(super) const ANNOTATIONS: &[&str] = &[
    "deployment.kubernetes.io/",
    "kubectl.kubernetes.io/restartedAt",
    "kubectl.kubernetes.io/last-applied-configuration",
    "meta.helm.sh/release-",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "evenkeel.dev/",
];

/// Whether an added field is one that nobody wants to be told of.
pub(super) fn ordinary(path: &FieldPath, autoscaled: bool) -> bool {
    let known = |name: &str| ANNOTATIONS.iter().any(|start| name.starts_with(start));
    match path.0.as_slice() {
        [PathElement::Field(spec), PathElement::Field(replicas)] if spec == "spec" && replicas == "replicas" => {
            autoscaled
        }
        // What owners, the garbage collector and helm's own mark make of an object.
        [PathElement::Field(metadata), PathElement::Field(of), ..]
            if metadata == "metadata" && of == "ownerReferences" =>
        {
            true
        }
        [.., PathElement::Field(of), PathElement::Field(name)] if of == "annotations" => known(name),
        [PathElement::Field(metadata), PathElement::Field(labels), PathElement::Field(name)]
            if metadata == "metadata" && labels == "labels" =>
        {
            name == "app.kubernetes.io/managed-by" || name == "kubernetes.io/metadata.name"
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(path: FieldPath, manager: &str) -> FieldDrift {
        FieldDrift {
            path,
            desired: None,
            live: Some(json!("x")),
            manager: manager.to_owned(),
            operation: None,
            subresource: String::new(),
            time: None,
            added: false,
        }
    }

    #[test]
    fn a_ca_bundle_is_its_injectors() {
        let webhook = |annotations: serde_json::Value| {
            Object::new(
                json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": "w", "annotations": annotations}}),
            )
            .unwrap()
        };
        let path = FieldPath::of(&["webhooks"])
            .join(PathElement::key([("name", json!("a.b.c"))]))
            .join(PathElement::field("clientConfig"))
            .join(PathElement::field("caBundle"));
        let (plain, asks) = (webhook(json!({})), webhook(json!({INJECTED[0]: "n/c"})));
        assert!(!lets_be(&plain, &plain, &field(path.clone(), "kubectl"), false));
        assert!(lets_be(&plain, &plain, &field(path.clone(), INJECTOR), false));
        assert!(lets_be(&asks, &plain, &field(path.clone(), "anybody"), false));
        let url = FieldPath(path.0[..3].to_vec()).join(PathElement::field("url"));
        assert!(!lets_be(&asks, &plain, &field(url, INJECTOR), false));
    }

    #[test]
    fn the_documentation_has_the_table() {
        let text = include_str!("../../docs/drift.md");
        for rule in BUILT_IN {
            assert!(text.contains(&format!("`{}`", rule.pointer)), "{}", rule.pointer);
            assert!(rule.kinds.iter().all(|kind| text.contains(kind)), "{:?}", rule.kinds);
        }
        for name in INJECTED.iter().chain(ANNOTATIONS).chain(&[INJECTOR]).chain(crate::fields::CONTROLLERS) {
            assert!(text.contains(&format!("`{name}")), "{name}");
        }
    }
}
