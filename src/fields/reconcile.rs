//! Field sets that were written under an older schema: what has become atomic since is owned as a whole.

use super::schema::DEDUCED;
use super::{FieldSet, ListKind, PathElement, Schema, TypeId};

/// The set as this schema would have it.
pub(super) fn reconcile(schema: &Schema, ty: TypeId, set: &FieldSet) -> FieldSet {
    let mut walk = Walk { schema, atomic: FieldSet::new(), path: Vec::new() };
    walk.node(ty, Some(set), false);
    if walk.atomic.is_empty() { set.clone() } else { set.without(&walk.atomic).union(&walk.atomic) }
}

struct Walk<'s> {
    schema: &'s Schema,
    /// Fields that are atomic now and were not.
    atomic: FieldSet,
    path: Vec<PathElement>,
}

impl Walk<'_> {
    fn node(&mut self, ty: TypeId, below: Option<&FieldSet>, owned_whole: bool) {
        let atom = self.schema.atom(ty);
        if let Some(map) = &atom.map {
            // Of what is deduced, ownership was never another.
            if map.element == Some(DEDUCED) && map.fields.is_empty() {
                return;
            }
            if map.atomic {
                if !owned_whole && below.is_some_and(|set| !set.is_empty()) {
                    self.atomic.insert(&self.path);
                }
                return;
            }
            self.each(below, |element| match element {
                PathElement::Field(name) => map.fields.get(name).map(|field| field.ty).or(map.element),
                _ => map.element,
            });
        } else if atom.scalar.is_none()
            && let Some(list) = &atom.list
        {
            if list.kind == ListKind::Atomic {
                if !owned_whole {
                    self.atomic.insert(&self.path);
                }
                return;
            }
            self.each(below, |_| Some(list.element));
        }
    }

    fn each(&mut self, below: Option<&FieldSet>, ty: impl Fn(&PathElement) -> Option<TypeId>) {
        for (element, node) in below.map(|set| &set.nodes).into_iter().flatten() {
            let Some(ty) = ty(element) else { continue };
            self.path.push(element.clone());
            let below = Some(&node.children).filter(|set| !set.is_empty());
            self.node(ty, below, node.member && below.is_none());
            self.path.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::builtin_schema;

    #[test]
    fn granular_fields_become_atomic() {
        let schema = builtin_schema();
        let ty = schema.type_of("v1", "Pod").unwrap();
        let old = FieldSet::from_text(
            r#"{"f:spec":{"f:hostname":{},"f:nodeSelector":{".":{},"f:a":{}},"f:tolerations":{"k:{\"key\":\"a\"}":{}}}}"#,
        );
        assert_eq!(
            reconcile(schema, ty, &old.unwrap()).to_text(),
            r#"{"f:spec":{"f:hostname":{},"f:nodeSelector":{},"f:tolerations":{}}}"#
        );
        let new =
            FieldSet::from_text(r#"{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{"f:nodeSelector":{}}}"#)
                .unwrap();
        assert_eq!(reconcile(schema, ty, &new), new);
    }
}
