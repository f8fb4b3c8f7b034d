//! Desired against live, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::attribute::author;
use super::builtin::ordinary;
use super::equal::{Beyond, equal, is_nothing};
use super::ignore::{LetBe, Rules, Verdict};
use super::secret::{as_stored, mask, veil};
use super::{FieldDrift, ObjectDrift, State};
use crate::fields::{
    Entry, FieldPath, FieldSet, List, ListKind, ManagedFields, Manager, MapType, PathElement, Schema, TypeId,
    element_of, extract, owned_by,
};
use crate::manifest::{IgnoreRule, Object, is_secret};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// What others changed since the last apply: `desired` is what was applied. Whatever the server filled in inside a
    /// value that is still ours is no difference.
    Drift,
    /// What an apply would change: `desired` may be new. Inside values that are one field as a whole, only known defaults
    /// are let pass.
    Change,
}

/// A desired object and what is there.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What should be there.
    pub desired: &'a Object,
    /// What is there, with its managed fields; `None` when nothing is.
    pub live: Option<&'a Object>,
    /// The types of both.
    pub schema: &'a Schema,
    /// The release that the object belongs to.
    pub release: &'a str,
    /// Our field manager.
    pub manager: &'a str,
    /// What is let be.
    pub ignore: &'a [IgnoreRule],
    /// Whether a HorizontalPodAutoscaler or ScaledObject that targets the object owns its replicas.
    pub autoscaled: bool,
    /// Whether fields that others added are told, too.
    pub strict: bool,
    /// What is asked.
    pub view: View,
}

/// What a comparison comes to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Comparison {
    /// The differences; `None` when the object is as desired. Values of Secrets are masked, and what the object's veil knows.
    pub drift: Option<ObjectDrift>,
    /// Differences that are let be, values of Secrets as they are: for [`super::keep`], never to be shown.
    pub let_be: Vec<LetBe>,
    /// Whether a field says what we asked for and is no longer ours: somebody took it and put it back. Our entry will not tell of
    /// what they do with it next.
    pub lost: bool,
}

/// Compares an object with what is there.
#[must_use]
pub fn compare(input: &Input<'_>) -> Comparison {
    let Some(live) = input.live else {
        let missing = ObjectDrift::new(input.desired, input.release, State::Missing);
        return Comparison { drift: Some(missing), ..Comparison::default() };
    };
    let desired = as_stored(input.desired);
    let managed = ManagedFields::decode_lenient(live.value());
    let ours = managed.0.get(&Manager::applier(input.manager, ""));
    let ty = input.schema.type_or_deduced(desired.api_version(), desired.kind());
    let mut walk = Walk { input, ours, path: FieldPath::default(), found: BTreeMap::new(), lost: Vec::new() };
    walk.object(ty, desired.value(), live.value());
    if let Some(ours) = ours {
        walk.left_over(ty, &desired, live, ours, &managed);
    }
    let rules = Rules { rules: input.ignore, desired: &desired, live, autoscaled: input.autoscaled };
    let field = |path: FieldPath, desired: Option<Value>, live: Option<Value>| {
        let by = author(&managed, input.manager, &path);
        FieldDrift {
            path,
            desired,
            live,
            manager: by.manager,
            operation: by.operation,
            subresource: by.subresource,
            time: by.time,
            added: false,
        }
    };
    let lost = std::mem::take(&mut walk.lost);
    let lost = lost.into_iter().any(|path| !matches!(rules.judge(&field(path, None, None)), Verdict::LetBe));
    let (mut fields, mut let_be) = (Vec::new(), Vec::new());
    for (path, (desired_value, live_value)) in walk.found {
        let mut field = field(path, desired_value, live_value);
        match rules.judge(&field) {
            Verdict::Told => {}
            Verdict::LetBe => {
                let theirs = others_own(&managed, input.manager, &field.path);
                let_be.push(LetBe { path: field.path, value: field.live, theirs });
                continue;
            }
            Verdict::Partly(value) => {
                let same = field.live.as_ref() == Some(&value);
                let_be.push(LetBe { path: field.path.clone(), value: Some(value.clone()), theirs: false });
                if same {
                    continue;
                }
                field.desired = Some(value);
            }
        }
        hide(&desired, &mut field);
        fields.push(field);
    }
    if let Some(ours) = ours.filter(|_| input.strict) {
        let asked = owned_by(input.schema, desired.value());
        let known: Vec<FieldPath> = fields.iter().map(|f| f.path.clone()).collect();
        for mut field in added(input, live, ours, &managed, &asked) {
            let told = known.iter().any(|path| field.path.starts_with(path) || path.starts_with(&field.path));
            if told || matches!(rules.judge(&field), Verdict::LetBe) {
                continue;
            }
            hide(&desired, &mut field);
            fields.push(field);
        }
    }
    let state = if ours.is_none() { State::Unowned } else { State::Modified };
    let same = fields.is_empty() && state == State::Modified;
    let drift = (!same).then(|| ObjectDrift { fields, ..ObjectDrift::new(&desired, input.release, state) });
    Comparison { drift, let_be, lost }
}

