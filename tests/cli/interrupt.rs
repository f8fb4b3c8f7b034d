//! A signal in the middle of an apply: the object in hand is finished, and the inventory names what is there.

use std::time::Duration;

use super::lifecycle::{ENVIRONMENT, RELEASE, Sandbox, config_map};
use crate::harness::GitRepository;

#[test]
fn an_interrupted_apply_leaves_a_true_inventory_and_goes_on() {
    let sandbox = Sandbox::start();
    let repository = GitRepository::new();
    repository.write("environments/test/environment.yaml", ENVIRONMENT);
    repository.write("environments/test/app/release.yaml", RELEASE);
    let all: String = (0..600).map(|i| config_map(&format!("c{i}"), "1")).collect();
    repository.write("environments/test/app/manifests/all.yaml", &all);

    let mut apply = sandbox.command(&repository, &["apply", "test"]).start();
    apply.next_line("the first object", Duration::from_secs(60), |line| line.starts_with("created"));
    let stopped = apply.terminate();
    let created = stopped.stdout.lines().filter(|l| l.starts_with("created")).count();
    assert_eq!(stopped.status.code(), Some(2), "{stopped}");
    assert!(stopped.stderr.contains("interrupted"), "{stopped}");
    assert!(created < 600, "the signal came too late to prove anything");

    let status = sandbox.command(&repository, &["status", "test", "--output", "json"]).run().expect_code(0).json();
    assert_eq!(status["releases"][0]["objects"], created, "{status:#}");
    sandbox.command(&repository, &["apply", "test"]).run().expect_code(0);
    sandbox.command(&repository, &["diff", "test"]).run().expect_code(0);
}
