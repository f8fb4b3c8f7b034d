//! What counts as an address, a URL or a name of a Kubernetes object in a lint: helm's rules and Kubernetes' words.

use std::sync::LazyLock;

use regex::Regex;

use crate::go::url::Url;

/// A pattern of ours; one that cannot be read matches nothing.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

/// Letters beyond ASCII that addresses may have.
const WIDE: &str = r"\u{00A0}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFEF}";

static EMAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let word = format!(r"[a-zA-Z0-9!#$%&'*+\-/=?^_`{{|}}~{WIDE}]+");
    let quoted = format!(r#""(?:[\x01-\x08\x0b\x0c\x0e-\x1f\x7f\x21\x23-\x5b\x5d-\x7e{WIDE}])*""#);
    let end = format!("[a-zA-Z0-9{WIDE}]");
    let label = format!(r"(?:{end}(?:[a-zA-Z0-9\-._~{WIDE}]*{end})?)");
    let letter = format!("[a-zA-Z{WIDE}]");
    let last = format!(r"(?:{letter}(?:[a-zA-Z0-9\-_~{WIDE}]*{letter})?)");
    pattern(&format!(r"^(?:{word}(?:\.{word})*|{quoted})@(?:{label}\.)+{last}\.?$"))
});

static URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let scheme = r"(?:(?:ftp|tcp|udp|wss?|https?)://)";
    let user = r"(?:\S+(?::\S*)?@)";
    let octet = r"(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])";
    let ip4 = format!(r"(?:[1-9]\d?|1\d\d|2[01]\d|22[0-3]|24\d|25[0-5])(?:\.{octet}){{2}}\.{octet}");
    let ip6 = r"\[[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]";
    let sub = r"(?:www\.|[a-zA-Z0-9]+(?:[-_.]?[a-zA-Z0-9])*[a-zA-Z0-9]\.[a-zA-Z0-9]+)";
    let name = format!(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9_-]+)?[a-zA-Z0-9](?:[-.][a-zA-Z0-9]+)*|{sub}?)?");
    let wide = r"\u{00a1}-\u{ffff}";
    let host = format!(r"{name}(?:(?:[a-zA-Z{wide}0-9]+-?-?)*[a-zA-Z{wide}0-9]+)(?:\.[a-zA-Z{wide}]+)?");
    pattern(&format!(r"^{scheme}?{user}?(?:{ip4}|{ip6}|{host})\.?(?::\d{{1,5}})?(?:[/?#]\S*)?$"))
});

/// Whether a text is an e-mail address.
pub(super) fn is_email(text: &str) -> bool {
    EMAIL.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Whether a text is a URL in the wide sense: the scheme may be left out.
pub(super) fn is_url(text: &str) -> bool {
    if text.len() <= 3 || text.chars().count() >= 2083 || text.starts_with('.') {
        return false;
    }
    let with_scheme =
        if text.contains(':') && !text.contains("://") { format!("http://{text}") } else { text.to_owned() };
    let Ok(url) = Url::parse(&with_scheme) else { return false };
    if url.host.starts_with(b".") || (url.host.is_empty() && !url.path.is_empty() && !url.path.contains(&b'.')) {
        return false;
    }
    URL.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Whether a text is what an HTTP client could be sent to: a scheme, and what Go's parser of URLs takes.
pub(super) fn is_request_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !named || text.chars().any(|c| c.is_ascii_control()) || rest.is_empty() {
        return false;
    }
    let (host, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
        None => ("", rest),
    };
    let escaped = |text: &str| {
        text.match_indices('%')
            .all(|(at, _)| text.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
    };
    let path = path.split('?').next().unwrap_or_default();
    // Without `//` and `/` the rest is opaque and not looked at.
    if host.is_empty() && !path.starts_with('/') && !rest.starts_with("//") {
        return true;
    }
    let (user, place) = host.rsplit_once('@').unwrap_or(("", host));
    let user_ok = user.chars().all(|c| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c));
    let place_ok =
        place.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:[]<>\"%".contains(c));
    let port = match place.rsplit_once(']') {
        Some((_, port)) => port.strip_prefix(':').unwrap_or(port),
        None => place.rsplit_once(':').map_or("", |(_, port)| port),
    };
    user_ok && place_ok && port.chars().all(|c| c.is_ascii_digit()) && escaped(path) && !place.contains('%')
}

