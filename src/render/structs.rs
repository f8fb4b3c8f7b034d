//! The Go structs that templates see: `.Chart`, `.Capabilities` and what is in them.

use std::any::Any;
use std::rc::Rc;

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

const DEPENDENCY: &str = "*chart.Dependency";

static MAINTAINERS: ListType =
    ListType { name: "[]*chart.Maintainer", elem: Type::Object("*chart.Maintainer"), methods: &[] };
static DEPENDENCIES: ListType = ListType { name: "[]*chart.Dependency", elem: Type::Object(DEPENDENCY), methods: &[] };
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
    /// What the pointer's `String()` gives.
    pointer_text: Option<String>,
    /// What JSON holds: names and values, in Go's order.
    json: Vec<(&'static str, Value)>,
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

    fn field_type(&self, name: &str) -> Type {
        match self.field(name) {
            Some(Value::String(_)) => Type::String,
            Some(Value::Bool(_)) => Type::Bool,
            Some(Value::List(list)) => Type::List(list.ty()),
            Some(Value::Map(map)) => Type::Map(map.ty()),
            Some(Value::Object(object)) => Type::Object(object.type_name()),
            _ => Type::Any,
        }
    }

    fn pointer_string(&self) -> Option<String> {
        self.pointer_text.clone()
    }

    fn copied(&self) -> Option<Value> {
        self.pointer_text.is_some().then(|| {
            Value::object(Self {
                type_name: self.type_name,
                kind: self.kind,
                fields: self.fields.clone(),
                promoted: self.promoted.clone(),
                methods: &[],
                pointer_text: None,
                json: self.json.clone(),
            })
        })
    }

    fn json_fields(&self) -> Vec<(&'static str, Value)> {
        self.json.clone()
    }

    fn yaml_fields(&self) -> Vec<(String, Value)> {
        if self.type_name == DEPENDENCY {
            // Alone it names its fields for YAML, and as for JSON.
            return self.json.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        }
        self.fields.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `.Chart`
pub(super) fn chart(metadata: &Metadata, is_root: bool) -> Value {
    let promoted = metadata_fields(metadata);
    let mut json = filled(&METADATA_NAMES, &promoted);
    let inner = Struct {
        type_name: "chart.Metadata",
        kind: Kind::Struct,
        fields: promoted.clone(),
        promoted: Vec::new(),
        methods: &[],
        pointer_text: None,
        json: json.clone(),
    };
    json.push(("IsRoot", is_root.into()));
    Value::Object(Rc::new(Struct {
        type_name: "struct { chart.Metadata; IsRoot bool }",
        kind: Kind::Struct,
        fields: vec![("Metadata", Value::object(inner)), ("IsRoot", is_root.into())],
        promoted,
        methods: &[],
        pointer_text: None,
        json,
    }))
}

/// The names of `chart.Metadata`'s fields in JSON.
const METADATA_NAMES: [&str; 17] = [
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];

/// Fields under the names that they have in JSON, without those that are empty (`omitempty`).
fn filled(names: &[&'static str], fields: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let full = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::List(list) => !list.items().is_empty(),
        Value::Map(map) => !map.snapshot().is_empty(),
        Value::Bool(truth) => *truth,
        _ => true,
    };
    let named = names.iter().zip(fields).map(|(name, (_, value))| (*name, value.clone()));
    named.filter(|(_, value)| full(value)).collect()
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

fn maintainer(m: &Maintainer) -> Value {
    let fields =
        vec![("Name", m.name.as_str().into()), ("Email", m.email.as_str().into()), ("URL", m.url.as_str().into())];
    pointer("*chart.Maintainer", filled(&["name", "email", "url"], &fields), fields)
}

fn pointer(type_name: &'static str, json: Vec<(&'static str, Value)>, fields: Vec<(&'static str, Value)>) -> Value {
    Value::object(Struct {
        type_name,
        kind: Kind::Ptr,
        fields,
        promoted: Vec::new(),
        methods: &[],
        pointer_text: None,
        json,
    })
}

fn dependency(d: &Dependency) -> Value {
    const NAMES: [&str; 8] =
        ["name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"];
    let imports = if d.import_values.is_empty() {
        Value::List(List::nil(&ANY_LIST))
    } else {
        Value::list(d.import_values.iter().map(Value::from).collect())
    };
    let fields: Vec<(&'static str, Value)> = vec![
        ("Name", d.name.as_str().into()),
        ("Version", d.version.as_str().into()),
        ("Repository", d.repository.as_str().into()),
        ("Condition", d.condition.as_str().into()),
        ("Tags", strings(&d.tags)),
        ("Enabled", d.enabled.into()),
        ("ImportValues", imports),
        ("Alias", d.alias.as_str().into()),
    ];
    // Name and repository are written even when they are empty.
    let json = NAMES
        .iter()
        .zip(&fields)
        .flat_map(|(name, field)| match *name {
            "name" | "repository" => vec![(*name, field.1.clone())],
            name => filled(&[name], std::slice::from_ref(field)),
        })
        .collect();
    pointer(DEPENDENCY, json, fields)
}

/// `.Capabilities`
pub(super) fn capabilities(capabilities: &Capabilities) -> Value {
    let kube = kube_version(capabilities);
    let helm = helm_version();
    let versions: Vec<Value> = capabilities.api_versions.iter().map(|v| v.as_str().into()).collect();
    let fields = vec![
        ("KubeVersion", Value::object(kube)),
        ("APIVersions", Value::List(List::new(&VERSION_SET, versions))),
        ("HelmVersion", Value::object(helm)),
    ];
    Value::object(Struct {
        type_name: "*chartutil.Capabilities",
        kind: Kind::Ptr,
        fields: fields.clone(),
        promoted: Vec::new(),
        methods: &[Method { name: "Copy", signature: NONE, call: |_, v, _| Ok(v.clone()) }],
        pointer_text: None,
        json: fields,
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
        pointer_text: Some(capabilities.version.clone()),
        json: fields.iter().map(|(name, text)| (*name, text.as_str().into())).collect(),
    }
}

fn helm_version() -> Struct {
    Struct {
        type_name: "version.BuildInfo",
        kind: Kind::Struct,
        fields: HELM_VERSION.iter().map(|(name, _, value)| (*name, (*value).into())).collect(),
        promoted: Vec::new(),
        methods: &[],
        pointer_text: None,
        json: HELM_VERSION.iter().map(|(_, key, value)| (*key, (*value).into())).collect(),
    }
}
