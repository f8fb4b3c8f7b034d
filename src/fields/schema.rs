//! What the API server knows about the shape of objects, as far as ownership needs it: an arena of types.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::openapi;
use super::{SchemaError, zero};

/// A type in a [`Schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TypeId(pub(super) u32);

/// What a value of a type may be: a scalar, a list, a map, or any of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Atom {
    /// When it may be a scalar: which.
    pub scalar: Option<Scalar>,
    /// When it may be a list: of what.
    pub list: Option<List>,
    /// When it may be a map: of what.
    pub map: Option<MapType>,
    /// How equal values may be spelled differently.
    pub format: Format,
}

/// Kinds of scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// Integers and floats.
    Numeric,
    /// Strings.
    String,
    /// Booleans.
    Boolean,
    /// Any of them.
    Untyped,
}

/// Scalars that have several spellings for one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// None but the scalar's own.
    #[default]
    Plain,
    /// A quantity: `1`, `1000m`.
    Quantity,
    /// An integer, or a string that may hold one.
    IntOrString,
    /// Base64.
    Bytes,
    /// A time of RFC 3339.
    Time,
}

/// A list type.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// The type of its items.
    pub element: TypeId,
    /// What makes an item the same item.
    pub kind: ListKind,
}

/// What a list is to ownership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListKind {
    /// One field as a whole.
    Atomic,
    /// Its items are scalars, each one a field.
    Set,
    /// Its items are maps, told apart by these keys.
    Map(Vec<String>),
}

/// A map type.
#[derive(Debug, Clone, PartialEq)]
pub struct MapType {
    /// The fields with a type of their own.
    pub fields: BTreeMap<String, Field>,
    /// The type of other entries; `None` when there may be no others.
    pub element: Option<TypeId>,
    /// Whether the map is one field as a whole.
    pub atomic: bool,
}

/// A named field of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its type.
    pub ty: TypeId,
    /// The server's default, where the schema tells it.
    pub default: Option<Value>,
    /// Whether the schema requires it.
    pub required: bool,
}

/// Types of objects by group, version and kind.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(super) types: Vec<Atom>,
    kinds: HashMap<(String, String), TypeId>,
    object_meta: TypeId,
}

pub(super) const NOTHING: TypeId = TypeId(0);
pub(super) const UNTYPED: TypeId = TypeId(1);
pub(super) const DEDUCED: TypeId = TypeId(2);

/// The three types that every schema has: of no value, of one opaque value, and of what the value itself shows.
fn common_types() -> Vec<Atom> {
    let untyped_list = List { element: UNTYPED, kind: ListKind::Atomic };
    vec![
        Atom::default(),
        Atom {
            scalar: Some(Scalar::Untyped),
            list: Some(untyped_list.clone()),
            map: Some(MapType { fields: BTreeMap::new(), element: Some(UNTYPED), atomic: true }),
            format: Format::Plain,
        },
        Atom {
            scalar: Some(Scalar::Untyped),
            list: Some(untyped_list),
            map: Some(MapType { fields: BTreeMap::new(), element: Some(DEDUCED), atomic: false }),
            format: Format::Plain,
        },
    ]
}

impl Default for Schema {
    fn default() -> Self {
        Self { types: common_types(), kinds: HashMap::new(), object_meta: DEDUCED }
    }
}

impl Schema {
    /// From a whole OpenAPI document, version 2 (`definitions`) or 3 (`components.schemas`), or from the bare map of
    /// definitions. Version 3 is to be preferred: version 2 leaves defaults out, and with them the full keys of lists.
    ///
    /// # Errors
    /// When it is no such document, or a definition contradicts itself.
    pub fn from_openapi(document: &Value) -> Result<Self, SchemaError> {
        let definitions = document
            .get("definitions")
            .or_else(|| document.pointer("/components/schemas"))
            .unwrap_or(document)
            .as_object()
            .ok_or(SchemaError::NotADocument)?;
        openapi::build(definitions)
    }

    /// The type of a kind: `apps/v1`, `Deployment`.
    #[must_use]
    pub fn type_of(&self, api_version: &str, kind: &str) -> Option<TypeId> {
        self.kinds.get(&(api_version.to_owned(), kind.to_owned())).copied()
    }

    /// The type of a kind, deduced from its values where nothing is known.
    #[must_use]
    pub fn type_or_deduced(&self, api_version: &str, kind: &str) -> TypeId {
        self.type_of(api_version, kind).unwrap_or(DEDUCED)
    }

    /// Whether any version of a group's kind is known: then a version that is not has been dropped by its maker.
    #[must_use]
    pub fn knows(&self, group: &str, kind: &str) -> bool {
        self.kinds.keys().any(|(api_version, known)| {
            known == kind && api_version.split_once('/').map_or("", |(group, _)| group) == group
        })
    }

