//! URLs as Go's net/url (1.23) reads, writes and resolves them.

use super::quote::quote;

/// A URL. Its parts are kept decoded and as they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    /// What follows the scheme, when that is no path (`mailto:a@b`).
    pub(crate) opaque: String,
    /// Name and password as they are written.
    pub(crate) user: Option<String>,
    pub(crate) host: Vec<u8>,
    pub(crate) path: Vec<u8>,
    path_text: String,
    /// Whether a scheme is followed by a path without an authority (`file:/x`).
    no_authority: bool,
    pub(crate) query: String,
    /// Whether it ends in a `?` with nothing behind.
    bare_query: bool,
    pub(crate) fragment: Vec<u8>,
    fragment_text: String,
}

/// Where a text stands in a URL: what has to be escaped differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    User,
    Host,
    Zone,
    Fragment,
}

impl Part {
    /// Whether a byte may stand for itself.
    fn plain(self, byte: u8) -> bool {
        let more: &[u8] = match self {
            Part::Path => b"$&+,/:;=@",
            Part::User => b"$&+,;=",
            Part::Host | Part::Zone => b"!$&'()*+,;=:[]<>\"",
            Part::Fragment => b"$&+,/:;=?@!()*",
        };
        byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || more.contains(&byte)
    }

    fn decode(self, text: &str) -> Result<Vec<u8>, String> {
        let bytes = text.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if byte != b'%' {
                if matches!(self, Part::Host | Part::Zone) && byte.is_ascii() && !self.plain(byte) {
                    return Err(format!("invalid character {:?} in host name", char::from(byte).to_string()));
                }
                out.push(byte);
                at += 1;
                continue;
            }
            let shown = &bytes[at..bytes.len().min(at + 3)];
            let wrong = || format!("invalid URL escape {:?}", String::from_utf8_lossy(shown));
            let decoded = match shown {
                [_, high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => (hex(*high) << 4) | hex(*low),
                _ => return Err(wrong()),
            };
            let refused = match self {
                Part::Host => decoded.is_ascii() && shown != b"%25",
                Part::Zone => shown != b"%25" && decoded != b' ' && !Part::Host.plain(decoded),
                _ => false,
            };
            if refused {
                return Err(wrong());
            }
            out.push(decoded);
            at += 3;
        }
        Ok(out)
    }

    fn encode(self, bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len());
        for &byte in bytes {
            if self.plain(byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        out
    }

    /// How a decoded part is written: as it was, when that is proper.
    fn written(self, given: &str, decoded: &[u8]) -> String {
        if given.bytes().all(|b| self.plain(b) || b"!$&'()*+,;=:@[]%".contains(&b)) {
            given.to_owned()
        } else {
            self.encode(decoded)
        }
    }
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok()).unwrap_or_default()
}

impl Url {
    /// Reads a URL or a reference to one.
    ///
    /// # Errors
    /// In Go's words (`parse "…": …`).
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (main, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut url = Self::parse_main(main).map_err(|error| format!("parse {}: {error}", quote(main)))?;
        url.fragment = Part::Fragment.decode(fragment).map_err(|error| format!("parse {}: {error}", quote(text)))?;
        url.fragment_text = Part::Fragment.written(fragment, &url.fragment);
        Ok(url)
    }

    fn parse_main(text: &str) -> Result<Self, String> {
        if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Self::default();
        if text == "*" {
            return Ok(url.with_path(text));
        }
        let mut rest = text;
        if let Some(end) = scheme_end(text)? {
            url.scheme = text[..end].to_ascii_lowercase();
            rest = &text[end + 1..];
        }
        match rest.split_once('?') {
            Some((before, "")) => {
                url.bare_query = true;
                rest = before;
            }
            Some((before, query)) => {
                query.clone_into(&mut url.query);
                rest = before;
            }
            None => {}
        }
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if rest.starts_with("//") && !(url.scheme.is_empty() && rest.starts_with("///")) {
            let authority = &rest[2..];
            let end = authority.find('/').unwrap_or(authority.len());
            rest = &authority[end..];
            url.set_authority(&authority[..end])?;
        } else if !url.scheme.is_empty() && rest.starts_with('/') {
            url.no_authority = true;
        }
        url.set_path(rest)?;
        Ok(url)
    }

