//! The Go structs that templates see: `.Chart`, `.Capabilities` and what is in them.

use std::any::Any;
use std::rc::Rc;

use serde_json::{Map as Json, Value as JsonValue};

use crate::chart::{Capabilities, Dependency, Maintainer, Metadata};
use crate::template::{
    ANY_LIST, Kind, List, ListType, Map, Method, Object, STRING_LIST, STRING_MAP, Signature, Type, Value,
};

const NONE: Signature = Signature::new(&[]);

/// The version of helm that templates are told.
const HELM_VERSION: [(&str, &str, &str); 4] = [
    ("Version", "version", "v3.17.3"),
    ("GitCommit", "git_commit", "e4da49785aa6e6ee2b86efd5dd9e43400318262b"),
    ("GitTreeState", "git_tree_state", "clean"),
    ("GoVersion", "go_version", "go1.23.7"),
];

static MAINTAINERS: ListType =
    ListType { name: "[]*chart.Maintainer", elem: Type::Object("*chart.Maintainer"), methods: &[] };
static DEPENDENCIES: ListType =
    ListType { name: "[]*chart.Dependency", elem: Type::Object("*chart.Dependency"), methods: &[] };
static VERSION_SET: ListType = ListType {
    name: "chartutil.VersionSet",
    elem: Type::String,
    methods: &[Method {
        name: "Has",
        signature: Signature::new(&[Type::String]),
        call: |_, set, a| {
            let known = |list: &List| list.items().iter().any(|item| item.as_str() == Some(a[0].str()));
            Ok(set.as_list().is_some_and(known).into())
        },
    }],
};

/// A struct whose fields are known when it is made.
struct Struct {
    type_name: &'static str,
    kind: Kind,
    fields: Vec<(&'static str, Value)>,
    /// Fields of embedded structs, which read as own ones.
    promoted: Vec<(&'static str, Value)>,
    methods: &'static [Method],
    text: Option<String>,
    json: JsonValue,
}

impl std::fmt::Debug for Struct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct(self.type_name).field("fields", &self.fields).finish_non_exhaustive()
    }
}

impl Object for Struct {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn field(&self, name: &str) -> Option<Value> {
        let mut all = self.fields.iter().chain(&self.promoted);
        all.find(|(field, _)| *field == name).map(|(_, value)| value.clone())
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.fields.clone()
    }

