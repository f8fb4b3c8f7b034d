//! Takes secrets out of words that others wrote (container messages, events): the values of the Secrets at hand, wherever
//! they stand, and what looks like a credential.

use std::collections::BTreeSet;
use std::sync::{LazyLock, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;
use serde_json::Value;

use super::mask::{MASK, is_secret};
use super::object::Object;

/// Shorter values are not looked for: they would stand in every other word.
const SHORTEST: usize = 5;

/// How everything begins that stands in the place of a secret.
const MASKED: &str = "<secret";

/// Shorter ones are not looked for where they are all of a value, either.
const SHORTEST_WHOLE: usize = 3;

/// What looks like a credential: the user part of a URL, what follows `Bearer`, and what is assigned to a telling name. The
/// first group stays.
static LOOKS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let rules = [
        r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@]+@",
        r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}",
        r#"(?i)(\b[\w.-]*(?:password|passwd|passphrase|pwd|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key)[\w.-]*["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&"']+)"#,
    ];
    rules.iter().filter_map(|rule| Regex::new(rule).ok()).collect()
});

/// Knows the secrets of some objects. Cheap to make, and to ask when there are none.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<Object>,
    texts: BTreeSet<String>,
    /// Looked for when there is something to take them out of. Longest first: one may be part of another.
    values: OnceLock<Vec<String>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len() + self.texts.len())
    }
}

impl Redactor {
    /// Knows the values of the Secrets among `objects`, plain and in base64, and each line of those that have several.
    #[must_use]
    pub fn new<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let secrets = objects.into_iter().filter(|o| o.kind() == "Secret").map(Object::at_rest).collect();
        Self { secrets, ..Self::default() }
    }

    /// Knows these texts, plain and as templates write them elsewhere (base64, in JSON, in a URL), and each line of those that
    /// have several.
    #[must_use]
    pub fn of_texts(texts: BTreeSet<String>) -> Self {
        Self { texts, ..Self::default() }
    }

    /// Whether it knows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.texts.is_empty()
    }

    /// Takes what it knows out of all texts of a value, and whole values of three characters or more; the keys of maps stay.
    /// Whether anything was taken out.
    pub fn veil(&self, value: &mut Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) => false,
            Value::Number(number) => {
                let is = self.is_whole(&number.to_string());
                if is {
                    *value = Value::from(MASK);
                }
                is
            }
            Value::String(text) => {
                let shown = if self.is_whole(text) { MASK.to_owned() } else { self.without_values(text) };
                let changed = shown != *text;
                *text = shown;
                changed
            }
            // All of them, not only the first.
            Value::Array(items) => items.iter_mut().filter_map(|item| self.veil(item).then_some(())).count() > 0,
            Value::Object(map) => map.values_mut().filter_map(|item| self.veil(item).then_some(())).count() > 0,
        }
    }

    fn is_whole(&self, text: &str) -> bool {
        text.len() >= SHORTEST_WHOLE && self.texts.contains(text)
    }

    fn values(&self) -> &[String] {
        self.values.get_or_init(|| Self::values_of(&self.secrets, &self.texts))
    }

    fn values_of(secrets: &[Object], texts: &BTreeSet<String>) -> Vec<String> {
        let mut values: BTreeSet<String> = texts.clone();
        values.extend(texts.iter().flat_map(|text| written_elsewhere(text)));
        for object in secrets.iter().filter(|o| is_secret(o.value())) {
            let texts = |field: &str| {
                let map = object.value().get(field).and_then(Value::as_object);
                map.into_iter()
                    .flat_map(|m| m.values())
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            for encoded in texts("data") {
                let plain = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                values.extend(plain);
                values.insert(encoded);
            }
            values.extend(texts("stringData"));
        }
        let lines: Vec<String> = values.iter().flat_map(|v| v.lines()).map(|l| l.trim().to_owned()).collect();
        values.extend(lines);
        let long = |value: &String| value.trim().len() >= SHORTEST;
        let mut values: Vec<String> = values.into_iter().map(|v| v.trim().to_owned()).filter(long).collect();
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        values
    }

    /// Knows what another one knows, too.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            secrets: self.secrets.iter().chain(&other.secrets).cloned().collect(),
            texts: self.texts.union(&other.texts).cloned().collect(),
            values: OnceLock::new(),
        }
    }

    /// The text without the values that it knows: for words of our own, in which nothing else is secret.
    #[must_use]
    pub fn without_values(&self, text: &str) -> String {
        let known: Vec<&str> = self.values().iter().map(String::as_str).filter(|value| text.contains(value)).collect();
        if known.is_empty() {
            return text.to_owned();
        }
        let (mut shown, mut rest) = (String::new(), text);
        // What was taken out before stays as it is, even if `secret` is one of the values.
        let found = |rest: &str| {
            let places = [MASKED].into_iter().chain(known.iter().copied());
            places.filter_map(|value| Some((rest.find(value)?, value.len(), value == MASKED))).min_by_key(|at| at.0)
        };
        while let Some((at, length, masked)) = found(rest) {
            shown.push_str(&rest[..at]);
            shown.push_str(if masked { MASKED } else { MASK });
            rest = &rest[at + length..];
        }
        shown.push_str(rest);
        shown
    }

    /// The text without them, and without what looks like a credential.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = self.without_values(text);
        for look in LOOKS.iter() {
            let shown = if look.as_str().contains("://") { format!("${{1}}{MASK}@") } else { format!("${{1}}{MASK}") };
            text = look.replace_all(&text, shown.as_str()).into_owned();
        }
        text
    }
}