    fn set_path(&mut self, text: &str) -> Result<(), String> {
        self.path = Part::Path.decode(text)?;
        self.path_text = Part::Path.written(text, &self.path);
        Ok(())
    }

    fn set_authority(&mut self, text: &str) -> Result<(), String> {
        let host = match text.rsplit_once('@') {
            None => text,
            Some((user, host)) => {
                self.host = read_host(host)?;
                if !user.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b)) {
                    return Err("net/url: invalid userinfo".to_owned());
                }
                let again = |part: &str| Part::User.decode(part).map(|decoded| Part::User.encode(&decoded));
                self.user = Some(match user.split_once(':') {
                    Some((name, password)) => format!("{}:{}", again(name)?, again(password)?),
                    None => again(user)?,
                });
                return Ok(());
            }
        };
        self.host = read_host(host)?;
        Ok(())
    }

    /// Sets the path as a struct's field is set: it is written in the usual way.
    pub(crate) fn with_path(mut self, path: &str) -> Self {
        self.path = path.as_bytes().to_vec();
        self.path_text = if path == "*" { path.to_owned() } else { Part::Path.encode(&self.path) };
        self
    }

    /// Sets the fragment likewise.
    pub(crate) fn with_fragment(mut self, fragment: &str) -> Self {
        self.fragment = fragment.as_bytes().to_vec();
        self.fragment_text = Part::Fragment.encode(&self.fragment);
        self
    }

    /// The host without its port and brackets.
    pub(crate) fn hostname(&self) -> &[u8] {
        let is_port = |port: &[u8]| port.iter().skip(1).all(u8::is_ascii_digit);
        let colon = self.host.iter().rposition(|byte| *byte == b':').filter(|at| is_port(&self.host[*at..]));
        let name = &self.host[..colon.unwrap_or(self.host.len())];
        name.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(name)
    }

    /// The text, as Go writes it.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if self.opaque.is_empty() {
            let (has_host, has_user) = (!self.host.is_empty(), self.user.is_some());
            let bare = self.no_authority && !has_host && !has_user;
            if (!self.scheme.is_empty() || has_host || has_user) && !bare {
                if has_host || has_user || !self.path.is_empty() {
                    out.push_str("//");
                }
                if let Some(user) = &self.user {
                    out.push_str(user);
                    out.push('@');
                }
                out.push_str(&Part::Host.encode(&self.host));
            }
            if has_host && !self.path_text.is_empty() && !self.path_text.starts_with('/') {
                out.push('/');
            }
            if out.is_empty() && self.path_text.split('/').next().is_some_and(|segment| segment.contains(':')) {
                out.push_str("./");
            }
            out.push_str(&self.path_text);
        } else {
            out.push_str(&self.opaque);
        }
        if self.bare_query || !self.query.is_empty() {
            out.push('?');
            out.push_str(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push('#');
            out.push_str(&self.fragment_text);
        }
        out
    }

    /// The same without its fragment.
    pub(crate) fn without_fragment(&self) -> Self {
        Self { fragment: Vec::new(), fragment_text: String::new(), ..self.clone() }
    }

    /// What a reference means from here.
    pub(crate) fn resolve(&self, reference: &Self) -> Self {
        let mut url = reference.clone();
        let (no_scheme, no_path) = (reference.scheme.is_empty(), reference.path.is_empty());
        if no_scheme {
            url.scheme.clone_from(&self.scheme);
        }
        if !no_scheme || !reference.host.is_empty() || reference.user.is_some() {
            let _ = url.set_path(&resolve_path(&reference.path_text, ""));
            return url;
        }
        if !reference.opaque.is_empty() {
            return url;
        }
        if no_path && !reference.bare_query && reference.query.is_empty() {
            url.query.clone_from(&self.query);
            if reference.fragment.is_empty() {
                url.fragment.clone_from(&self.fragment);
                url.fragment_text.clone_from(&self.fragment_text);
            }
        }
        if no_path && !self.opaque.is_empty() {
            url.opaque.clone_from(&self.opaque);
            return url;
        }
        url.host.clone_from(&self.host);
        url.user.clone_from(&self.user);
        let _ = url.set_path(&resolve_path(&self.path_text, &reference.path_text));
        url
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

fn read_host(host: &str) -> Result<Vec<u8>, String> {
    let check_port = |port: &str| match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
        None if port.is_empty() => Ok(()),
        _ => Err(format!("invalid port {port:?} after host")),
    };
    if host.starts_with('[') {
        let Some(end) = host.rfind(']') else { return Err("missing ']' in host".to_owned()) };
        check_port(&host[end + 1..])?;
        if let Some(zone) = host[..end].find("%25") {
            let mut out = Part::Host.decode(&host[..zone])?;
            out.extend(Part::Zone.decode(&host[zone..end])?);
            out.extend(Part::Host.decode(&host[end..])?);
            return Ok(out);
        }
    } else if let Some(colon) = host.rfind(':') {
        check_port(&host[colon..])?;
    }
    Part::Host.decode(host)
}

