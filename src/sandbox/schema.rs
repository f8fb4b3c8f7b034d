//! The types of objects, from the recorded OpenAPI documents and from the schemas of CustomResourceDefinitions: what a field
//! may be, by which key lists merge, and what the server drops, defaults and refuses while it decodes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::quantity;

/// How deep a value may nest before it is refused.
pub(super) const MAX_DEPTH: usize = 100;

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
pub(super) const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// What a value is in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    Array,
    Text,
    Integer,
    Number,
    Boolean,
    IntOrString,
    Any,
}

/// One type, or the use of one: a `reference` is looked up in [`Schemas`].
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) reference: Option<String>,
    pub(super) shape: Shape,
    pub(super) properties: BTreeMap<String, Node>,
    pub(super) additional: Option<Box<Node>>,
    pub(super) items: Option<Box<Node>>,
    pub(super) required: Vec<String>,
    /// `x-kubernetes-patch-merge-key`.
    pub(super) merge_key: Option<String>,
    /// Whether `x-kubernetes-patch-strategy` says `merge`.
    pub(super) merges: bool,
    preserve: bool,
    embedded: bool,
    nullable: bool,
    default: Option<Value>,
    allowed: Vec<Value>,
    format: String,
}

impl Node {
    /// From an OpenAPI v3 or structural schema.
    pub(super) fn parse(schema: &Value) -> Self {
        let reference = schema
            .get("$ref")
            .or_else(|| schema.get("allOf").and_then(|all| all.get(0)).and_then(|one| one.get("$ref")))
            .and_then(Value::as_str)
            .and_then(|r| r.rsplit('/').next())
            .map(str::to_owned);
        let flag = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or(false);
        let properties: BTreeMap<String, Self> = schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|all| all.iter().map(|(name, s)| (name.clone(), Self::parse(s))).collect())
            .unwrap_or_default();
        let additional = match schema.get("additionalProperties") {
            Some(Value::Bool(true)) => Some(Box::new(Self::any())),
            Some(inner @ Value::Object(_)) => Some(Box::new(Self::parse(inner))),
            _ => None,
        };
        let shape = if flag("x-kubernetes-int-or-string") || schema["format"] == "int-or-string" {
            Shape::IntOrString
        } else {
            match schema.get("type").and_then(Value::as_str) {
                Some("object") => Shape::Object,
                Some("array") => Shape::Array,
                Some("string") => Shape::Text,
                Some("integer") => Shape::Integer,
                Some("number") => Shape::Number,
                Some("boolean") => Shape::Boolean,
                _ => Shape::Any,
            }
        };
        let strategy = schema.get("x-kubernetes-patch-strategy").and_then(Value::as_str).unwrap_or_default();
        Self {
            reference,
            shape,
            properties,
            additional,
            items: schema.get("items").map(|inner| Box::new(Self::parse(inner))),
            required: schema
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|v| v.as_str().map(str::to_owned))
                .collect(),
            merge_key: schema.get("x-kubernetes-patch-merge-key").and_then(Value::as_str).map(str::to_owned),
            merges: strategy.split(',').any(|s| s == "merge"),
            preserve: flag("x-kubernetes-preserve-unknown-fields"),
            embedded: flag("x-kubernetes-embedded-resource"),
            nullable: flag("nullable"),
            default: schema.get("default").filter(|d| !d.is_null()).cloned(),
            allowed: schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
            format: schema.get("format").and_then(Value::as_str).unwrap_or_default().to_owned(),
        }
    }

    fn any() -> Self {
        Self::parse(&Value::Null)
    }

    /// The type of a custom resource: its schema, with the fields that every object has.
    pub(super) fn custom(schema: &Value) -> Self {
        let mut node = Self::parse(schema);
        node.shape = Shape::Object;
        for field in ["apiVersion", "kind"] {
            node.properties.insert(field.to_owned(), Self::parse(&serde_json::json!({"type": "string"})));
        }
        node.properties.insert("metadata".to_owned(), Self { reference: Some(OBJECT_META.to_owned()), ..Self::any() });
        node
    }

    /// Whether any field is allowed here, and kept.
    fn open(&self) -> bool {
        self.preserve
            || self.shape == Shape::Any
            || (self.properties.is_empty() && self.additional.is_none() && self.shape == Shape::Object)
    }
}

