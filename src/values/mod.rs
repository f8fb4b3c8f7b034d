//! Turns layers of values (chart defaults, environments, `--set`) into the values that a chart is rendered with, as Helm 3.17
//! does, and remembers where each one came from. `environment/`, `chart/` and `render/` call this; it never reads files.
//!
//! Two of Helm's rules meet here, and they are not the same:
//!
//! - *Layers* ([`merge_layers`], Helm's `-f a -f b`): maps merge deeply, everything else replaces, and `null` is a value that
//!   replaces too. The rule folds from the lowest layer up and is associative as long as no layer puts something else than a
//!   map between two maps at one path: `{a: {x: 1}}`, `{a: 5}`, `{a: {y: 2}}` gives `{a: {y: 2}}` from below and
//!   `{a: {x: 1, y: 2}}` from above. Helm folds from below, and so does evenkeel.
//! - *Chart defaults* ([`coalesce()`], Helm's `CoalesceValues`): the layers stand over the chart's `values.yaml`; a `null` there
//!   deletes the chart's key, and a `null` without a counterpart in the chart stays.

mod coalesce;
mod explain;
mod globals;
mod layer;
mod merge;
mod path;
pub mod schema;
pub mod set;
pub mod table;

pub use coalesce::{ChartValues, TypeMismatch, coalesce, coalesce_tables, merge as merge_chart, merge_tables};
pub use explain::{Explained, Overridden, Place, explain};
pub use globals::coalesce_globals;
pub use layer::{Layer, LayerKind};
pub use merge::{Merged, as_map, merge_layers, merge_maps};
pub use path::{KeyPath, PathError, Step};

#[cfg(test)]
mod tests;
