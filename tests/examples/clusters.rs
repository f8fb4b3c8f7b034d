//! One repository for two clusters.

use super::walk::Walk;
use crate::harness::kubectl;
use crate::require;

#[test]
fn each_environment_goes_to_its_own_cluster() {
    let kubectl = require!(kubectl());
    Walk::new("multi-cluster").program("kubectl", &kubectl).run();
}
