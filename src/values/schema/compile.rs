//! A document becomes nodes: every schema in it is looked at, in gojsonschema's order of keywords, so that the first mistake
//! is the one that it names.

use std::collections::BTreeMap;

use super::document::{Item, Json, Kind, panicked};
use super::pool::{Draft, Pool};
use super::{Additional, DEPTH, Dependency, Id, Node, SCHEMAS, SchemaError, Type, keywords};
use crate::go::regexp;
use crate::go::url::Url;

/// The keywords of a schema.
pub(super) type Keywords = BTreeMap<String, Item>;

/// Reads and compiles a schema.
pub(super) fn compile(text: &[u8]) -> Result<Vec<Node>, SchemaError> {
    let mut pool = Pool::default();
    let root = pool.documents.read(text)?;
    let draft = pool.add(root, &Url::default())?.unwrap_or(Draft::Mixed);
    let mut compiler = Compiler { pool, nodes: Vec::new(), targets: BTreeMap::new(), depth: 0 };
    compiler.add(root, draft)?;
    Ok(compiler.nodes)
}

pub(super) struct Compiler {
    pub(super) pool: Pool,
    pub(super) nodes: Vec<Node>,
    /// What references lead to, by their text.
    targets: BTreeMap<String, Id>,
    depth: usize,
}

pub(super) fn wrong<T>(text: impl Into<String>) -> Result<T, SchemaError> {
    Err(SchemaError::Schema(text.into()))
}

pub(super) fn invalid_type<T>(expected: &str, given: &str) -> Result<T, SchemaError> {
    wrong(format!("Invalid type. Expected: {expected}, given: {given}"))
}

impl Compiler {
    fn reserve(&mut self) -> Result<Id, SchemaError> {
        if self.nodes.len() >= SCHEMAS {
            let what = format!("the schema unfolds to more than {SCHEMAS} schemas");
            return Err(SchemaError::Limit { what, limit: "schemas" });
        }
        self.nodes.push(Node::default());
        Ok(self.nodes.len() - 1)
    }

    fn add(&mut self, item: Item, draft: Draft) -> Result<Id, SchemaError> {
        let id = self.reserve()?;
        self.fill(id, item, draft)?;
        Ok(id)
    }

    fn fill(&mut self, id: Id, item: Item, draft: Draft) -> Result<(), SchemaError> {
        if self.depth > DEPTH {
            let what = format!("the schema's references and schemas nest deeper than {DEPTH}");
            return Err(SchemaError::Limit { what, limit: "schema depth" });
        }
        self.depth += 1;
        let result = stacker::maybe_grow(128 << 10, 1 << 20, || self.fill_here(id, item, draft));
        self.depth -= 1;
        result
    }

    fn fill_here(&mut self, id: Id, item: Item, draft: Draft) -> Result<(), SchemaError> {
        if draft >= Draft::Six
            && let Json::Bool(pass) = self.pool.documents.get(item)
        {
            self.nodes[id].pass = Some(*pass);
            return Ok(());
        }
        self.pool.documents.kind(item)?;
        let Some(map) = self.pool.documents.object(item).cloned() else {
            return wrong("Expected: valid schema, given: Invalid JSON");
        };
        self.identity(&map, draft)?;
        self.definitions(&map, draft)?;
        for key in ["title", "description", "$ref"] {
            if let Some(item) = map.get(key)
                && self.kind(*item)? != Kind::String
            {
                return invalid_type("string", key);
            }
        }
        if let Some(reference) = map.get("$ref").and_then(|item| self.pool.documents.text(*item)) {
            let reference = Url::parse(reference).map_err(SchemaError::Schema)?;
            let text = reference.text();
            let Some(known) = self.targets.get(&text) else {
                // Where a reference is met for the first time, what stands beside it is not even read.
                return self.follow(id, &reference, text, draft);
            };
            self.nodes[id].target = Some(*known);
        }
        self.types(id, &map)?;
        self.properties(id, &map, draft)?;
        self.dependencies(id, &map, draft)?;
        self.items(id, &map, draft)?;
        keywords::numbers(self, id, &map, draft)?;
        keywords::texts(self, id, &map)?;
        keywords::objects(self, id, &map)?;
        keywords::arrays(self, id, &map)?;
        if draft >= Draft::Six
            && let Some(item) = map.get("contains")
        {
            self.nodes[id].contains = Some(self.add(*item, draft)?);
        }
        keywords::choices(self, id, &map, draft)?;
        self.combinations(id, &map, draft)
    }

