//! Encrypted values in Git, by the real SOPS.

use super::walk::Walk;
use crate::harness::kubectl;
use crate::harness::requirement::sops;
use crate::require;

#[test]
fn secrets_are_kept_encrypted_in_git() {
    let (kubectl, sops) = (require!(kubectl()), require!(sops()));
    Walk::new("sops-age")
        .charts(&["secrets", "clipper-redis"])
        .program("kubectl", &kubectl)
        .program("sops", &sops)
        .run();
}
