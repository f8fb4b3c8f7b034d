//! The benchmark against a cluster, with few objects: it has to work when somebody needs its figures. What it counts rather than
//! times has to hold here, too.

#[path = "../../benches/live/mod.rs"]
#[allow(dead_code, reason = "the benchmark itself uses more of it")]
mod live;

use crate::harness::ControlPlane;
use crate::require;

#[tokio::test(flavor = "multi_thread")]
async fn every_line_can_be_measured_and_what_is_well_costs_no_request() {
    let plane = require!(ControlPlane::shared());
    let figures = live::measure(plane, &live::Sizes::small()).await;
    assert_eq!(figures.value("requests while idle"), Some(0.0), "{figures}");
    assert_eq!(figures.value("no-change commit: requests"), Some(0.0), "{figures}");
    assert!(figures.value("restart: requests").is_some_and(|count| count < 40.0), "{figures}");
    for line in [
        "first apply / bare client",
        "kubectl diff / no-change",
        "5 foreign changes, told: p99",
        "5 foreign changes, corrected: p99",
    ] {
        assert!(figures.value(line).is_some_and(|value| value > 0.0), "{line}: {figures}");
    }
}