    /// Adds one version of a custom resource: its structural schema (`openAPIV3Schema`), or none where everything is
    /// preserved. `apiVersion`, `kind` and `metadata` are added as the server adds them.
    ///
    /// # Errors
    /// When the schema contradicts itself (a map list without keys, an unknown list type); the kind then stays as it was.
    pub fn add_crd(
        &mut self,
        group: &str,
        version: &str,
        kind: &str,
        schema: Option<&Value>,
    ) -> Result<(), SchemaError> {
        let ty = match schema {
            Some(schema) => openapi::add_crd(self, schema)?,
            None => DEDUCED,
        };
        self.add_kind(&format!("{group}/{version}"), kind, ty);
        Ok(())
    }

    /// Forgets a kind, as when its CustomResourceDefinition is deleted.
    pub fn remove_kind(&mut self, api_version: &str, kind: &str) {
        self.kinds.remove(&(api_version.to_owned(), kind.to_owned()));
    }

    /// The atom behind a type.
    #[must_use]
    pub fn atom(&self, ty: TypeId) -> &Atom {
        // An id comes from this schema's own arena; that of another schema may be out of range.
        &self.types[if (ty.0 as usize) < self.types.len() { ty.0 as usize } else { DEDUCED.0 as usize }]
    }

    /// An object of a kind with nothing set, as the API server has it in memory before it reads a request: structs that
    /// are no pointers are there. An update that creates an object compares with this.
    #[must_use]
    pub fn zero_object(&self, api_version: &str, kind: &str) -> Value {
        let mut object = match self.type_of(api_version, kind) {
            Some(ty) => zero::of(self, ty),
            None => Value::Object(Map::new()),
        };
        if let Value::Object(map) = &mut object {
            map.insert("apiVersion".to_owned(), Value::from(api_version));
            map.insert("kind".to_owned(), Value::from(kind));
        }
        object
    }

    /// Adds the empty maps that the API server always writes for structs that are no pointers (`resources: {}`,
    /// `strategy: {}`, `status: {}`), wherever their parent is there.
    pub fn fill_structs(&self, object: &mut Value, api_version: &str, kind: &str) {
        if let Some(ty) = self.type_of(api_version, kind) {
            zero::fill(self, object, ty);
        }
    }

    /// The type of what nothing is known of: deduced from the value.
    #[must_use]
    pub fn any(&self) -> TypeId {
        DEDUCED
    }

    pub(super) fn nothing(&self) -> TypeId {
        NOTHING
    }

    pub(super) fn push(&mut self, atom: Atom) -> TypeId {
        let id = TypeId(u32::try_from(self.types.len()).unwrap_or(DEDUCED.0));
        self.types.push(atom);
        id
    }

    pub(super) fn add_kind(&mut self, api_version: &str, kind: &str, ty: TypeId) {
        self.kinds.insert((api_version.to_owned(), kind.to_owned()), ty);
    }

    pub(super) fn object_meta(&self) -> TypeId {
        self.object_meta
    }

    pub(super) fn set_object_meta(&mut self, ty: TypeId) {
        self.object_meta = ty;
    }
}

/// The schemas of every kind that kube-apiserver 1.35 serves, recorded from its `/openapi/v3` by `tests/fields/record.sh`:
/// the map of definitions by name, without descriptions, references as `#/components/schemas/NAME`.
#[must_use]
pub fn recorded_schemas() -> &'static Map<String, Value> {
    static RECORDED: OnceLock<Map<String, Value>> = OnceLock::new();
    RECORDED.get_or_init(|| {
        let mut text = String::new();
        let packed: &[u8] = include_bytes!("recorded/openapi-v3.json.gz");
        // A damaged recording cannot be compiled in unseen: a test reads it.
        if flate2::read::GzDecoder::new(packed).read_to_string(&mut text).is_err() {
            return Map::new();
        }
        serde_json::from_str(&text).unwrap_or_default()
    })
}

/// The types of [`recorded_schemas`], built once.
#[must_use]
pub fn builtin_schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| openapi::build(recorded_schemas()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recording_is_whole() {
        assert!(recorded_schemas().len() > 500);
        openapi::build(recorded_schemas()).unwrap();
        let schema = builtin_schema();
        for (version, kind) in [
            ("v1", "Pod"),
            ("apps/v1", "Deployment"),
            ("batch/v1", "CronJob"),
            ("autoscaling/v2", "HorizontalPodAutoscaler"),
            ("autoscaling/v1", "Scale"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("apiregistration.k8s.io/v1", "APIService"),
        ] {
            assert!(schema.type_of(version, kind).is_some(), "{version} {kind}");
        }
        assert!(schema.type_of("v1", "Deployment").is_none());
        assert!(schema.knows("apps", "Deployment"));
        assert!(!schema.knows("apps", "Widget"));
    }
}