/// Takes out of a difference what nobody may see of the object.
fn hide(desired: &Object, field: &mut FieldDrift) {
    if is_secret(desired.value()) {
        mask(field);
    }
    if let Some(redactor) = desired.veil() {
        veil(field, redactor);
    }
}

/// Whether a manager that stays owns a field: what an apply invented for an object without managed fields is about to go.
fn others_own(managed: &ManagedFields, ours: &str, path: &FieldPath) -> bool {
    managed.owners(&path.0).iter().any(|(manager, _)| manager.name != ours && manager.name != "before-first-apply")
}

/// What others own of our object and nobody asked for: each field, or the whole item where all of it is theirs. What
/// Kubernetes itself writes, and what goes through subresources, is none.
fn added(input: &Input<'_>, live: &Object, ours: &Entry, managed: &ManagedFields, asked: &FieldSet) -> Vec<FieldDrift> {
    let foreign = managed.0.iter().filter(|(manager, _)| manager.is_foreign(input.manager));
    let paths: BTreeSet<FieldPath> = foreign
        .flat_map(|(_, entry)| entry.fields.leaves().paths())
        .map(|path| whole_item(&path, |part| !ours.fields.touches(part) && !asked.touches(part)))
        .filter(|path| !ours.fields.touches(&path.0) && !asked.touches(&path.0) && !ordinary(path, input.autoscaled))
        .collect();
    let told = paths.into_iter().filter_map(|path| {
        let value = path.get(live.value()).filter(|value| !value.is_null())?.clone();
        let by = author(managed, input.manager, &path);
        Some(FieldDrift {
            path,
            desired: None,
            live: Some(value),
            manager: by.manager,
            operation: by.operation,
            subresource: by.subresource,
            time: by.time,
            added: true,
        })
    });
    told.collect()
}

struct Walk<'a> {
    input: &'a Input<'a>,
    /// Our entry in the live object.
    ours: Option<&'a Entry>,
    path: FieldPath,
    /// Desired and live by path.
    found: BTreeMap<FieldPath, (Option<Value>, Option<Value>)>,
    /// What is as desired and not ours, where we own anything at all.
    lost: Vec<FieldPath>,
}

/// Fields of `metadata` that a configuration may ask for; the others are the server's or the identity.
const METADATA: &[&str] = &["labels", "annotations", "finalizers", "ownerReferences"];

