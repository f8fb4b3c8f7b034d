//! What the server's admission makes of an object is no difference: a webhook that puts images behind a mirror does so again with
//! every apply. Only the server knows, so it is asked, once, by the dry run that an apply would begin with.

use crate::apply::dry_run;
use crate::cluster::Cluster;
use crate::drift::FieldDrift;
use crate::manifest::{FIELD_MANAGER, Object};

/// Whether a difference may be admission's: we own the field still, and it is not what we asked for.
pub(super) fn may_be_admission(field: &FieldDrift) -> bool {
    field.manager == FIELD_MANAGER && field.desired.is_some() && field.live.is_some() && !field.added
}

/// The differences that an apply would change. `cluster` is the cluster as the release's own user; what it may not ask, or what
/// the server would refuse, stays as it is.
pub(super) async fn without_admission(
    cluster: &Cluster,
    desired: &Object,
    live: &Object,
    mut fields: Vec<FieldDrift>,
) -> Vec<FieldDrift> {
    if !fields.iter().any(may_be_admission) {
        return fields;
    }
    match dry_run(cluster, desired).await {
        Ok(run) => fields.retain(|field| {
            !may_be_admission(field) || field.path.get(run.result.value()) != field.path.get(live.value())
        }),
        Err(error) => tracing::debug!(id = %desired.id(), %error, "what admission makes of it is not known"),
    }
    fields
}