/// A text as templates write it into other things: in base64, within quotes, in a URL's path and query.
fn written_elsewhere(text: &str) -> [String; 6] {
    let quoted = Value::from(text).to_string();
    let quoted = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned();
    // Go's JSON leaves nothing that HTML could take for its own.
    let in_json = quoted.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    let in_path = utf8_percent_encode(text, UNRESERVED).to_string();
    let in_query = in_path.replace("%20", "+");
    [STANDARD.encode(text), quoted, in_json, text.replace('\'', "''"), in_path, in_query]
}

/// What Go and others leave as it is in a URL.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_veil_hides_what_was_encrypted_wherever_it_stands() {
        let texts = ["p@ss \"word\"", "42", "app", "1234", "secret", "a\nlong line\n"];
        let redactor = Redactor::of_texts(texts.map(str::to_owned).into());
        for (given, shown) in [
            (json!("p@ss \"word\""), json!("<secret>")),
            (json!("url=p%40ss%20%22word%22&x=p%40ss+%22word%22"), json!("url=<secret>&x=<secret>")),
            (
                json!({"a": "json: \"p@ss \\\"word\\\"\"", "n": [1234, 12345]}),
                json!({"a": "json: \"<secret>\"", "n": ["<secret>", 12345]}),
            ),
            (json!(STANDARD.encode("p@ss \"word\"")), json!("<secret>")),
            (
                json!({"app": "app", "b": "an app", "c": 42, "d": "42"}),
                json!({"app": "<secret>", "b": "an app", "c": 42, "d": "42"}),
            ),
            (json!("  long line"), json!("  <secret>")),
            (json!("a secret: <secret>, <secret: changed>"), json!("a <secret>: <secret>, <secret: changed>")),
            (json!([true, null, 1.5]), json!([true, null, 1.5])),
        ] {
            let mut value = given.clone();
            assert_eq!(redactor.veil(&mut value), value != given, "{given}");
            assert_eq!(value, shown);
        }
    }

    #[test]
    fn values_of_secrets_and_what_looks_like_one_are_taken_out() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "data": {"p": STANDARD.encode("hunter2-and-more"), "short": STANDARD.encode("a")},
            "stringData": {"key": "-----BEGIN-----\nMIIabcdef\n-----END-----"}});
        let redactor = Redactor::new([&Object::new(secret).unwrap()]);
        for (text, expected) in [
            ("cannot log in with hunter2-and-more at db", "cannot log in with <secret> at db"),
            ("a line MIIabcdef of a key", "a line <secret> of a key"),
            (
                "pull https://bob:pw@registry.example.org/a:1 failed",
                "pull https://<secret>@registry.example.org/a:1 failed",
            ),
            ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer <secret>"),
            ("DB_PASSWORD=x1 host=db", "DB_PASSWORD=<secret> host=db"),
            (r#"{"token": "abc def", "n": 1}"#, r#"{"token": <secret>, "n": 1}"#),
            ("secret \"web\" not found", "secret \"web\" not found"),
            ("a plain failure, exit code 1", "a plain failure, exit code 1"),
        ] {
            assert_eq!(redactor.redact(text), expected);
        }
        let own = "values.yaml:3:1: password: {{ .x }} is not hunter2-and-more";
        assert_eq!(redactor.without_values(own), "values.yaml:3:1: password: {{ .x }} is not <secret>");
        assert_eq!(Redactor::default().and(&redactor).without_values(own), redactor.without_values(own));
        assert_eq!(format!("{redactor:?}").matches("hunter2").count(), 0);
    }
}
