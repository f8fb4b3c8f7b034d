//! What keeps a prune from hurting: a limit on deletions in one pass.

use crate::environment::MaxDeletions;

use super::{Action, Finding, FindingKind, ReleasePlan, Verb};

/// Turns every deletion into a `keep` when there are more than the environment bears; says whether they may be made.
pub(super) fn limit_deletions(
    releases: &mut [&mut ReleasePlan],
    owned: usize,
    max: MaxDeletions,
    findings: &mut Vec<Finding>,
) -> bool {
    let deletions = releases.iter().flat_map(|r| &r.prune).filter(|a| deletes(a)).count();
    let allowed = max.allowed(owned);
    if deletions <= allowed {
        return true;
    }
    let limit = match max {
        MaxDeletions::Count(count) => count.to_string(),
        MaxDeletions::Percent(percent) => format!("{percent}% of {owned} objects"),
    };
    let reason = format!("{deletions} deletions exceed prune.maxDeletions ({limit})");
    for action in releases.iter_mut().flat_map(|r| &mut r.prune).filter(|a| deletes(a)) {
        action.verb = Verb::Keep;
        action.reason.clone_from(&reason);
    }
    findings.push(Finding {
        kind: FindingKind::MassPrune,
        release: String::new(),
        message: format!("nothing is deleted: {reason}; raise the limit in environment.yaml to confirm"),
    });
    false
}

/// An object that is gone already is only struck off the inventory.
fn deletes(action: &Action) -> bool {
    action.verb == Verb::Prune && !action.uid.is_empty()
}
