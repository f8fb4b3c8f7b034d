//! URLs: `urlParse` into a dict, `urlJoin` back into a text (Go's net/url).

use super::fixed;
use crate::template::{ANY_MAP, FuncError, FunctionTable, Map, Type, Value, quote};

const DICT: &[Type] = &[Type::Map(&ANY_MAP)];

pub(super) fn register(table: &mut FunctionTable) {
    table.add("urlParse", fixed(&[Type::String]), |_, a| {
        let text = a[0].str();
        let url = Url::parse(text).map_err(|message| {
            FuncError::new(format!("unable to parse url: parse {}: {message}", quote(text.as_bytes())))
        })?;
        let hostname = url.hostname().to_owned();
        Ok(Value::map([
            ("scheme", Value::from(url.scheme)),
            ("host", url.host.into()),
            ("hostname", hostname.into()),
            ("path", url.path.into()),
            ("query", url.query.into()),
            ("opaque", url.opaque.into()),
            ("fragment", url.fragment.into()),
            ("userinfo", url.user.unwrap_or_default().into()),
        ]))
    });
    table.add("urlJoin", fixed(DICT), |_, a| {
        let empty = Map::nil(&ANY_MAP);
        let dict = a[0].as_map().unwrap_or(&empty);
        let part = |key: &str| match dict.get(key) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.as_str().to_owned()),
            Some(other) => Err(FuncError::new(format!(
                "unable to parse {key} key, must be of type string, but {} found",
                other.kind()
            ))),
        };
        let user = part("userinfo")?;
        let url = Url {
            scheme: part("scheme")?,
            host: part("host")?,
            path: part("path")?,
            query: part("query")?,
            opaque: part("opaque")?,
            fragment: part("fragment")?,
            user: (!user.is_empty()).then_some(user),
        };
        Ok(url.text().into())
    });
}

#[derive(Debug, Default, PartialEq)]
struct Url {
    scheme: String,
    opaque: String,
    user: Option<String>,
    host: String,
    path: String,
    query: String,
    fragment: String,
}

impl Url {
    fn parse(text: &str) -> Result<Self, String> {
        if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Self::default();
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        url.fragment = decoded(fragment)?;
        let rest = match scheme_end(text)? {
            Some(end) => {
                url.scheme = text[..end].to_ascii_lowercase();
                &text[end + 1..]
            }
            None => text,
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        url.query = query.to_owned();
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_owned();
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let mut path = rest;
        if (!url.scheme.is_empty() || !rest.starts_with("///")) && rest.starts_with("//") {
            let authority = &rest[2..];
            let end = authority.find('/').unwrap_or(authority.len());
            path = &authority[end..];
            let authority = &authority[..end];
            let host = match authority.rsplit_once('@') {
                Some((user, host)) => {
                    url.user = Some(user.to_owned());
                    host
                }
                None => authority,
            };
            check_port(host)?;
            let fine = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "!$&'()*+,;=:[]<>\"-_.~%".contains(c);
            if let Some(wrong) = host.chars().find(|c| !fine(*c)) {
                return Err(format!("invalid character {} in host name", quote(wrong.to_string().as_bytes())));
            }
            url.host = decoded(host)?;
        }
        url.path = decoded(path)?;
        Ok(url)
    }

    fn hostname(&self) -> &str {
        if let Some(inner) = self.host.strip_prefix('[') {
            return inner.split(']').next().unwrap_or(inner);
        }
        self.host.rsplit_once(':').map_or(&self.host, |(name, _)| name)
    }

    fn text(&self) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if self.opaque.is_empty() {
            if !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some() {
                if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                    out.push_str("//");
                }
                if let Some(user) = &self.user {
                    out.push_str(user);
                    out.push('@');
                }
                out.push_str(&encoded(&self.host, "!$&'()*+,;=:[]<>\""));
            }
            let path = encoded(&self.path, "$&+,/:;=@");
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                out.push('/');
            }
            if out.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
                out.push_str("./");
            }
            out.push_str(&path);
        } else {
            out.push_str(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push('?');
            out.push_str(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push('#');
            out.push_str(&encoded(&self.fragment, "!$&()*+,/:;=?@"));
        }
        out
    }
}

/// Where the scheme ends (its colon).
fn scheme_end(text: &str) -> Result<Option<usize>, String> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok(Some(index)),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn check_port(host: &str) -> Result<(), String> {
    let after_bracket = host.rfind(']').map_or(host, |at| &host[at + 1..]);
    match after_bracket.rfind(':') {
        Some(at) if !after_bracket[at + 1..].bytes().all(|b| b.is_ascii_digit()) => {
            Err(format!("invalid port {} after host", quote(&after_bracket.as_bytes()[at..])))
        }
        _ => Ok(()),
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
            let Some(byte) = hex else {
                let shown = &bytes[at..bytes.len().min(at + 3)];
                return Err(format!("invalid URL escape {}", quote(shown)));
            };
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn encoded(text: &str, plain: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-_.~".contains(c) || (byte.is_ascii() && plain.contains(c)) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_joins() {
        let url = Url::parse("http://u:p@h.com:80/a%20b?b=c#d").unwrap();
        assert_eq!((url.host.as_str(), url.hostname(), url.path.as_str()), ("h.com:80", "h.com", "/a b"));
        assert_eq!(url.text(), "http://u:p@h.com:80/a%20b?b=c#d");
        assert_eq!(Url::parse("mailto:a@b").unwrap().opaque, "a@b");
        assert_eq!(Url::parse("//h/p").unwrap().host, "h");
        assert_eq!(Url::parse(":x").unwrap_err(), "missing protocol scheme");
        assert_eq!(Url::parse("http://a:b/").unwrap_err(), "invalid port \":b\" after host");
        assert_eq!(Url::parse("http://a b/").unwrap_err(), "invalid character \" \" in host name");
        assert_eq!(Url::parse("/%zz").unwrap_err(), "invalid URL escape \"%zz\"");
    }
}
