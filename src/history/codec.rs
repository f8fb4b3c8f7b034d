//! A revision as the text in its Secret, and back: base64 over gzip over JSON. A Secret holds a mebibyte at most; what does not
//! fit is left out, the least needed first, because no deployment fails for its record.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::revision::Revision;

/// The most bytes that a Secret's data may have.
pub const LARGEST: usize = 1 << 20;
/// The largest record that is unpacked, in bytes of JSON.
const MAX_UNPACKED: u64 = 256 << 20;

/// A record that cannot be read. Not retryable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no record of helm: {0}")]
pub struct DecodeError(String);

/// A revision, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The value of the Secret's field, before Kubernetes' own base64.
    pub text: String,
    /// What did not fit, for people.
    pub left_out: Vec<&'static str>,
}

type Cut = fn(&mut Value);

/// What is left out, one after the other, until the rest fits. `rollback`, `uninstall` and the next `upgrade` need the manifest:
/// it goes last.
const CUTS: &[(&str, Cut)] = &[
    ("the chart's files", |record| cut(record, "/chart/files")),
    ("the chart's templates", |record| cut(record, "/chart/templates")),
    ("the chart's schema", |record| cut(record, "/chart/schema")),
    ("the notes", |record| remove(record, "/info", "notes")),
    ("the chart's values", |record| cut(record, "/chart/values")),
    ("the values", |record| remove(record, "", "config")),
    ("the hooks", |record| remove(record, "", "hooks")),
    ("the manifest", |record| remove(record, "", "manifest")),
];

fn cut(record: &mut Value, pointer: &str) {
    if let Some(value) = record.pointer_mut(pointer) {
        *value = Value::Null;
    }
}

fn remove(record: &mut Value, pointer: &str, key: &str) {
    if let Some(Value::Object(map)) = record.pointer_mut(pointer) {
        map.remove(key);
    }
}

/// Packs a revision into at most `largest` bytes.
#[must_use]
pub fn encode(revision: &Revision, largest: usize) -> Packed {
    let mut record = revision.to_json();
    let mut left_out = Vec::new();
    let mut cuts = CUTS.iter();
    loop {
        let text = pack(&record);
        if text.len() <= largest {
            return Packed { text, left_out };
        }
        let Some((what, cut)) = cuts.next() else { return Packed { text, left_out } };
        cut(&mut record);
        left_out.push(*what);
    }
}

fn pack(record: &Value) -> String {
    let json = serde_json::to_vec(record).unwrap_or_default();
    let mut encoder = GzEncoder::new(Vec::with_capacity(json.len() / 4), Compression::best());
    // Writing into memory does not fail.
    let packed = encoder.write_all(&json).and_then(|()| encoder.finish()).unwrap_or_default();
    STANDARD.encode(packed)
}

/// Reads the value of the Secret's field: what helm 3 and 4 write, and the uncompressed form of early versions.
///
/// # Errors
/// When it is neither.
pub fn decode(text: &str) -> Result<Revision, DecodeError> {
    let failed = |error: &dyn std::fmt::Display| DecodeError(error.to_string());
    let mut bytes = STANDARD.decode(text.trim_ascii()).map_err(|e| failed(&e))?;
    if bytes.starts_with(&[0x1f, 0x8b, 0x08]) {
        let mut unpacked = Vec::new();
        GzDecoder::new(&bytes[..]).take(MAX_UNPACKED).read_to_end(&mut unpacked).map_err(|e| failed(&e))?;
        bytes = unpacked;
    }
    let value: Value = serde_json::from_slice(&bytes).map_err(|e| failed(&e))?;
    if !value.is_object() {
        return Err(failed(&"not an object"));
    }
    Ok(Revision::of_json(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Text that does not shrink.
    fn noise(length: usize, seed: u64) -> String {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'0' + u8::try_from((state >> 33) % 75).unwrap())
        };
        (0..length).map(|_| next()).collect()
    }

    fn revision() -> Revision {
        Revision {
            name: "a".into(),
            version: 1,
            manifest: "kind: A".into(),
            chart: json!({"metadata": {"name": "c"}, "files": [], "templates": [], "values": {}}),
            ..Revision::default()
        }
    }

    #[test]
    fn what_is_packed_can_be_unpacked() {
        let packed = encode(&revision(), LARGEST);
        assert_eq!(decode(&packed.text).unwrap(), revision());
        let plain = STANDARD.encode(revision().to_json().to_string());
        assert_eq!(decode(&plain).unwrap(), revision(), "records of early versions are not compressed");
        for damage in ["", "!", "AAAA", &STANDARD.encode("[]")] {
            decode(damage).unwrap_err();
        }
    }

    #[test]
    fn the_least_needed_goes_first() {
        let mut large = revision();
        large.chart["files"] = json!([{"name": "README.md", "data": noise(900_000, 1)}]);
        let packed = encode(&large, LARGEST);
        assert_eq!(packed.left_out, [] as [&str; 0]);
        large.chart["templates"] = json!([{"name": "templates/a.yaml", "data": noise(500_000, 2)}]);
        let packed = encode(&large, LARGEST);
        assert_eq!(packed.left_out, ["the chart's files"]);
        assert!(packed.text.len() <= LARGEST);
        assert_eq!(decode(&packed.text).unwrap().chart["templates"], large.chart["templates"]);
        large.manifest = noise(700_000, 3);
        let packed = encode(&large, LARGEST);
        assert_eq!(packed.left_out, ["the chart's files", "the chart's templates"]);
        assert_eq!(decode(&packed.text).unwrap().manifest, large.manifest);
        large.manifest = noise(2_000_000, 4);
        let packed = encode(&large, LARGEST);
        assert!(packed.text.len() <= LARGEST);
        assert_eq!(packed.left_out.last(), Some(&"the manifest"));
        assert_eq!(decode(&packed.text).unwrap().chart_text("name"), "c");
    }
}