    pub(super) fn kind(&self, item: Item) -> Result<Kind, SchemaError> {
        self.pool.documents.kind(item)
    }

    fn is_schema(&self, item: Item) -> Result<bool, SchemaError> {
        Ok(matches!(self.kind(item)?, Kind::Object | Kind::Bool))
    }

    fn identity(&self, map: &Keywords, draft: Draft) -> Result<(), SchemaError> {
        let key = match draft {
            Draft::Four => "id",
            Draft::Mixed if map.contains_key("id") => "id",
            _ => "$id",
        };
        let Some(item) = map.get(key) else { return Ok(()) };
        if self.kind(*item)? != Kind::String {
            return invalid_type("string", key);
        }
        let text = self.pool.documents.text(*item).unwrap_or_default();
        Url::parse(text).map(drop).map_err(SchemaError::Schema)
    }

    fn definitions(&mut self, map: &Keywords, draft: Draft) -> Result<(), SchemaError> {
        let Some(item) = map.get("definitions") else { return Ok(()) };
        match self.kind(*item)? {
            Kind::Object => {}
            Kind::Bool => {
                return Err(panicked("interface conversion: interface {} is bool, not map[string]interface {}"));
            }
            _ => return invalid_type("array of schemas", "definitions"),
        }
        for item in self.pool.documents.object(*item).cloned().unwrap_or_default().into_values() {
            if !self.is_schema(item)? {
                return invalid_type("array of schemas", "definitions");
            }
            self.add(item, draft)?;
        }
        Ok(())
    }

    fn follow(&mut self, id: Id, reference: &Url, text: String, draft: Draft) -> Result<(), SchemaError> {
        let target = self.reserve()?;
        self.targets.insert(text, target);
        let (item, its_draft) = self.pool.follow(reference)?;
        if !self.is_schema(item)? {
            return wrong("valid schema must be of type object");
        }
        self.fill(target, item, its_draft.unwrap_or(draft))?;
        self.nodes[id].target = Some(target);
        Ok(())
    }

    fn types(&mut self, id: Id, map: &Keywords) -> Result<(), SchemaError> {
        let Some(item) = map.get("type") else { return Ok(()) };
        let expected = "string/array of strings";
        let items = match self.kind(*item)? {
            Kind::String => vec![*item],
            _ => match self.pool.documents.get(*item) {
                Json::Array(items) => items.clone(),
                _ => return invalid_type(expected, "type"),
            },
        };
        for item in items {
            let name = match self.pool.documents.get(item) {
                Json::String(name) => name,
                Json::Number(_) => {
                    return Err(panicked("interface conversion: interface {} is json.Number, not string"));
                }
                _ => return invalid_type(expected, "type"),
            };
            let Some(found) = Type::ALL.into_iter().find(|t| t.name() == name) else {
                let all = Type::ALL.map(Type::name).join(" ");
                return wrong(format!(
                    "has a primitive type that is NOT VALID -- given: /{name}/ Expected valid values are:[{all}]"
                ));
            };
            if self.nodes[id].types.contains(&found) {
                return wrong(format!("{name} type is duplicated"));
            }
            self.nodes[id].types.push(found);
        }
        Ok(())
    }

    /// `additionalProperties` and `additionalItems`.
    fn additional(&mut self, map: &Keywords, key: &str, draft: Draft) -> Result<Additional, SchemaError> {
        let Some(item) = map.get(key) else { return Ok(Additional::Allowed) };
        Ok(match self.pool.documents.get(*item) {
            Json::Bool(true) => Additional::Allowed,
            Json::Bool(false) => Additional::Refused,
            Json::Object(_) => Additional::Schema(self.add(*item, draft)?),
            _ => {
                self.kind(*item)?;
                return invalid_type("boolean/valid schema", key);
            }
        })
    }

