//! Go's slices and maps: shared by reference, as in Go. A map changed through one variable is changed for all.

use super::ast::Name;
use super::entries::Entries;
use super::types::{ANY_LIST, ANY_MAP, ListType, MapType, STRING_LIST, STRING_MAP, Type};
use super::value::Value;
use crate::go::slices::{self, Element};
use std::cell::{OnceCell, Ref, RefCell, RefMut};
use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// A slice. Elements never change after it was made, but for one function that sorts where it stands (`sortAlpha`).
#[derive(Clone)]
pub struct List(Rc<ListData>);

struct ListData {
    ty: &'static ListType,
    nil: bool,
    items: Vec<Value>,
    sorted: OnceCell<Box<[Value]>>,
    room: Room,
}

/// How far a slice reaches beyond its end: `slice` goes up to there.
enum Room {
    /// Not at all: it was made with its length.
    None,
    /// As far as appends that began with nothing left it.
    Appended,
    /// Up to this capacity; behind the end come these and then zero values.
    Beyond(usize, Box<[Value]>),
}

impl List {
    /// A slice of the type given.
    pub fn new(ty: &'static ListType, items: Vec<Value>) -> Self {
        Self::with_room(ty, items, Room::None)
    }

    /// A slice to which its elements were appended one at a time.
    pub fn appended(ty: &'static ListType, items: Vec<Value>) -> Self {
        Self::with_room(ty, items, Room::Appended)
    }

    /// A slice to which elements were appended one at a time, but which began with this capacity.
    pub fn appended_from(ty: &'static ListType, capacity: usize, items: Vec<Value>) -> Self {
        let capacity = slices::appended(element(ty), capacity, items.len());
        Self::with_room(ty, items, Room::Beyond(capacity, Box::default()))
    }

    /// A slice of this capacity to which the rest of its elements were appended at once.
    pub fn appended_to(ty: &'static ListType, capacity: usize, items: Vec<Value>) -> Self {
        let capacity = slices::grown(element(ty), capacity, items.len());
        Self::with_room(ty, items, Room::Beyond(capacity, Box::default()))
    }

    fn with_room(ty: &'static ListType, items: Vec<Value>, room: Room) -> Self {
        Self(Rc::new(ListData { ty, nil: false, items, sorted: OnceCell::new(), room }))
    }

    /// A slice with elements of its own, of the same type and capacity as this.
    #[must_use]
    pub fn remade(&self, items: Vec<Value>) -> Self {
        let room = match &self.0.room {
            Room::None => Room::None,
            Room::Appended => Room::Appended,
            Room::Beyond(capacity, _) => Room::Beyond(*capacity, Box::default()),
        };
        Self::with_room(self.0.ty, items, room)
    }

    /// A nil slice: it has no elements, and JSON writes it as null.
    pub fn nil(ty: &'static ListType) -> Self {
        let (items, sorted) = (Vec::new(), OnceCell::new());
        Self(Rc::new(ListData { ty, nil: true, items, sorted, room: Room::None }))
    }

    /// Its type.
    pub fn ty(&self) -> &'static ListType {
        self.0.ty
    }

    /// Whether it is Go's nil slice.
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// The elements.
    pub fn items(&self) -> &[Value] {
        self.0.sorted.get().map_or(&self.0.items, |sorted| sorted)
    }

    /// Puts the elements in order where they stand: everyone who holds this slice sees them so.
    pub fn sort_by(&self, order: impl FnMut(&Value, &Value) -> Ordering) {
        self.0.sorted.get_or_init(|| {
            let mut items = self.0.items.clone();
            items.sort_by(order);
            items.into_boxed_slice()
        });
    }

    /// How far it reaches.
    pub fn capacity(&self) -> usize {
        match &self.0.room {
            Room::None => self.len(),
            Room::Appended => slices::appended(element(self.0.ty), 0, self.len()),
            Room::Beyond(capacity, _) => *capacity,
        }
    }

    /// A part of what it reaches; `None` beyond that.
    pub fn part(&self, start: usize, end: usize) -> Option<Self> {
        let capacity = self.capacity();
        if self.is_nil() && end == 0 {
            return Some(self.clone());
        }
        if start > end || end > capacity {
            return None;
        }
        let behind = if let Room::Beyond(_, behind) = &self.0.room { &behind[..] } else { &[] };
        let known: Vec<Value> = self.items().iter().chain(behind).skip(start).cloned().collect();
        let mut items = known;
        let beyond = items.split_off(items.len().min(end - start));
        items.resize_with(end - start, || self.0.ty.elem.zero());
        Some(Self::with_room(self.0.ty, items, Room::Beyond(capacity - start, beyond.into_boxed_slice())))
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.0.items.len()
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.0.items.is_empty()
    }

    /// What tells it from every other list that lives at the same time.
    pub(super) fn identity(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }

    /// Whether two are one and the same slice.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

fn element(ty: &ListType) -> Element {
    match ty.elem {
        Type::Any | Type::Reflect | Type::String | Type::Error => Element { size: 16, pointers: true },
        Type::Bytes | Type::List(_) => Element { size: 24, pointers: true },
        Type::Bool | Type::Uint8 => Element { size: 1, pointers: false },
        Type::Int32 | Type::Uint32 => Element { size: 4, pointers: false },
        Type::Int | Type::Int64 | Type::Uint | Type::Uint64 | Type::Float64 => Element { size: 8, pointers: false },
        Type::Complex => Element { size: 16, pointers: false },
        Type::Map(_) | Type::Object(_) | Type::Func => Element { size: 8, pointers: true },
    }
}

