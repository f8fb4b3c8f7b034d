//! Takes secret values out of what `explain` prints. A values file does not say which of its values are secret: the names
//! of keys do, and the looks of a value. When in doubt, a value is masked.

use std::borrow::Cow;

use serde_json::Value;

use crate::manifest::MASK;
use crate::values::{Explained, KeyPath, Merged, Step};

/// Keys (small letters and digits alone) that hold a secret when one of these is part of them.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "privatekey",
    "apikey",
    "accesskey",
    "encryptionkey",
    "signingkey",
];

/// Keys that name a Secret, or a key of one, and hold nothing secret themselves.
const REFERENCES: &[&str] = &[
    "existingsecret",
    "existingsecretname",
    "existingsecretkey",
    "existingsecretpasswordkey",
    "secretname",
    "tlssecretname",
    "secretref",
    "secretkeyref",
    "passwordsecretref",
    "secretpasswordkey",
    "passwordkey",
    "adminpasswordkey",
    "userpasswordkey",
    "tokenkey",
    "imagepullsecret",
    "imagepullsecrets",
];

/// What may be printed of a value, and of those that it overrode.
pub(super) fn explained(mut explained: Explained, merged: &Merged) -> Explained {
    let Ok(path) = KeyPath::parse(&explained.path) else { return explained };
    let keys = path.0.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) => None,
    });
    let mut place = keys.fold(Place::default(), Place::below);
    let roots = merged.layers().iter().map(|layer| layer.value()).chain([&merged.value]);
    // `env[0].value` is named by its sibling.
    if path.0.last() == Some(&Step::Key("value".to_owned()))
        && roots.into_iter().any(|root| entry_is_secret(path.prefix(path.0.len() - 1).find(&Value::from(root.clone()))))
    {
        place.secret = true;
    }
    explained.value.iter_mut().for_each(|value| mask(value, place));
    explained.overrides.iter_mut().for_each(|o| mask(&mut o.value, place));
    explained
}

/// What the keys down to a value say of it.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    secret: bool,
    /// The content of a Secret: no key below changes that.
    content: bool,
    /// Directly below `secret` or `secrets`, where charts keep what makes the Secret, too.
    settings: bool,
}

impl Place {
    fn below(self, key: &str) -> Self {
        let name: String = key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let content = self.content || name == "stringdata" || self.secret && name == "data";
        let secret = if REFERENCES.contains(&name.as_str()) || self.settings && (name == "create" || name == "enabled")
        {
            false
        } else {
            self.secret || named_secret(&name)
        };
        Self { secret, content, settings: name == "secret" || name == "secrets" }
    }
}

fn named_secret(name: &str) -> bool {
    name == "pass" || SECRET.iter().any(|word| name.contains(word))
}

/// Whether a value is an entry as of `env`, whose name is that of a secret.
fn entry_is_secret(value: Option<&Value>) -> bool {
    value.and_then(|v| v.get("name")).and_then(Value::as_str).is_some_and(|name| Place::default().below(name).secret)
}

fn mask(value: &mut Value, place: Place) {
    let entry = entry_is_secret(Some(&*value));
    let hide = place.secret || place.content;
    match value {
        Value::Null | Value::Bool(_) => {}
        // That nothing is set is no secret.
        Value::String(text) if text.is_empty() => {}
        Value::String(_) | Value::Number(_) if hide => *value = Value::from(MASK),
        Value::Number(_) => {}
        Value::String(text) => {
            if let Cow::Owned(shown) = without_credentials(text) {
                *text = shown;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, place)),
        Value::Object(map) => {
            for (key, value) in map {
                let mut place = place.below(key);
                place.secret |= entry && key == "value";
                mask(value, place);
            }
        }
    }
}

/// Without what stands between `://` and `@`, and without private keys. A user alone stays where it is no secret: in
/// `ssh://git@host`.
fn without_credentials(text: &str) -> Cow<'_, str> {
    if text.contains("PRIVATE KEY-----") {
        return Cow::Owned(MASK.to_owned());
    }
    let mut shown = String::new();
    let (mut done, mut from) = (0, 0);
    while let Some(at) = text[from..].find("://") {
        let scheme = &text[done..from + at];
        let start = from + at + 3;
        if let Some(length) = user_info(&text[start..])
            && length > 0
            && (text[start..start + length].contains(':') || !scheme.ends_with("ssh"))
        {
            shown.push_str(&text[done..start]);
            shown.push_str(MASK);
            done = start + length;
            from = done;
        } else {
            from = start;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[done..]);
    Cow::Owned(shown)
}

