//! What was deployed by other means is taken over as it runs.

use super::walk::Walk;
use crate::harness::{ControlPlane, helm, kubectl, unique_name};
use crate::require;

#[test]
fn a_migration_from_helm_scripts_is_as_its_readme_says() {
    let plane = require!(ControlPlane::shared());
    let (helm, kubectl) = (require!(helm()), require!(kubectl()));
    Walk::new("migrate-helm")
        .charts(&["clipper", "clipper-backend", "clipper-frontend", "clipper-postgres", "clipper-redis"])
        .renamed("clipper-production", &unique_name("example"))
        .program("helm", &helm)
        .program("kubectl", &kubectl)
        .variable("KUBECONFIG", plane.kubeconfig().to_str().unwrap())
        .run();
}
