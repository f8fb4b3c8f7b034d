//! YAML text into objects, with the place of what is wrong.

use std::borrow::Cow;

use serde_json::Value;

use super::{Object, ObjectError};
use crate::diagnostic::Diagnostic;
use crate::yaml::{self, Node, Numbers};

/// The objects of a YAML text of one or more documents, in order. Documents without content are skipped; a list
/// (`kind: List`, or any kind that ends in `List` and has `items`) gives its items. Integers keep all of their digits.
///
/// # Errors
/// With the place in `file`, when the text is no YAML or a document is no Kubernetes object.
pub fn parse(text: &str, file: &str) -> Result<Vec<Object>, Diagnostic> {
    let mut objects = Vec::new();
    for node in yaml::parse_all(&ended(text)).map_err(|error| error.diagnostic(file, text))? {
        if !node.is_null() {
            object(&node, text, file, &mut objects)?;
        }
    }
    Ok(objects)
}

/// A text as helm and kubectl read it: line by line, the last one ended too (Kubernetes: `yaml.LineReader`). Else a block scalar at the
/// very end would lose its last line's end.
#[must_use]
pub fn ended(text: &str) -> Cow<'_, str> {
    // Nothing but a block scalar asks how a text ends.
    if text.ends_with('\n') || !text.contains(['|', '>']) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{text}\n"))
    }
}

fn object(node: &Node, text: &str, file: &str, objects: &mut Vec<Object>) -> Result<(), Diagnostic> {
    if is_list(node) {
        for item in node.get("items").map(Node::items).unwrap_or_default() {
            object(item, text, file, objects)?;
        }
        return Ok(());
    }
    let value: Value = node.to_json(Numbers::Exact).map_err(|error| error.diagnostic(file, text))?;
    objects.push(Object::new(value).map_err(|error| located(&error, node, text, file))?);
    Ok(())
}

/// What the API's list kinds look like: a `List` without a name, with `items`.
fn is_list(node: &Node) -> bool {
    let kind = node.get("kind").and_then(Node::as_str).unwrap_or_default();
    let named = node.get("metadata").and_then(|m| m.get("name")).is_some();
    kind.ends_with("List")
        && !named
        && node.get("items").is_some_and(|items| matches!(items.value, yaml::NodeValue::Seq(_)))
}

/// Puts the caret where the field is, or should be.
fn located(error: &ObjectError, node: &Node, text: &str, file: &str) -> Diagnostic {
    let at = match error {
        ObjectError::NotAMap(_) => node.start,
        ObjectError::Missing(field) => {
            let mut found = (node, node.start);
            for part in field.split('.') {
                match found.0.entry(part) {
                    Some((key, value)) => found = (value, key.start),
                    None => break,
                }
            }
            found.1
        }
    };
    let diagnostic = Diagnostic::new(file, error.to_string()).at(text, at, 1);
    match error {
        ObjectError::Missing(field) if !field.contains('.') => {
            let keys = node.pairs().iter().filter_map(|(key, _)| key.as_str());
            match crate::diagnostic::nearest(field, keys) {
                Some(near) if near != *field => diagnostic.hint(format!("is `{near}` meant to be `{field}`?")),
                _ => diagnostic,
            }
        }
        _ => diagnostic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_documents_and_lists() {
        let text = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n  count: 9007199254740993\n";
        let objects = parse(text, "f").unwrap();
        assert_eq!(
            objects.iter().map(|o| (o.kind(), o.name())).collect::<Vec<_>>(),
            [("ConfigMap", "a"), ("Secret", "b")]
        );
        assert_eq!(objects[1].value()["count"], serde_json::json!(9_007_199_254_740_993_i64));
        assert_eq!(parse("", "f").unwrap(), []);
    }

    #[test]
    fn places_errors() {
        let error = |text: &str| parse(text, "f.yaml").unwrap_err().to_string();
        assert_eq!(
            error("apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\nkinds: A\napiVersion: v1\n"),
            "f.yaml:5:1: missing `kind`\n  |\n5 | kinds: A\n  | ^\n  = hint: is `kinds` meant to be `kind`?"
        );
        assert!(
            error("apiVersion: v1\nkind: A\nmetadata:\n  names: b\n")
                .starts_with("f.yaml:3:1: missing `metadata.name`\n")
        );
        assert!(error("a: [\n").starts_with("f.yaml:2:1: "));
        assert!(error("- 1\n").starts_with("f.yaml:1:1: expected an object, found a list"));
    }
}
