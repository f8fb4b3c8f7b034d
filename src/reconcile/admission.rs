//! What the server's admission makes of an object is no difference: a webhook that puts images behind a mirror does so again with
//! every apply. Only the server knows, so it is asked, once, by the dry run that an apply would begin with.

use crate::apply::{Checks, Passed, dry_run};
use crate::cluster::Cluster;
use crate::drift::FieldDrift;
use crate::manifest::{FIELD_MANAGER, Object};
use crate::plan::Action;

/// Whether a difference may be admission's: we own the field still, and it is not what we asked for.
pub(super) fn may_be_admission(field: &FieldDrift) -> bool {
    field.manager == FIELD_MANAGER && field.desired.is_some() && field.live.is_some() && !field.added
}

/// The differences that an apply would change. `cluster` is the cluster as the release's own user, whose name is `account`; what
/// it may not ask, or what the server would refuse, stays as it is. Where an action is going to write the object, its dry run has
/// been made then.
pub(super) async fn without_admission(
    (cluster, account): (&Cluster, Option<&str>),
    desired: &Object,
    live: &Object,
    mut fields: Vec<FieldDrift>,
    written: Option<(&Checks, &Action)>,
) -> Vec<FieldDrift> {
    if !fields.iter().any(may_be_admission) {
        return fields;
    }
    match dry_run(&cluster.acting_as(account), desired).await {
        Ok(run) => {
            fields.retain(|field| {
                !may_be_admission(field) || field.path.get(run.result.value()) != field.path.get(live.value())
            });
            if let Some((checks, action)) = written {
                checks.note(action, account, &Passed { exists: run.exists, taken: run.taken });
            }
        }
        Err(error) => tracing::debug!(id = %desired.id(), %error, "what admission makes of it is not known"),
    }
    fields
}
