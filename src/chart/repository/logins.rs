//! Logins to registries as Docker and helm keep them (`config.json`): in the file, or with a credential helper that the file names.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// The key under which Docker keeps logins to Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// What proves who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// A user and a password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
    /// A token that is exchanged for others (`identitytoken`).
    Identity(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Login::Basic(***)",
            Self::Identity(_) => "Login::Identity(***)",
        })
    }
}

/// A file of logins.
#[derive(Clone, Default, PartialEq)]
pub struct Logins {
    content: Map<String, Value>,
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logins(***)")
    }
}

impl Logins {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is no JSON object. The message holds nothing of the file.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(content)) => Ok(Self { content }),
            Ok(_) => Err("is no JSON object".to_owned()),
            Err(error) => Err(format!("is no JSON (line {}, column {})", error.line(), error.column())),
        }
    }

    /// The helper that keeps the login of a host (`docker-credential-NAME`), if one does.
    #[must_use]
    pub fn helper(&self, host: &str) -> Option<&str> {
        let host = key(host);
        let own = self.content.get("credHelpers").and_then(|helpers| helpers.get(host)).and_then(Value::as_str);
        own.or_else(|| self.content.get("credsStore").and_then(Value::as_str)).filter(|name| !name.is_empty())
    }

    /// The login that the file itself holds for a host.
    #[must_use]
    pub fn get(&self, host: &str) -> Option<Login> {
        let host = key(host);
        let auths = self.content.get("auths")?.as_object()?;
        let entry = auths
            .get(host)
            .or_else(|| auths.iter().find(|(name, _)| host_of(name) == host_of(host)).map(|(_, entry)| entry))?;
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let token = text("identitytoken");
        if !token.is_empty() {
            return Some(Login::Identity(token));
        }
        let (mut username, mut password) = (text("username"), text("password"));
        if let Ok(decoded) = STANDARD.decode(text("auth").trim_end_matches('\0'))
            && let Some((user, secret)) = String::from_utf8_lossy(&decoded).split_once(':')
        {
            (username, password) = (user.to_owned(), secret.trim_matches('\0').to_owned());
        }
        (!username.is_empty() || !password.is_empty()).then_some(Login::Basic { username, password })
    }

    /// Keeps a login in the file.
    pub fn set(&mut self, host: &str, login: &Login) {
        let entry = match login {
            Login::Basic { username, password } => json!({"auth": STANDARD.encode(format!("{username}:{password}"))}),
            Login::Identity(token) => json!({"auth": STANDARD.encode(":"), "identitytoken": token}),
        };
        let auths = self.content.entry("auths").or_insert_with(|| json!({}));
        if !auths.is_object() {
            *auths = json!({});
        }
        if let Some(auths) = auths.as_object_mut() {
            auths.insert(key(host).to_owned(), entry);
        }
    }

    /// Forgets the login of a host.
    pub fn remove(&mut self, host: &str) {
        if let Some(auths) = self.content.get_mut("auths").and_then(Value::as_object_mut) {
            auths.remove(key(host));
        }
    }

    /// The file's text, as Docker and helm write it: tabs, no line break at the end.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut content = self.content.clone();
        content.entry("auths").or_insert_with(|| json!({}));
        let mut out = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
        // Writing to memory does not fail.
        let _ = serde::Serialize::serialize(&content, &mut serializer);
        String::from_utf8(out).unwrap_or_default()
    }

    /// The key of a host in files and with helpers.
    #[must_use]
    pub fn key_of(host: &str) -> &str {
        key(host)
    }
}

fn key(host: &str) -> &str {
    match host {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
        host => host,
    }
}

/// `https://host/v1/` as `host`.
fn host_of(name: &str) -> &str {
    let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name);
    name.split('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_and_helm_write() {
        let text = "{\n\t\"auths\": {\n\t\t\"localhost:5000\": {\n\t\t\t\"auth\": \"dXNlcjpzM2NyZXQ=\"\n\t\t}\n\t}\n}";
        let mut logins = Logins::parse(text).unwrap();
        let login = Login::Basic { username: "user".into(), password: "s3cret".into() };
        assert_eq!(logins.get("localhost:5000"), Some(login.clone()));
        assert_eq!(logins.get("localhost:5001"), None);
        assert_eq!(logins.to_text(), text);
        logins.remove("localhost:5000");
        assert_eq!(logins.to_text(), "{\n\t\"auths\": {}\n}");
        logins.set("localhost:5000", &login);
        assert_eq!(logins.to_text(), text);
        assert!(!format!("{logins:?} {login:?}").contains("s3cret"));
    }

    #[test]
    fn hub_urls_helpers_and_tokens() {
        let text = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "YTpiOmM="}, "https://example.org/v2/": {"identitytoken": "t"}},
                       "credsStore": "all", "credHelpers": {"example.net": "own"}, "HttpHeaders": {"x": "y"}}"#;
        let logins = Logins::parse(text).unwrap();
        assert_eq!(logins.get("docker.io"), Some(Login::Basic { username: "a".into(), password: "b:c".into() }));
        assert_eq!(logins.get("example.org"), Some(Login::Identity("t".into())));
        assert_eq!((logins.helper("example.net"), logins.helper("example.com")), (Some("own"), Some("all")));
        assert!(logins.to_text().contains("HttpHeaders"));
        let error = Logins::parse("{\"auths\": secret").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
}
