//! What an object's own annotations say of how it is kept: read once, for plans and for `lint`.

use crate::diagnostic::nearest;
use crate::environment::OnDrift;
use crate::manifest::{ANNOTATION_APPLY, ANNOTATION_ON_DRIFT, ANNOTATION_PRUNE, Object};

/// How an object is applied (`evenkeel.dev/apply`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApplyMode {
    /// Created, and kept equal to Git (without the annotation).
    #[default]
    Always,
    /// Created when it is missing, and left alone once it is there.
    IfMissing,
    /// As always; where a change cannot be made in place, it is deleted and made anew.
    Recreate,
    /// Neither created, changed nor deleted.
    Skip,
}

/// What the annotations of an object say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Annotations {
    /// `evenkeel.dev/apply`.
    pub apply: ApplyMode,
    /// Whether it survives its release (`evenkeel.dev/prune: never`, `helm.sh/resource-policy: keep`).
    pub keep: bool,
    /// `evenkeel.dev/onDrift`, over the release's policy.
    pub on_drift: Option<OnDrift>,
}

const APPLY: &[(&str, ApplyMode)] =
    &[("ifMissing", ApplyMode::IfMissing), ("recreate", ApplyMode::Recreate), ("skip", ApplyMode::Skip)];
const PRUNE: &[(&str, bool)] = &[("never", true)];
const ON_DRIFT: &[(&str, OnDrift)] =
    &[("correct", OnDrift::Correct), ("alert", OnDrift::Alert), ("ignore", OnDrift::Ignore)];

impl Annotations {
    /// Reads them.
    ///
    /// # Errors
    /// One sentence for each value that means nothing, with the values that do and the nearest of them.
    pub fn of(object: &Object) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let apply = read(object, ANNOTATION_APPLY, APPLY, &mut errors);
        let prune = read(object, ANNOTATION_PRUNE, PRUNE, &mut errors);
        let on_drift = read(object, ANNOTATION_ON_DRIFT, ON_DRIFT, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        // Helm compares it so: without regard to case and to space around.
        let helm = object.annotation("helm.sh/resource-policy");
        let keep = helm.is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"));
        Ok(Self { apply: apply.unwrap_or_default(), keep: keep || prune.unwrap_or(false), on_drift })
    }
}

fn read<T: Copy>(object: &Object, key: &str, known: &[(&str, T)], errors: &mut Vec<String>) -> Option<T> {
    let given = match object.value().pointer("/metadata/annotations")?.get(key)? {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == given) {
        return Some(*value);
    }
    let names = || known.iter().map(|(name, _)| *name);
    let list = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let hint = nearest(&given, names()).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    errors.push(format!("annotation {key}: `{given}` is none of {list}{hint}"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(annotations: &Value) -> Result<Annotations, Vec<String>> {
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": annotations}});
        Annotations::of(&Object::new(object).unwrap())
    }

    #[test]
    fn every_value_has_its_meaning() {
        assert_eq!(of(&json!({})), Ok(Annotations::default()));
        let all =
            json!({"evenkeel.dev/apply": "recreate", "evenkeel.dev/prune": "never", "evenkeel.dev/onDrift": "alert"});
        let read = Annotations { apply: ApplyMode::Recreate, keep: true, on_drift: Some(OnDrift::Alert) };
        assert_eq!(of(&all), Ok(read));
        assert_eq!(of(&json!({"evenkeel.dev/apply": "skip"})).unwrap().apply, ApplyMode::Skip);
        assert!(of(&json!({"helm.sh/resource-policy": " Keep"})).unwrap().keep);
    }

    #[test]
    fn a_wrong_value_names_the_nearest() {
        let wrong = json!({"evenkeel.dev/apply": "ifmising", "evenkeel.dev/prune": "no", "evenkeel.dev/onDrift": true});
        assert_eq!(
            of(&wrong).unwrap_err(),
            [
                "annotation evenkeel.dev/apply: `ifmising` is none of `ifMissing`, `recreate`, `skip`; did you mean `ifMissing`?",
                "annotation evenkeel.dev/prune: `no` is none of `never`",
                "annotation evenkeel.dev/onDrift: `true` is none of `correct`, `alert`, `ignore`",
            ]
        );
    }
}
