//! Which reference leads to which document. Every `$ref` is made absolute within the `$id`s around it before anything is
//! compiled; what cannot be resolved stays as it is, and is refused when it is followed.

use std::collections::BTreeMap;

use super::document::{Documents, Item, Json};
use super::{SchemaError, metaschema};
use crate::go::url::Url;

/// What a schema's keywords mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    Four,
    Six,
    Seven,
    /// Everything that any draft has; what `$schema` leaves open.
    Mixed,
}

impl Draft {
    pub(super) const PUBLISHED: [(Self, &'static str); 3] = [
        (Self::Four, "http://json-schema.org/draft-04/schema"),
        (Self::Six, "http://json-schema.org/draft-06/schema"),
        (Self::Seven, "http://json-schema.org/draft-07/schema"),
    ];
}

/// Documents by the references that lead to them.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) documents: Documents,
    known: BTreeMap<String, (Item, Option<Draft>)>,
}

impl Pool {
    /// Takes up a document under its address.
    pub(super) fn add(&mut self, document: Item, address: &Url) -> Result<Option<Draft>, SchemaError> {
        let draft = self.draft_of(document)?;
        let result = self.resolve_below(document, address, draft);
        self.known.insert(address.text(), (document, draft));
        result.map(|()| draft).map_err(SchemaError::Schema)
    }

    /// What `$schema` says.
    fn draft_of(&self, document: Item) -> Result<Option<Draft>, SchemaError> {
        let wrong = |text: &str| Err(SchemaError::Schema(text.to_owned()));
        let map = match self.documents.get(document) {
            Json::Bool(_) => return Ok(None),
            Json::Object(map) => map,
            _ => return wrong("schema is invalid"),
        };
        let Some(schema) = map.get("$schema") else { return Ok(None) };
        let Some(text) = self.documents.text(*schema) else { return wrong("$schema must be of type string") };
        let url = Url::parse(text).map_err(SchemaError::Schema)?.text();
        Ok(Draft::PUBLISHED.iter().find(|(_, published)| *published == url).map(|(draft, _)| *draft))
    }

    fn resolve_below(&mut self, item: Item, base: &Url, draft: Option<Draft>) -> Result<(), String> {
        stacker::maybe_grow(64 << 10, 1 << 20, || match self.documents.get(item).clone() {
            Json::Array(items) => {
                for item in items {
                    let _ = self.resolve_below(item, base, draft);
                }
                Ok(())
            }
            Json::Object(map) => self.resolve_object(item, &map, base, draft),
            _ => Ok(()),
        })
    }

    fn resolve_object(
        &mut self,
        item: Item,
        map: &BTreeMap<String, Item>,
        base: &Url,
        draft: Option<Draft>,
    ) -> Result<(), String> {
        let mut base = base.clone();
        let id = map.get("id").or_else(|| map.get("$id"));
        if let Some(id) = id.and_then(|id| self.documents.text(*id)).and_then(|id| Url::parse(id).ok()) {
            base = inherit(&base, &id).unwrap_or(base);
            let address = base.text();
            if self.known.contains_key(&address) {
                return Err(format!("Reference already exists: {address:?}"));
            }
            self.known.insert(address, (item, draft));
        }
        if let Some(reference) = map.get("$ref") {
            let resolved = self.documents.text(*reference).and_then(|text| inherit(&base, &Url::parse(text).ok()?));
            if let Some(resolved) = resolved {
                self.documents.items[*reference] = Json::String(resolved.text());
            }
        }
        for (key, inner) in map {
            match (key.as_str(), self.documents.get(*inner)) {
                // These are values, not schemas.
                ("const" | "enum", _) => {}
                // These hold schemas under names that mean nothing.
                ("properties" | "dependencies" | "patternProperties", Json::Object(named)) => {
                    for inner in named.values().copied().collect::<Vec<_>>() {
                        let _ = self.resolve_below(inner, &base, draft);
                    }
                }
                ("properties" | "dependencies" | "patternProperties", _) => {}
                _ => {
                    let _ = self.resolve_below(*inner, &base, draft);
                }
            }
        }
        Ok(())
    }

    /// The document that an absolute reference leads to.
    pub(super) fn follow(&mut self, reference: &Url) -> Result<(Item, Option<Draft>), SchemaError> {
        let text = reference.text();
        if let Some(found) = self.known.get(&text) {
            return Ok(*found);
        }
        let base = reference.without_fragment();
        if let Some((document, draft)) = self.known.get(&base.text()).copied() {
            let found = (self.point(document, reference)?, draft);
            self.known.insert(text, found);
            return Ok(found);
        }
        let is_canonical = if reference.scheme == "file" {
            reference.path.starts_with(b"/")
        } else {
            !reference.scheme.is_empty() && !reference.host.is_empty()
        };
        if !is_canonical {
            return Err(SchemaError::Schema(format!("Reference {text} must be canonical")));
        }
        let address = base.text();
        let Some((draft, _)) = Draft::PUBLISHED.iter().find(|(_, published)| *published == address) else {
            return Err(SchemaError::Elsewhere(address));
        };
        let document = self.documents.read(metaschema::text(*draft).as_bytes())?;
        self.add(document, &base)?;
        Ok((self.point(document, reference)?, Some(*draft)))
    }

    /// What a reference's fragment points to in a document; a fragment that is no pointer means all of it.
    fn point(&self, document: Item, reference: &Url) -> Result<Item, SchemaError> {
        let pointer = String::from_utf8_lossy(&reference.fragment);
        let Some(pointer) = pointer.strip_prefix('/') else { return Ok(document) };
        pointer.split('/').try_fold(document, |at, token| {
            let wrong = |text: String| Err(SchemaError::Schema(text));
            match self.documents.get(at) {
                Json::Object(map) => {
                    let key = token.replace("~1", "/").replace("~0", "~");
                    map.get(&key).copied().map_or_else(|| wrong(format!("Object has no key '{key}'")), Ok)
                }
                Json::Array(items) => match token.parse::<i64>() {
                    Err(_) => wrong(format!("Invalid array index '{token}'")),
                    Ok(index) => usize::try_from(index)
                        .ok()
                        .and_then(|index| items.get(index))
                        .copied()
                        .map_or_else(|| wrong(format!("Out of bound array[0,{}] index '{index}'", items.len())), Ok),
                },
                _ => wrong(format!("Invalid token reference '{token}'")),
            }
        })
    }
}

/// A reference from within a document.
fn inherit(base: &Url, reference: &Url) -> Option<Url> {
    Url::parse(&base.without_fragment().resolve(reference).text()).ok()
}
