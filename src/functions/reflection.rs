//! Types and kinds.

use super::fixed;
use crate::template::{FunctionTable, Type};

const A: Type = Type::Any;
const S: Type = Type::String;

pub(super) fn register(table: &mut FunctionTable) {
    table.add("typeOf", fixed(&[A]), |_, a| Ok(a[0].type_name().into()));
    table.add("typeIs", fixed(&[S, A]), |_, a| Ok((a[1].type_name() == a[0].str()).into()));
    table.add("typeIsLike", fixed(&[S, A]), |_, a| {
        let (wanted, found) = (a[0].str(), a[1].type_name());
        Ok((wanted == found || found.strip_prefix('*') == Some(wanted)).into())
    });
    table.add("kindOf", fixed(&[A]), |_, a| Ok(a[0].kind().name().into()));
    table.add("kindIs", fixed(&[S, A]), |_, a| Ok((a[1].kind().name() == a[0].str()).into()));
    table.add("deepEqual", fixed(&[A, A]), |_, a| Ok(a[0].deep_equal(&a[1]).into()));
}
