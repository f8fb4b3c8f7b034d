//! What was deployed, in one digest: equal digests mean that a new revision would say nothing new.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::revision::Revision;

/// A digest over the objects, the hooks, the values that were given and the chart's name and version, whoever wrote the
/// revision; 32 hexadecimal digits. Keyed, because it is read by more people than the record is, and the plain hash of a weak
/// password is soon guessed. The notes and the chart's texts are not part of it: they deploy nothing.
#[must_use]
pub fn digest(revision: &Revision, key: &[u8]) -> String {
    let mut digest = Sha256::new();
    let mut put = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    put(key);
    for name in ["name", "version", "appVersion"] {
        put(revision.chart_text(name).as_bytes());
    }
    put(revision.manifest.as_bytes());
    let mut values = String::new();
    write(&Value::Object(revision.config.clone()), &mut values);
    put(values.as_bytes());
    for hook in &revision.hooks {
        put(hook.path.as_bytes());
        put(hook.manifest.as_bytes());
    }
    digest.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// Values with sorted keys and numbers as helm has them: float64, so that `1` and `1.0` are one.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => out.push_str(&number.as_f64().unwrap_or_default().to_string()),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(map) => {
            let sorted: std::collections::BTreeMap<_, _> = map.iter().collect();
            out.push('{');
            for (key, value) in sorted {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(value, out);
                out.push(',');
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn revision(config: &Value, manifest: &str) -> Revision {
        let config = config.as_object().cloned().unwrap_or_default();
        Revision { config, manifest: manifest.into(), ..Revision::default() }
    }

    #[test]
    fn the_same_by_another_writer_is_the_same() {
        let ours = revision(&json!({"a": 1.0, "b": [1e3, null]}), "kind: A");
        let mut helms = revision(&json!({"b": [1000, null], "a": 1}), "kind: A");
        helms.version = 7;
        helms.info.notes = "other".into();
        assert_eq!(digest(&ours, b"k"), digest(&helms, b"k"));
        assert_ne!(digest(&ours, b"k"), digest(&ours, b"l"));
        assert_ne!(digest(&ours, b"k"), digest(&revision(&json!({"a": 1.5}), "kind: A"), b"k"));
        assert_ne!(digest(&ours, b"k"), digest(&revision(&json!({"a": 1.0, "b": [1e3, null]}), "kind: B"), b"k"));
    }
}