    fn methods(&self) -> &'static [Method] {
        self.methods
    }

    fn string(&self) -> Option<String> {
        self.text.clone()
    }

    fn json(&self) -> Option<JsonValue> {
        Some(self.json.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `.Chart`
pub(super) fn chart(metadata: &Metadata, is_root: bool) -> Value {
    let promoted = metadata_fields(metadata);
    let mut json = metadata_json(metadata);
    let inner = Struct {
        type_name: "chart.Metadata",
        kind: Kind::Struct,
        fields: promoted.clone(),
        promoted: Vec::new(),
        methods: &[],
        text: None,
        json: JsonValue::Object(json.clone()),
    };
    json.insert("IsRoot".to_owned(), is_root.into());
    Value::Object(Rc::new(Struct {
        type_name: "struct { chart.Metadata; IsRoot bool }",
        kind: Kind::Struct,
        fields: vec![("Metadata", Value::object(inner)), ("IsRoot", is_root.into())],
        promoted,
        methods: &[],
        text: None,
        json: JsonValue::Object(json),
    }))
}

fn strings(items: &[String]) -> Value {
    if items.is_empty() {
        return Value::List(List::nil(&STRING_LIST));
    }
    Value::strings(items.iter().cloned())
}

fn metadata_fields(m: &Metadata) -> Vec<(&'static str, Value)> {
    let list = |ty: &'static ListType, items: Vec<Value>| {
        if items.is_empty() { Value::List(List::nil(ty)) } else { Value::List(List::new(ty, items)) }
    };
    let annotations = if m.annotations.is_empty() {
        Value::Map(Map::nil(&STRING_MAP))
    } else {
        Value::Map(m.annotations.iter().cloned().collect())
    };
    vec![
        ("Name", m.name.as_str().into()),
        ("Home", m.home.as_str().into()),
        ("Sources", strings(&m.sources)),
        ("Version", m.version.as_str().into()),
        ("Description", m.description.as_str().into()),
        ("Keywords", strings(&m.keywords)),
        ("Maintainers", list(&MAINTAINERS, m.maintainers.iter().map(maintainer).collect())),
        ("Icon", m.icon.as_str().into()),
        ("APIVersion", m.api_version.as_str().into()),
        ("Condition", m.condition.as_str().into()),
        ("Tags", m.tags.as_str().into()),
        ("AppVersion", m.app_version.as_str().into()),
        ("Deprecated", m.deprecated.into()),
        ("Annotations", annotations),
        ("KubeVersion", m.kube_version.as_str().into()),
        ("Dependencies", list(&DEPENDENCIES, m.dependencies.iter().flatten().map(dependency).collect())),
        ("Type", m.kind.as_str().into()),
    ]
}

/// Puts what is not empty, as `omitempty` does.
fn put(json: &mut Json<String, JsonValue>, key: &str, value: impl Into<JsonValue>) {
    let value = value.into();
    let empty = match &value {
        JsonValue::String(text) => text.is_empty(),
        JsonValue::Array(items) => items.is_empty(),
        JsonValue::Object(map) => map.is_empty(),
        JsonValue::Bool(truth) => !truth,
        _ => false,
    };
    if !empty {
        json.insert(key.to_owned(), value);
    }
}

fn metadata_json(m: &Metadata) -> Json<String, JsonValue> {
    let mut json = Json::new();
    for (key, text) in [
        ("name", &m.name),
        ("home", &m.home),
        ("version", &m.version),
        ("description", &m.description),
        ("icon", &m.icon),
        ("apiVersion", &m.api_version),
        ("condition", &m.condition),
        ("tags", &m.tags),
        ("appVersion", &m.app_version),
        ("kubeVersion", &m.kube_version),
        ("type", &m.kind),
    ] {
        put(&mut json, key, text.as_str());
    }
    put(&mut json, "sources", m.sources.clone());
    put(&mut json, "keywords", m.keywords.clone());
    put(&mut json, "deprecated", m.deprecated);
    put(&mut json, "annotations", m.annotations.iter().cloned().collect::<JsonValue>());
    put(&mut json, "maintainers", m.maintainers.iter().map(maintainer_json).collect::<Vec<_>>());
    put(&mut json, "dependencies", m.dependencies.iter().flatten().map(dependency_json).collect::<Vec<_>>());
    json
}

fn maintainer_json(m: &Maintainer) -> JsonValue {
    let mut json = Json::new();
    put(&mut json, "name", m.name.as_str());
    put(&mut json, "email", m.email.as_str());
    put(&mut json, "url", m.url.as_str());
    JsonValue::Object(json)
}

fn maintainer(m: &Maintainer) -> Value {
    Value::object(Struct {
        type_name: "*chart.Maintainer",
        kind: Kind::Ptr,
        fields: vec![
            ("Name", m.name.as_str().into()),
            ("Email", m.email.as_str().into()),
            ("URL", m.url.as_str().into()),
        ],
        promoted: Vec::new(),
        methods: &[],
        text: None,
        json: maintainer_json(m),
    })
}

fn dependency_json(d: &Dependency) -> JsonValue {
    let mut json = Json::new();
    json.insert("name".to_owned(), d.name.as_str().into());
    put(&mut json, "version", d.version.as_str());
    json.insert("repository".to_owned(), d.repository.as_str().into());
    put(&mut json, "condition", d.condition.as_str());
    put(&mut json, "tags", d.tags.clone());
    put(&mut json, "enabled", d.enabled);
    put(&mut json, "import-values", d.import_values.clone());
    put(&mut json, "alias", d.alias.as_str());
    JsonValue::Object(json)
}

fn dependency(d: &Dependency) -> Value {
    let imports = if d.import_values.is_empty() {
        Value::List(List::nil(&ANY_LIST))
    } else {
        Value::list(d.import_values.iter().map(Value::from).collect())
    };
    Value::object(Struct {
        type_name: "*chart.Dependency",
        kind: Kind::Ptr,
        fields: vec![
            ("Name", d.name.as_str().into()),
            ("Version", d.version.as_str().into()),
            ("Repository", d.repository.as_str().into()),
            ("Condition", d.condition.as_str().into()),
            ("Tags", strings(&d.tags)),
            ("Enabled", d.enabled.into()),
            ("ImportValues", imports),
            ("Alias", d.alias.as_str().into()),
        ],
        promoted: Vec::new(),
        methods: &[],
        text: None,
        json: dependency_json(d),
    })
}

/// `.Capabilities`
pub(super) fn capabilities(capabilities: &Capabilities) -> Value {
    let kube = kube_version(capabilities);
    let helm = helm_version();
    let versions: Vec<Value> = capabilities.api_versions.iter().map(|v| v.as_str().into()).collect();
    let mut json = Json::new();
    json.insert("KubeVersion".to_owned(), kube.json.clone());
    json.insert("APIVersions".to_owned(), capabilities.api_versions.clone().into());
    json.insert("HelmVersion".to_owned(), helm.json.clone());
    Value::object(Struct {
        type_name: "*chartutil.Capabilities",
        kind: Kind::Ptr,
        fields: vec![
            ("KubeVersion", Value::object(kube)),
            ("APIVersions", Value::List(List::new(&VERSION_SET, versions))),
            ("HelmVersion", Value::object(helm)),
        ],
        promoted: Vec::new(),
        methods: &[],
        text: None,
        json: JsonValue::Object(json),
    })
}

fn kube_version(capabilities: &Capabilities) -> Struct {
    fn version(value: &Value) -> Value {
        match value {
            Value::Object(object) => object.field("Version").unwrap_or_default(),
            _ => Value::Nil,
        }
    }
    static METHODS: &[Method] = &[
        Method { name: "String", signature: NONE, call: |_, v, _| Ok(version(v)) },
        Method { name: "GitVersion", signature: NONE, call: |_, v, _| Ok(version(v)) },
    ];
    let fields = [("Version", &capabilities.version), ("Major", &capabilities.major), ("Minor", &capabilities.minor)];
    Struct {
        type_name: "chartutil.KubeVersion",
        kind: Kind::Struct,
        fields: fields.iter().map(|(name, text)| (*name, text.as_str().into())).collect(),
        promoted: Vec::new(),
        methods: METHODS,
        text: Some(capabilities.version.clone()),
        json: fields.iter().map(|(name, text)| ((*name).to_owned(), JsonValue::from(text.as_str()))).collect(),
    }
}

fn helm_version() -> Struct {
    Struct {
        type_name: "version.BuildInfo",
        kind: Kind::Struct,
        fields: HELM_VERSION.iter().map(|(name, _, value)| (*name, (*value).into())).collect(),
        promoted: Vec::new(),
        methods: &[],
        text: None,
        json: HELM_VERSION.iter().map(|(_, key, value)| ((*key).to_owned(), JsonValue::from(*value))).collect(),
    }
}