/// A map with string keys. Clones share their entries.
#[derive(Clone)]
pub struct Map {
    ty: &'static MapType,
    data: Rc<MapData>,
}

struct MapData {
    nil: bool,
    entries: RefCell<Entries>,
}

impl Map {
    /// A map of the type given.
    pub fn new(ty: &'static MapType, entries: Entries) -> Self {
        Self { ty, data: Rc::new(MapData { nil: false, entries: RefCell::new(entries) }) }
    }

    /// An empty `map[string]interface {}`.
    pub fn empty() -> Self {
        Self::new(&ANY_MAP, Entries::new())
    }

    /// A nil map: it reads as empty, cannot be written to, and JSON writes it as null.
    pub fn nil(ty: &'static MapType) -> Self {
        Self { ty, data: Rc::new(MapData { nil: true, entries: RefCell::default() }) }
    }

    /// Its type.
    pub fn ty(&self) -> &'static MapType {
        self.ty
    }

    /// The same map in another type of maps: they share their entries, as after a conversion in Go.
    #[must_use]
    pub fn converted(&self, ty: &'static MapType) -> Self {
        Self { ty, data: Rc::clone(&self.data) }
    }

    /// Whether it is Go's nil map.
    pub fn is_nil(&self) -> bool {
        self.data.nil
    }

    /// The entry of this key.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.data.entries.borrow().get(key).cloned()
    }

    /// As [`Self::get`], where the same place of a template asks for the same key.
    pub(super) fn get_again(&self, name: &Name) -> Option<Value> {
        self.data.entries.borrow().get_again(name).cloned()
    }

    /// Whether there is such a key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.data.entries.borrow().contains_key(key)
    }

    /// Writes an entry; false if the map is nil (Go panics: `assignment to entry in nil map`).
    pub fn insert(&self, key: impl Into<Arc<str>>, value: Value) -> bool {
        if self.data.nil {
            return false;
        }
        let old = self.data.entries.borrow_mut().insert(key.into(), value);
        drop(old);
        true
    }

    /// Removes an entry.
    pub fn remove(&self, key: &str) -> Option<Value> {
        self.data.entries.borrow_mut().remove(key)
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.data.entries.borrow().len()
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        self.data.entries.borrow().is_empty()
    }

    /// The entries, to read. Do not call back into templates or write to the map while holding this.
    pub fn entries(&self) -> Ref<'_, Entries> {
        self.data.entries.borrow()
    }

    /// The entries, to write. Nothing else may use the map meanwhile, and a nil map must not be written to.
    pub fn entries_mut(&self) -> RefMut<'_, Entries> {
        self.data.entries.borrow_mut()
    }

    /// A copy of the entries as they are now.
    pub fn snapshot(&self) -> Vec<(Arc<str>, Value)> {
        self.data.entries.borrow().iter().map(|(key, value)| (Arc::clone(key), value.clone())).collect()
    }

    /// What tells it from every other map that lives at the same time.
    pub(super) fn identity(&self) -> usize {
        Rc::as_ptr(&self.data).addr()
    }

    /// Whether two are one and the same map.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.data, &other.data)
    }
}

// Values can be nested as deep as a template cares to build them; dropping must not recurse with them.
impl Drop for ListData {
    fn drop(&mut self) {
        if self.items.iter().any(Value::is_container) {
            dismantle(std::mem::take(&mut self.items));
        }
        if let Room::Beyond(_, behind) = &mut self.room
            && behind.iter().any(Value::is_container)
        {
            dismantle(std::mem::take(behind).into_vec());
        }
    }
}

impl Drop for MapData {
    fn drop(&mut self) {
        let entries = std::mem::take(self.entries.get_mut());
        if entries.values().any(Value::is_container) {
            dismantle(containers(entries).collect());
        }
    }
}

/// Only what may hold something else has to wait for its turn.
fn containers(entries: Entries) -> impl Iterator<Item = Value> {
    entries.into_iter().map(|(_, value)| value).filter(Value::is_container)
}

fn dismantle(mut pending: Vec<Value>) {
    while let Some(value) = pending.pop() {
        match value {
            Value::List(mut list) => {
                if let Some(data) = Rc::get_mut(&mut list.0) {
                    pending.extend(std::mem::take(&mut data.items).into_iter().filter(Value::is_container));
                    if let Room::Beyond(_, behind) = &mut data.room {
                        pending.extend(std::mem::take(behind).into_iter().filter(Value::is_container));
                    }
                }
            }
            Value::Map(mut map) => {
                if let Some(data) = Rc::get_mut(&mut map.data) {
                    pending.extend(containers(std::mem::take(data.entries.get_mut())));
                }
            }
            _ => {}
        }
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(len {})", self.ty().name, self.len())
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(len {})", self.ty().name, self.len())
    }
}

impl From<Vec<Value>> for List {
    fn from(items: Vec<Value>) -> Self {
        Self::new(&ANY_LIST, items)
    }
}

impl FromIterator<String> for List {
    fn from_iter<I: IntoIterator<Item = String>>(items: I) -> Self {
        Self::new(&STRING_LIST, items.into_iter().map(Value::from).collect())
    }
}

impl From<Entries> for Map {
    fn from(entries: Entries) -> Self {
        Self::new(&ANY_MAP, entries)
    }
}

impl FromIterator<(String, String)> for Map {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(entries: I) -> Self {
        Self::new(&STRING_MAP, entries.into_iter().map(|(k, v)| (Arc::from(k), Value::from(v))).collect())
    }
}