/// A value of a wrong type.
#[derive(Debug, PartialEq)]
pub(super) struct Mistyped {
    pub(super) path: String,
    /// The type in the words of JSON schema.
    pub(super) expected: &'static str,
    /// The type in the words of Go, where that is known.
    pub(super) go: String,
    /// The Go struct that it is a field of.
    pub(super) owner: String,
    pub(super) found: Value,
}

/// What decoding found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Fields that the type does not have, as `spec.containers[0].imge`; they were dropped.
    pub(super) unknown: Vec<String>,
    /// Values of a wrong type.
    pub(super) mistyped: Vec<Mistyped>,
    /// `(path, value, allowed)` of values that are not in an enum (custom resources only).
    pub(super) outside: Vec<(String, Value, Vec<Value>)>,
    /// Paths of required fields that are missing (custom resources only).
    pub(super) missing: Vec<String>,
    /// The value nests deeper than [`MAX_DEPTH`].
    pub(super) too_deep: bool,
}

/// Which decoder's manners apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// Go structs: nulls, and empty maps and lists that are not required, vanish; quantities become canonical.
    BuiltIn,
    /// A structural schema: defaults are filled in, enums and required fields are checked.
    Custom,
}

/// All types by name, and the name of each kind's type.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    types: BTreeMap<String, Node>,
    /// `(group, version, kind)` to the type's name.
    kinds: BTreeMap<(String, String, String), String>,
}

impl Schemas {
    /// From `components.schemas` of OpenAPI v3.
    pub(super) fn new(components: &Map<String, Value>) -> Self {
        let mut kinds = BTreeMap::new();
        for (name, schema) in components {
            let all = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
            // Types like DeleteOptions stand for every group; they are no kinds of objects.
            if let Some([one]) = all.map(Vec::as_slice) {
                let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
                kinds.insert((text("group"), text("version"), text("kind")), name.clone());
            }
        }
        Self { types: components.iter().map(|(name, schema)| (name.clone(), Node::parse(schema))).collect(), kinds }
    }

    /// The name of a kind's type.
    pub(super) fn of_kind(&self, group: &str, version: &str, kind: &str) -> Option<&str> {
        self.kinds.get(&(group.to_owned(), version.to_owned(), kind.to_owned())).map(String::as_str)
    }

    /// The type of a name.
    pub(super) fn named(&self, name: &str) -> Option<&Node> {
        self.types.get(name)
    }

    /// Follows a reference.
    pub(super) fn resolve<'a>(&'a self, node: &'a Node) -> &'a Node {
        node.reference.as_ref().and_then(|name| self.types.get(name)).unwrap_or(node)
    }

    /// Decodes as the server does: drops and names unknown fields, applies the manners, checks types.
    pub(super) fn conform(&self, value: &mut Value, node: &Node, manners: Manners) -> Findings {
        let mut findings = Findings::default();
        self.visit(value, node, manners, &mut String::new(), "", 0, &mut findings);
        findings
    }