    fn properties(&mut self, id: Id, map: &Keywords, draft: Draft) -> Result<(), SchemaError> {
        if let Some(item) = map.get("properties") {
            if self.kind(*item)? != Kind::Object {
                return wrong("properties must be of type object");
            }
            for (name, item) in self.pool.documents.object(*item).cloned().unwrap_or_default() {
                let schema = self.add(item, draft)?;
                self.nodes[id].properties.push((name, schema));
            }
        }
        self.nodes[id].additional_properties = self.additional(map, "additionalProperties", draft)?;
        if let Some(item) = map.get("patternProperties") {
            if self.kind(*item)? != Kind::Object {
                return invalid_type("valid schema", "patternProperties");
            }
            for (pattern, item) in self.pool.documents.object(*item).cloned().unwrap_or_default() {
                let Ok(regex) = regexp::compile(&pattern) else {
                    return wrong(format!("Invalid regex pattern '{pattern}'"));
                };
                let schema = self.add(item, draft)?;
                self.nodes[id].pattern_properties.push((regex, schema));
            }
        }
        if draft >= Draft::Six
            && let Some(item) = map.get("propertyNames")
        {
            if !self.is_schema(*item)? {
                return invalid_type("valid schema", "patternProperties");
            }
            self.nodes[id].property_names = Some(self.add(*item, draft)?);
        }
        Ok(())
    }

    fn dependencies(&mut self, id: Id, map: &Keywords, draft: Draft) -> Result<(), SchemaError> {
        let Some(item) = map.get("dependencies") else { return Ok(()) };
        if self.kind(*item)? != Kind::Object {
            return wrong("dependencies must be of type object");
        }
        for (key, item) in self.pool.documents.object(*item).cloned().unwrap_or_default() {
            let refused = || wrong("dependency must be of type schema or array of strings");
            let dependency = match self.pool.documents.get(item).clone() {
                Json::Array(items) => {
                    let mut keys = Vec::new();
                    for item in items {
                        self.kind(item)?;
                        let Some(key) = self.pool.documents.text(item) else { return refused() };
                        keys.push(key.to_owned());
                    }
                    Dependency::Keys(keys)
                }
                Json::Object(_) | Json::Bool(_) => Dependency::Schema(self.add(item, draft)?),
                _ => return refused(),
            };
            self.nodes[id].dependencies.push((key, dependency));
        }
        Ok(())
    }

    fn items(&mut self, id: Id, map: &Keywords, draft: Draft) -> Result<(), SchemaError> {
        if let Some(item) = map.get("items") {
            let refused = || invalid_type("valid schema/array of schemas", "items");
            match self.pool.documents.get(*item).clone() {
                Json::Array(items) => {
                    for item in items {
                        if !self.is_schema(item)? {
                            return refused();
                        }
                        let schema = self.add(item, draft)?;
                        self.nodes[id].items.push(schema);
                    }
                }
                Json::Object(_) | Json::Bool(_) => {
                    let schema = self.add(*item, draft)?;
                    self.nodes[id].items.push(schema);
                    self.nodes[id].items_for_all = true;
                }
                _ => {
                    self.kind(*item)?;
                    return refused();
                }
            }
        }
        self.nodes[id].additional_items = self.additional(map, "additionalItems", draft)?;
        Ok(())
    }

    fn several(&mut self, map: &Keywords, key: &str, named: &str, draft: Draft) -> Result<Vec<Id>, SchemaError> {
        let Some(item) = map.get(key) else { return Ok(Vec::new()) };
        let Json::Array(items) = self.pool.documents.get(*item).clone() else {
            self.kind(*item)?;
            return wrong(format!("{named} must be of an array"));
        };
        items.into_iter().map(|item| self.add(item, draft)).collect()
    }

    fn one(&mut self, map: &Keywords, key: &str, draft: Draft) -> Result<Option<Id>, SchemaError> {
        let Some(item) = map.get(key) else { return Ok(None) };
        if !self.is_schema(*item)? {
            return wrong(format!("{key} must be of an object"));
        }
        self.add(*item, draft).map(Some)
    }

    fn combinations(&mut self, id: Id, map: &Keywords, draft: Draft) -> Result<(), SchemaError> {
        self.nodes[id].one_of = self.several(map, "oneOf", "oneOf", draft)?;
        self.nodes[id].any_of = self.several(map, "anyOf", "anyOf", draft)?;
        self.nodes[id].all_of = self.several(map, "allOf", "anyOf", draft)?;
        self.nodes[id].not = self.one(map, "not", draft)?;
        if draft >= Draft::Seven {
            self.nodes[id].condition = self.one(map, "if", draft)?;
            self.nodes[id].then = self.one(map, "then", draft)?;
            self.nodes[id].otherwise = self.one(map, "else", draft)?;
        }
        Ok(())
    }
}
