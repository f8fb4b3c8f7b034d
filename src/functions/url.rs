//! URLs: `urlParse` into a dict, `urlJoin` back into a text (Go's net/url).

use super::fixed;
use crate::go::url::Url;
use crate::template::{ANY_MAP, FuncError, FunctionTable, Map, Str, Type, Value};

const DICT: &[Type] = &[Type::Map(&ANY_MAP)];

pub(super) fn register(table: &mut FunctionTable) {
    table.add("urlParse", fixed(&[Type::String]), |_, a| {
        let url =
            Url::parse(a[0].str()).map_err(|message| FuncError::new(format!("unable to parse url: {message}")))?;
        let text = |bytes: &[u8]| Value::from(Str::from(bytes));
        Ok(Value::map([
            ("scheme", Value::from(url.scheme.as_str())),
            ("host", text(&url.host)),
            ("hostname", text(url.hostname())),
            ("path", text(&url.path)),
            ("query", url.query.as_str().into()),
            ("opaque", url.opaque.as_str().into()),
            ("fragment", text(&url.fragment)),
            ("userinfo", url.user.clone().unwrap_or_default().into()),
        ]))
    });
    table.add("urlJoin", fixed(DICT), |_, a| {
        let empty = Map::nil(&ANY_MAP);
        let dict = a[0].as_map().unwrap_or(&empty);
        let part = |key: &str| match dict.get(key) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.as_str().to_owned()),
            Some(Value::Nil) => Err(super::convert::nil_dereference()),
            Some(other) => Err(FuncError::new(format!(
                "unable to parse {key} key, must be of type string, but {} found",
                other.kind()
            ))),
        };
        let mut url = Url::default();
        url.scheme = part("scheme")?;
        let mut url = url.with_path(&part("path")?).with_fragment(&part("fragment")?);
        (url.host, url.query, url.opaque) = (part("host")?.into_bytes(), part("query")?, part("opaque")?);
        let user = part("userinfo")?;
        if !user.is_empty() {
            url.user = Url::parse(&format!("proto://{user}@host"))
                .map_err(|message| FuncError::new(format!("unable to parse userinfo in dict: {message}")))?
                .user;
        }
        Ok(Str::from(url.text().into_bytes()).into())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_joins() {
        let url = Url::parse("http://u:p@h.com:80/a%20b?b=c#d").unwrap();
        assert_eq!((&*url.host, url.hostname(), &*url.path), (&b"h.com:80"[..], &b"h.com"[..], &b"/a b"[..]));
        assert_eq!(url.text(), "http://u:p@h.com:80/a%20b?b=c#d");
        assert_eq!(Url::parse("mailto:a@b").unwrap().opaque, "a@b");
        assert_eq!(Url::parse("//h/p").unwrap().host, b"h");
        for text in ["http://h?", "file:/x", "http://h/%2f?a;b", "http://[fe80::1%25en0]:80/", "*"] {
            assert_eq!(Url::parse(text).unwrap().text(), text, "{text}");
        }
    }

    #[test]
    fn refuses_in_gos_words() {
        for (text, error) in [
            (":x", "parse \":x\": missing protocol scheme"),
            ("http://a:b/", "parse \"http://a:b/\": invalid port \":b\" after host"),
            ("/%zz", "parse \"/%zz\": invalid URL escape \"%zz\""),
            ("// ", "parse \"// \": invalid character \" \" in host name"),
            ("//[", "parse \"//[\": missing ']' in host"),
            ("http:// @h", "parse \"http:// @h\": net/url: invalid userinfo"),
            ("x#%z", "parse \"x#%z\": invalid URL escape \"%z\""),
            ("a:b#%z", "parse \"a:b#%z\": invalid URL escape \"%z\""),
        ] {
            assert_eq!(Url::parse(text).unwrap_err(), error, "{text}");
        }
    }
}
