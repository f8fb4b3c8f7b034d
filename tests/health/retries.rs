//! A release that is tried again asks the server only for what failed or has changed.

use std::path::Path;

use evenkeel::cluster::Verb;
use evenkeel::report::ReleaseState;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::live::{World, config_map, of, options};
use crate::lookup::scenarios;

scenarios!(what_was_dry_run_is_not_dry_run_again);

async fn what_was_dry_run_is_not_dry_run_again(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    let write = |port: &str| {
        let maps: Vec<String> = (0..5).map(|i| config_map(&format!("map-{i}"), "1")).collect();
        let service = format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{ports: [{{port: 80, {port}: 80}}]}}\n"
        );
        world.release("app", "", &(maps.join("---\n") + &service));
    };
    world.release("first", "", &config_map("first", "1"));
    let mut reconciler = world.reconciler();
    // The namespace is there from here on.
    let report = reconciler.pass(&world.commit(), &options(), &|_| {}).await;
    assert!(!report.failed, "{:?}", report.status);
    let dry_runs = || world.cluster.requests().of(Verb::DryRun);

    write("tragetPort");
    let source = world.commit();
    let before = dry_runs();
    let report = reconciler.pass(&source, &options(), &|_| {}).await;
    assert_eq!(of(&report, "app").state, ReleaseState::Failed, "{:?}", report.status);
    assert_eq!(dry_runs() - before, 6);
    for attempt in 0..3 {
        let before = dry_runs();
        let report = reconciler.pass(&source, &options(), &|_| {}).await;
        assert_eq!(of(&report, "app").state, ReleaseState::Failed, "{attempt}");
        assert_eq!(dry_runs() - before, 1, "only what failed is asked for again");
    }

    // What somebody has changed is asked for again.
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map-1"}, "data": {"other": "x"}});
    let by = PatchParams::apply("somebody");
    world.config_maps().patch("map-1", &by, &Patch::Apply(map)).await.unwrap();
    let before = dry_runs();
    reconciler.pass(&source, &options(), &|_| {}).await;
    assert_eq!(dry_runs() - before, 2);

    // So is what Git says anew; then all of it is written.
    write("targetPort");
    let source = world.commit();
    let before = dry_runs();
    let report = reconciler.pass(&source, &options(), &|_| {}).await;
    assert_eq!(of(&report, "app").state, ReleaseState::Synced, "{:?}", report.status);
    assert_eq!(dry_runs() - before, 1);
    assert_eq!(report.outcomes["app"].done.len(), 6);
}