    #[expect(clippy::too_many_arguments, reason = "a walk carries where it is")]
    fn visit(
        &self,
        value: &mut Value,
        node: &Node,
        manners: Manners,
        path: &mut String,
        owner: &str,
        depth: usize,
        findings: &mut Findings,
    ) {
        if depth > MAX_DEPTH {
            findings.too_deep = true;
            return;
        }
        if node.reference.as_deref() == Some(QUANTITY) {
            quantity::canonicalize(value);
            return;
        }
        let name = node.reference.as_deref();
        let node = self.resolve(node);
        let own = name.and_then(|n| n.rsplit('.').next()).unwrap_or(owner);
        // The metadata of a custom resource is a Go struct as any other.
        let manners = if path == "metadata" { Manners::BuiltIn } else { manners };
        match (node.shape, &mut *value) {
            (Shape::Any, _) => {}
            (Shape::Object, Value::Object(map)) => {
                if manners == Manners::Custom {
                    for (name, child) in &node.properties {
                        if let Some(default) = &child.default
                            && map.get(name).is_none_or(|v| v.is_null() && !child.nullable)
                        {
                            map.insert(name.clone(), default.clone());
                        }
                    }
                    for name in &node.required {
                        if !map.contains_key(name) {
                            findings.missing.push(join(path, name));
                        }
                    }
                }
                let names: Vec<String> = map.keys().cloned().collect();
                for name in names {
                    let child = node.properties.get(&name).or(node.additional.as_deref());
                    let Some(child) = child else {
                        let known =
                            depth > 0 && node.embedded && ["apiVersion", "kind", "metadata"].contains(&name.as_str());
                        if !node.open() && !known {
                            map.remove(&name);
                            findings.unknown.push(join(path, &name));
                        }
                        continue;
                    };
                    let Some(inner) = map.get_mut(&name) else { continue };
                    if inner.is_null() {
                        if manners == Manners::BuiltIn || !child.nullable {
                            map.remove(&name);
                        }
                        continue;
                    }
                    let length = path.len();
                    push(path, &name);
                    self.visit(inner, child, manners, path, own, depth + 1, findings);
                    path.truncate(length);
                    if manners == Manners::BuiltIn
                        && !node.required.contains(&name)
                        && vanishes(inner, self.resolve(child))
                    {
                        map.remove(&name);
                    }
                }
            }
            (Shape::Array, Value::Array(list)) => {
                let Some(items) = node.items.as_deref() else { return };
                for (index, inner) in list.iter_mut().enumerate() {
                    let length = path.len();
                    path.push_str(&format!("[{index}]"));
                    self.visit(inner, items, manners, path, own, depth + 1, findings);
                    path.truncate(length);
                }
            }
            (Shape::Text, Value::String(_))
            | (Shape::Boolean, Value::Bool(_))
            | (Shape::Number, Value::Number(_))
            | (Shape::IntOrString, Value::Number(_) | Value::String(_)) => {}
            (Shape::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {}
            (Shape::Integer, Value::Number(number)) if number.as_f64().is_some_and(|f| f.fract() == 0.0) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "checked to be whole; JSON integers beyond i64 are refused elsewhere"
                )]
                let whole = number.as_f64().unwrap_or_default() as i64;
                *value = whole.into();
            }
            (_, Value::Null) => {}
            (shape, found) => {
                let expected = match shape {
                    Shape::Object => "object",
                    Shape::Array => "array",
                    Shape::Text => "string",
                    Shape::Integer => "integer",
                    Shape::Number => "number",
                    Shape::Boolean => "boolean",
                    Shape::IntOrString => "integer or string",
                    Shape::Any => return,
                };
                let go = match (shape, node.format.as_str()) {
                    (Shape::Integer, format @ ("int32" | "int64")) => format.to_owned(),
                    (Shape::Integer, _) => "int".to_owned(),
                    (Shape::Boolean, _) => "bool".to_owned(),
                    (Shape::Number, _) => "float64".to_owned(),
                    _ => go_type(name).unwrap_or_else(|| expected.to_owned()),
                };
                let (path, owner) = (path.clone(), owner.to_owned());
                findings.mistyped.push(Mistyped { path, expected, go, owner, found: found.clone() });
                return;
            }
        }
        if manners == Manners::Custom && !node.allowed.is_empty() && !node.allowed.contains(value) {
            findings.outside.push((path.clone(), value.clone(), node.allowed.clone()));
        }
    }
}

/// `v1.PodSpec` of `io.k8s.api.core.v1.PodSpec`.
fn go_type(name: Option<&str>) -> Option<String> {
    let mut parts = name?.rsplit('.');
    let (kind, version) = (parts.next()?, parts.next()?);
    Some(format!("{version}.{kind}"))
}

/// `omitempty` of maps and lists.
fn vanishes(value: &Value, node: &Node) -> bool {
    match value {
        Value::Object(map) => map.is_empty() && node.additional.is_some(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn push(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn custom_schemas_prune_default_and_check() {
        let node = Node::custom(&json!({"type": "object", "properties": {"spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer"},
                "mode": {"type": "string", "default": "fast", "enum": ["fast", "slow"]},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        }}}));
        let mut value = json!({
            "apiVersion": "x/v1", "kind": "X", "metadata": {"name": "a"},
            "spec": {"extra": 1, "free": {"any": [1]}, "labels": {"a": 3}},
        });
        let findings = Schemas::default().conform(&mut value, &node, Manners::Custom);
        assert_eq!(findings.unknown, ["spec.extra"]);
        assert_eq!(findings.missing, ["spec.size"]);
        let wrong = &findings.mistyped[0];
        assert_eq!((wrong.path.as_str(), wrong.expected, &wrong.found), ("spec.labels.a", "string", &json!(3)));
        assert_eq!(value["spec"], json!({"mode": "fast", "free": {"any": [1]}, "labels": {"a": 3}}));
    }
}