/// The length of `user:password` in `user:password@host/path`.
fn user_info(rest: &str) -> Option<usize> {
    let word = rest.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`')).next().unwrap_or_default();
    let word = word.find("://").map_or(word, |next| &word[..next]);
    let authority = word.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some(at) = authority.rfind('@') {
        return Some(at);
    }
    // Not a port: a password with a slash in it, not escaped as it should be.
    let (_, port) = authority.split_once(':')?;
    if port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty() { None } else { word.rfind('@') }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Place, mask, without_credentials};
    use crate::manifest::MASK;

    fn shown(path: &str, mut value: Value) -> Value {
        mask(&mut value, path.split('.').fold(Place::default(), Place::below));
        value
    }

    #[test]
    fn values_of_secret_keys_are_masked() {
        for path in [
            "password",
            "auth.adminPassword",
            "SECRET_KEY",
            "s3.secretKey",
            "s3.accessKey",
            "secrets.data.DB_HOST",
            "secret.data.existingSecret",
            "secrets.data.nested.create",
            "app.stringData.anything",
            "backend.secrets.DB_HOST",
            "passwords.admin",
            "passwords.enabled",
            "tokens.ci",
            "credentials.user.name",
            "smtp.pass",
            "existingSecretValue",
        ] {
            for value in [json!("hunter2"), json!(1234), json!(0.5)] {
                assert_eq!(shown(path, value), MASK, "{path}");
            }
            for value in [json!(null), json!(true), json!(""), json!([]), json!({})] {
                assert_eq!(shown(path, value.clone()), value, "{path}");
            }
            assert_eq!(shown(path, json!(["a", {"b": 1}])), json!([MASK, {"b": MASK}]), "{path}");
        }
    }

    #[test]
    fn what_only_names_a_secret_is_shown() {
        for path in [
            "secrets.existingSecret",
            "secrets.create",
            "secrets.enabled",
            "auth.existingSecretKey",
            "grafana.passwordKey",
            "tokenKey",
            "ingress.tls.secretName",
            "envFrom.secretRef.name",
            "valueFrom.secretKeyRef.key",
            "data.config",
            "image.tag",
            "passenger",
        ] {
            assert_eq!(shown(path, json!("a-name")), "a-name", "{path}");
            assert_eq!(shown(path, json!(3)), 3, "{path}");
        }
        assert_eq!(shown("imagePullSecrets", json!([{"name": "regcred"}])), json!([{"name": "regcred"}]));
    }

    #[test]
    fn secrets_inside_lists_are_masked() {
        assert_eq!(shown("users", json!([{"name": "a", "password": "x"}])), json!([{"name": "a", "password": MASK}]));
        assert_eq!(
            shown("env", json!([{"name": "DB_PASSWORD", "value": "x"}, {"name": "LEVEL", "value": "info"}])),
            json!([{"name": "DB_PASSWORD", "value": MASK}, {"name": "LEVEL", "value": "info"}])
        );
        let reference = json!([{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]);
        assert_eq!(shown("env", reference.clone()), reference);
    }

    #[test]
    fn urls_lose_their_credentials() {
        for (text, expected) in [
            ("postgres://app:hunter2@db:5432/app", "postgres://<secret>@db:5432/app"),
            ("redis://:hunter2@redis", "redis://<secret>@redis"),
            ("https://ghp_token@example.com/x", "https://<secret>@example.com/x"),
            ("amqp://a:b@one,amqp://c:d@two", "amqp://<secret>@one,amqp://<secret>@two"),
            ("postgres://app:p@ss@db/app", "postgres://<secret>@db/app"),
            ("postgres://app:p/ss@db/app", "postgres://<secret>@db/app"),
            ("url=\"http://a:b@c\" or ftp://d:ä@e", "url=\"http://<secret>@c\" or ftp://<secret>@e"),
            ("ssh://git:pw@example.com", "ssh://<secret>@example.com"),
            ("-----BEGIN EC PRIVATE KEY-----\nabc", "<secret>"),
        ] {
            assert_eq!(without_credentials(text), expected);
            assert_eq!(shown("database.url", json!(text)), expected);
        }
        for text in [
            "https://example.com:8080/a@b",
            "https://example.com/a@b",
            "ssh://git@example.com/x.git",
            "git@example.com:x.git",
            "://",
            "a://@",
        ] {
            assert_eq!(without_credentials(text), text);
        }
    }
}