impl Walk<'_> {
    fn object(&mut self, ty: TypeId, desired: &Value, live: &Value) {
        let Some(map) = &self.input.schema.atom(ty).map else { return };
        for (name, wanted) in desired.as_object().into_iter().flatten() {
            match name.as_str() {
                // The identity is equal, or this would be another object. Status is written through its own endpoint.
                "apiVersion" | "kind" | "status" => {}
                "metadata" => {
                    for (name, wanted) in wanted.as_object().into_iter().flatten() {
                        if METADATA.contains(&name.as_str()) {
                            self.path = FieldPath::of(&["metadata"]);
                            let metadata = entry_type(self.input.schema, map, "metadata");
                            if let Some(map) = &self.input.schema.atom(metadata).map {
                                self.entry(map, name, wanted, live.get("metadata").and_then(|m| m.get(name)));
                            }
                            self.path = FieldPath::default();
                        }
                    }
                }
                _ => self.entry(map, name, wanted, live.get(name)),
            }
        }
    }

    fn entry(&mut self, map: &MapType, name: &str, wanted: &Value, found: Option<&Value>) {
        self.path.0.push(PathElement::field(name));
        self.value(entry_type(self.input.schema, map, name), wanted, found);
        self.path.0.pop();
    }

    fn value(&mut self, ty: TypeId, wanted: &Value, found: Option<&Value>) {
        let atom = self.input.schema.atom(ty);
        match (wanted, &atom.map, &atom.list) {
            // Null asks for nothing, nor does an empty map or list whose entries are fields of their own.
            (Value::Null, _, _) => {}
            (Value::Object(entries), Some(map), _) if !map.atomic && !entries.is_empty() => {
                for (name, wanted) in entries {
                    self.entry(map, name, wanted, found.and_then(|found| found.get(name)));
                }
            }
            // A struct is something even when it is empty: `emptyDir: {}`.
            (Value::Object(_), Some(map), _) if !map.atomic => {
                if !map.fields.is_empty() && found.is_none() {
                    self.leaf(ty, wanted, found);
                }
            }
            (Value::Array(items), _, Some(list)) if list.kind != ListKind::Atomic => {
                self.items(list, items, found.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default());
            }
            _ => self.leaf(ty, wanted, found),
        }
    }

    fn items(&mut self, list: &List, wanted: &[Value], found: &[Value]) {
        let schema = self.input.schema;
        let live: BTreeMap<PathElement, &Value> =
            found.iter().filter_map(|item| Some((element_of(schema, list, item).ok()?, item))).collect();
        for item in wanted {
            let Ok(element) = element_of(schema, list, item) else { continue };
            let found = live.get(&element).copied();
            self.path.0.push(element);
            match found {
                Some(found) => self.value(list.element, item, Some(found)),
                None => self.differs(Some(item), None),
            }
            self.path.0.pop();
        }
    }

    fn leaf(&mut self, ty: TypeId, wanted: &Value, found: Option<&Value>) {
        let owned = self.ours.is_some_and(|ours| ours.fields.contains(&self.path.0));
        match found {
            // Go leaves out what says nothing; who removed a pointer to it took the field from us.
            None if is_nothing(wanted) && (owned || self.ours.is_none() || wanted.is_array()) => {}
            None => self.differs(Some(wanted), None),
            Some(found) => {
                let beyond = if owned && self.input.view == View::Drift { Beyond::Anything } else { Beyond::Defaults };
                if !equal(self.input.schema, ty, wanted, found, beyond) {
                    self.differs(Some(wanted), Some(found));
                } else if !owned && self.ours.is_some() {
                    self.lost.push(self.path.clone());
                }
            }
        }
    }

    fn differs(&mut self, wanted: Option<&Value>, found: Option<&Value>) {
        self.found.insert(self.path.clone(), (wanted.cloned(), found.cloned()));
    }

    /// What we own and do not ask for: somebody wrote it in our name, or the next apply takes it away. What others own
    /// too stays.
    fn left_over(&mut self, ty: TypeId, desired: &Object, live: &Object, ours: &Entry, managed: &ManagedFields) {
        let schema = self.input.schema;
        let asked = owned_by(schema, desired.value());
        let others = managed.0.values().filter(|entry| !std::ptr::eq(*entry, ours));
        let kept = others.fold(FieldSet::new(), |all, entry| all.union(&entry.fields));
        let mut left = ours.fields.difference(&asked).difference(&kept);
        // Emptied parents say nothing of their own.
        left = left.leaves();
        let left: Vec<FieldPath> = left.paths().into_iter().filter(|path| !asked.touches(&path.0)).collect();
        if left.is_empty() {
            return;
        }
        let values = extract(schema, ty, live.value(), &left.iter().collect());
        let mut items: Vec<FieldPath> = Vec::new();
        for path in &left {
            // Of an item that goes, the item is told and not each of its fields.
            let whole =
                whole_item(path, |part| ours.fields.contains(part) && !asked.touches(part) && !kept.touches(part));
            if !items.contains(&whole) {
                items.push(whole);
            }
        }
        for path in items {
            if let Some(value) = path.get(&values).filter(|value| !value.is_null()) {
                self.found.entry(path).or_insert((None, Some(value.clone())));
            }
        }
    }
}

/// The outermost item of a list around a field of which all belongs together.
fn whole_item(path: &FieldPath, together: impl Fn(&[PathElement]) -> bool) -> FieldPath {
    for length in 1..path.0.len() {
        let part = &path.0[..length];
        if matches!(part.last(), Some(PathElement::Key(_))) && together(part) {
            return FieldPath(part.to_vec());
        }
    }
    path.clone()
}

fn entry_type(schema: &Schema, map: &MapType, name: &str) -> TypeId {
    map.fields.get(name).map(|field| field.ty).or(map.element).unwrap_or_else(|| schema.any())
}