fn edges(text: &str, first: impl Fn(u8) -> bool, last: impl Fn(u8) -> bool) -> bool {
    match text.as_bytes() {
        [] => false,
        [only] => first(*only) && last(*only),
        [start, inner @ .., end] => {
            first(*start)
                && last(*end)
                && inner.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        }
    }
}

fn word(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn is_subdomain(name: &str) -> bool {
    name.split('.').all(|part| edges(part, word, word))
}

/// What is wrong with a name of this kind of object, in Kubernetes' words.
pub(super) fn faults(kind: &str, name: &str) -> Vec<String> {
    let long = |limit: usize| (name.len() > limit).then(|| format!("must be no more than {limit} characters"));
    let mut faults = Vec::new();
    match kind.to_lowercase().as_str() {
        "certificatesigningrequest" => {}
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => {
            if name == "." || name == ".." {
                return vec![format!("may not be '{name}'")];
            }
            faults.extend(
                ["/", "%"].iter().filter(|part| name.contains(**part)).map(|part| format!("may not contain '{part}'")),
            );
        }
        "service" => {
            faults.extend(long(63));
            if !edges(name, |b| b.is_ascii_lowercase(), word) {
                faults.push("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')".to_owned());
            }
        }
        "namespace" => {
            faults.extend(long(63));
            if !edges(name, word, word) && is_subdomain(name) {
                faults.push("must not contain dots".to_owned());
            } else if !edges(name, word, word) {
                faults.push("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')".to_owned());
            }
        }
        _ => {
            faults.extend(long(253));
            if !is_subdomain(name) {
                faults.push("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')".to_owned());
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What helm's own library says of each text: URL, URL to request, e-mail.
    #[test]
    fn addresses_are_judged_as_helm_judges_them() {
        for (text, url, request, email) in [
            ("http://a.b", true, true, false),
            ("a.b", false, false, false),
            ("x", false, false, false),
            ("ftp://x", true, true, false),
            ("http://", false, true, false),
            ("/x/y", false, false, false),
            ("https://a b", false, false, false),
            ("https://github.com/x/y", true, true, false),
            ("mailto:a@b.c", true, true, false),
            ("git@github.com:a/b", false, false, false),
            ("http://localhost:80", true, true, false),
            ("http://-a.b", false, true, false),
            ("//x", false, false, false),
            ("", false, false, false),
            ("#", false, false, false),
            ("https://x_y.z", false, true, false),
            ("a@b", false, false, false),
            ("http://user:p@h.com/x?y=1#z", true, true, false),
            ("www.example.com/foo", true, false, false),
            ("example", false, false, false),
            ("localhost", false, false, false),
            ("http://1.2.3.4", true, true, false),
            ("http://[::1]:80", true, true, false),
            ("data:image/png;base64,xx", false, true, false),
            ("HTTPS://X.Y", false, true, false),
            ("https:/x", false, true, false),
            ("http//x.y", true, false, false),
            ("file:///a/b", false, true, false),
            ("https://ex ample.com", false, false, false),
            ("https://example.com/%zz", false, false, false),
            ("irc://x", false, true, false),
            ("foo://bar.baz", false, true, false),
            ("http://foo..bar", false, true, false),
            ("https://example.com:99999", true, true, false),
            ("http://a.b-", false, true, false),
            ("http://aé.b", true, true, false),
            ("a@b.c", true, false, true),
            ("a@b", false, false, false),
            ("a.b@c.de", true, false, true),
            ("a b@c.de", false, false, false),
            ("a@c_d.ef", true, false, true),
            ("a@-b.c", false, false, false),
            ("\"q\"@b.co", true, false, true),
            ("a@b.co.", true, false, true),
            ("é@b.co", true, false, true),
            ("a@@b.co", true, false, false),
            ("A+b@C.io", true, false, true),
            ("a@1.2.3.4", true, false, false),
            ("a.@b.co", true, false, false),
            (".a@b.co", false, false, false),
            ("a..b@c.co", true, false, false),
            ("x@y.z1", false, false, false),
            ("team@example.com <x>", false, false, false),
            ("https://x", true, true, false),
            ("a@b.c1", false, false, false),
            ("a@xn--a.de", true, false, true),
            ("user@[1.2.3.4]", false, false, false),
        ] {
            assert_eq!((is_url(text), is_request_url(text), is_email(text)), (url, request, email), "{text}");
        }
    }
}