/// The path that `reference` means from `base`, without `.` and `..`.
fn resolve_path(base: &str, reference: &str) -> String {
    let full = if reference.is_empty() {
        base.to_owned()
    } else if reference.starts_with('/') {
        reference.to_owned()
    } else {
        format!("{}{reference}", &base[..base.rfind('/').map_or(0, |at| at + 1)])
    };
    if full.is_empty() {
        return full;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in full.split('/') {
        match segment {
            "." if kept.is_empty() => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let mut out = format!("/{}", kept.join("/"));
    if full.ends_with("/.") || full.ends_with("/..") || full == "." || full == ".." {
        out.push('/');
    }
    match out.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written() {
        for (text, same) in [
            ("http://u:p@h.com:80/a%20b?b=c#d", "http://u:p@h.com:80/a%20b?b=c#d"),
            ("mailto:a@b", "mailto:a@b"),
            ("#", ""),
            ("#/definitions/a b", "#/definitions/a%20b"),
            ("#/definitions/a%2Fb", "#/definitions/a%2Fb"),
            ("HTTP://H/x?", "http://H/x?"),
            ("file:/a", "file:/a"),
            ("file:///a", "file:///a"),
            ("//h/p", "//h/p"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(Url::parse(text).unwrap().text(), same, "{text}");
        }
        for (text, error) in [
            (":x", "parse \":x\": missing protocol scheme"),
            ("http://a:b/", "parse \"http://a:b/\": invalid port \":b\" after host"),
            ("/%zz", "parse \"/%zz\": invalid URL escape \"%zz\""),
            ("/a#%4", "parse \"/a#%4\": invalid URL escape \"%4\""),
            ("a:b:c/d", ""),
            ("1:b/d", "parse \"1:b/d\": first path segment in URL cannot contain colon"),
            ("http://a b/", "parse \"http://a b/\": invalid character \" \" in host name"),
        ] {
            assert_eq!(Url::parse(text).err().unwrap_or_default(), error, "{text}");
        }
    }

    #[test]
    fn resolved() {
        for (base, reference, wanted) in [
            ("http://a/b/c/d?q", "g", "http://a/b/c/g"),
            ("http://a/b/c/d?q", "../g", "http://a/b/g"),
            ("http://a/b/c/d?q", "../../../g", "http://a/g"),
            ("http://a/b/c/d?q", "./", "http://a/b/c/"),
            ("http://a/b/c/d?q", "#s", "http://a/b/c/d?q#s"),
            ("http://a/b/c/d?q", "?y", "http://a/b/c/d?y"),
            ("http://a", "b", "http://a/b"),
            ("", "#/definitions/x", "#/definitions/x"),
            ("", "x.json", "/x.json"),
            ("a/b", "x.json", "/a/x.json"),
            ("urn:x", "#y", "urn:x#y"),
        ] {
            let base = Url::parse(base).unwrap();
            assert_eq!(base.resolve(&Url::parse(reference).unwrap()).text(), wanted, "{reference}");
        }
    }
}
