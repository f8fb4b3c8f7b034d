//! What a request asks for: its path, its query and the media types that it accepts, taken apart.

use percent_encoding::percent_decode_str;

/// The query of a request, decoded.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// From the text after the question mark.
    pub(super) fn parse(text: &str) -> Self {
        let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        Self(
            text.split('&')
                .filter(|part| !part.is_empty())
                .map(|part| {
                    let (key, value) = part.split_once('=').unwrap_or((part, ""));
                    (decode(key), decode(value))
                })
                .collect(),
        )
    }

    /// The first value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// A value, empty where there is none.
    pub(super) fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or_default()
    }

    /// A flag as Go parses it.
    pub(super) fn flag(&self, key: &str) -> bool {
        matches!(self.text(key), "1" | "t" | "T" | "true" | "TRUE" | "True")
    }
}

/// A path below `/api` and `/apis` that names a resource.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ResourcePath {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) namespace: String,
    pub(super) plural: String,
    pub(super) name: String,
    pub(super) subresource: String,
}

/// Splits a path at slashes, each part decoded.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|s| !s.is_empty()).map(|s| percent_decode_str(s).decode_utf8_lossy().into_owned()).collect()
}

/// Takes `/api/v1/…` and `/apis/GROUP/VERSION/…` apart; nothing when the path names no resource.
pub(super) fn resource_path(segments: &[String]) -> Option<ResourcePath> {
    let text: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (group, version, rest) = match &text[..] {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, "", String::new()),
        [plural, name] => (*plural, *name, String::new()),
        [plural, name, sub @ ..] => (*plural, *name, sub.join("/")),
        [] => return None,
    };
    Some(ResourcePath {
        group: group.into(),
        version: version.into(),
        namespace: namespace.into(),
        plural: plural.into(),
        name: name.into(),
        subresource,
    })
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Table,
    /// `PartialObjectMetadata`.
    Metadata,
}

/// What can be answered; clients that take only something else get 406.
pub(super) const MEDIA_TYPES: &str = "application/json";

/// The first form in an `Accept` header that the sandbox speaks: JSON alone.
pub(super) fn accepted(header: &str) -> Option<Form> {
    if header.trim().is_empty() {
        return Some(Form::Plain);
    }
    for range in header.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let parameters: Vec<(&str, &str)> = parts.filter_map(|p| p.split_once('=')).collect();
        let get = |key: &str| parameters.iter().find(|(k, _)| *k == key).map_or("", |(_, v)| *v);
        if !["application/json", "application/*", "*/*"].contains(&media) {
            continue;
        }
        match (get("as"), get("g"), get("v")) {
            ("", _, _) => return Some(Form::Plain),
            ("Table", "meta.k8s.io", "v1") => return Some(Form::Table),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1") => {
                return Some(Form::Metadata);
            }
            _ => {}
        }
    }
    None
}

/// Whether the client understands aggregated discovery.
pub(super) fn wants_aggregated(header: &str) -> bool {
    header.split(',').any(|range| {
        let range = range.replace(' ', "");
        range.contains("as=APIGroupDiscoveryList") && range.split(';').any(|p| p == "v=v2")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> (String, String, String, String, String) {
        let p = resource_path(&segments(text)).unwrap();
        (p.group, p.namespace, p.plural, p.name, p.subresource)
    }

    #[test]
    fn paths() {
        let parts = |g: &str, ns: &str, r: &str, n: &str, s: &str| {
            (g.to_owned(), ns.to_owned(), r.to_owned(), n.to_owned(), s.to_owned())
        };
        assert_eq!(path("/api/v1/namespaces"), parts("", "", "namespaces", "", ""));
        assert_eq!(path("/api/v1/namespaces/a"), parts("", "", "namespaces", "a", ""));
        assert_eq!(path("/api/v1/namespaces/a/finalize"), parts("", "", "namespaces", "a", "finalize"));
        assert_eq!(path("/api/v1/namespaces/a/pods"), parts("", "a", "pods", "", ""));
        assert_eq!(
            path("/apis/apps/v1/namespaces/a/deployments/d/scale"),
            parts("apps", "a", "deployments", "d", "scale")
        );
        assert_eq!(path("/apis/g/v1/things/system%3Ax"), parts("g", "", "things", "system:x", ""));
    }

    #[test]
    fn accept_headers_of_kubectl_and_of_typed_clients() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(accepted(kubectl), Some(Form::Table));
        assert_eq!(accepted("application/vnd.kubernetes.protobuf,application/json"), Some(Form::Plain));
        assert_eq!(accepted("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"), Some(Form::Metadata));
        assert_eq!(accepted("application/vnd.kubernetes.protobuf"), None);
        assert!(wants_aggregated(
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
        ));
    }
}
