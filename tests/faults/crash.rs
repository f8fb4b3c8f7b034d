//! evenkeel is killed (SIGKILL) over every single write of an install, an upgrade and an uninstallation, just before the server
//! hears of it or just before evenkeel hears of the answer, and started again: it comes to rest where it would have been, nothing
//! that is wanted was ever deleted, nothing is left over, and every hook has run exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use serde_json::json;

use super::support::{Fleet, deleted, jobs_made};
use crate::harness::{ControlPlane, Evenkeel, Proxy, helm};

/// Fleets side by side.
const PARALLEL: usize = 4;

/// One step in the life of a fleet.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Install,
    Upgrade,
    Uninstall,
}

const STEPS: [Step; 3] = [Step::Install, Step::Upgrade, Step::Uninstall];

/// Brings Git to a step.
fn commit(fleet: &Fleet, step: Step) {
    let group = &fleet.group;
    let definition = json!({"group": group, "versions": {"v1": true}, "stored": "v1"});
    match step {
        Step::Install => {
            let hooks = json!({
                "prepare": {"events": "pre-install", "delete": "hook-succeeded"},
                "migrate": {"events": "post-upgrade", "delete": "before-hook-creation,hook-succeeded"},
            });
            let ship = json!({"group": group, "version": "v1", "course": 90});
            fleet
                .release("bow", &json!({"maps": {"a": "1", "b": "1", "m": "1"}, "hooks": hooks, "definition": definition, "ship": ship}))
                .release("stern", &json!({"maps": {"z": "1"}}))
                .release("wake", &json!({"maps": {"w": "1"}, "hooks": {"farewell": {"events": "pre-delete"}}}));
        }
        Step::Upgrade => {
            let hooks = json!({"migrate": {"events": "post-upgrade", "delete": "before-hook-creation,hook-succeeded"}});
            let ship = json!({"group": group, "version": "v1", "course": 180});
            fleet
                .release(
                    "bow",
                    &json!({"maps": {"a": "2", "c": "1"}, "hooks": hooks, "definition": definition, "ship": ship}),
                )
                .release("stern", &json!({"maps": {"z": "1", "m": "1"}}));
        }
        Step::Uninstall => {
            fleet.without("wake");
        }
    }
    fleet.repository.commit(&format!("{step:?}"));
}

/// Runs `evenkeel apply` through the proxy; whether it lived to its end.
async fn apply(fleet: &Fleet, proxy: &Proxy) -> (bool, String) {
    let process = Evenkeel::new(["apply", &fleet.environment, "--rev", "main"])
        .repository(&fleet.repository)
        .kubeconfig(proxy.kubeconfig())
        .start();
    proxy.victim(process.id());
    let output = tokio::task::spawn_blocking(move || process.wait()).await.unwrap();
    let lived = output.status.code().is_some();
    assert!(!lived || output.status.success(), "{output}");
    (lived, output.to_string())
}

/// The life of a fleet whose every step is interrupted at its `number`th write (never, when that is 0). The writes of each step.
async fn life(kubeconfig: &Path, number: usize, reached: bool) -> BTreeMap<String, usize> {
    let fleet = Fleet::new(kubeconfig).await;
    let proxy = Proxy::start(kubeconfig).await;
    let mut counts = BTreeMap::new();
    for step in STEPS {
        let place = format!("{step:?}, killed over write {number}, which reached the server: {reached}");
        commit(&fleet, step);
        let before = proxy.writes().len();
        proxy.kill_at(number, reached);
        let (lived, _) = apply(&fleet, &proxy).await;
        if !lived {
            proxy.kill_at(0, false);
            let (lived, said) = apply(&fleet, &proxy).await;
            assert!(lived, "{place}: {said}");
        }
        fleet.assert_whole(&place).await;
        let writes = proxy.writes();
        counts.insert(format!("{step:?}"), writes.len() - before);
        let gone = match step {
            Step::Install => vec![],
            Step::Upgrade => vec!["b"],
            Step::Uninstall => vec!["b", "w"],
        };
        let deleted_maps: Vec<&str> =
            deleted(&writes, "configmaps").into_iter().filter(|n| !n.starts_with("inventory.")).collect();
        assert_eq!(deleted_maps, gone, "{place}");
        assert!(
            deleted(&writes, "ships").is_empty() && deleted(&writes, "customresourcedefinitions").is_empty(),
            "{place}"
        );
        let ran: BTreeSet<&str> = match step {
            Step::Install => ["prepare"].into(),
            Step::Upgrade => ["prepare", "migrate"].into(),
            Step::Uninstall => ["prepare", "migrate", "farewell"].into(),
        };
        assert_eq!(jobs_made(&writes), ran.into_iter().map(|name| (name, 1)).collect(), "{place}: hooks that ran");
    }
    let place = format!("killed over write {number}, which reached the server: {reached}");
    let history = |release: &str| fleet.history(release);
    assert_eq!(history("bow"), ["1 superseded Install complete", "2 deployed Upgrade complete"], "{place}");
    assert_eq!(history("stern"), ["1 superseded Install complete", "2 deployed Upgrade complete"], "{place}");
    let left = fleet.cluster.history(&fleet.namespace, "wake").await.unwrap();
    assert!(left.is_empty(), "{place}: {left:?}");
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_over_every_write() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let kubeconfig = Arc::new(plane.kubeconfig().to_owned());
    let whole = life(&kubeconfig, 0, false).await;
    let most = *whole.values().max().unwrap();
    assert!(most > 15, "{whole:?}");
    // What is killed before a write is where it was after the one before, but for what it waited for in between: each write
    // is one of either kind.
    let lives = (1..=most).map(|number| {
        let kubeconfig = Arc::clone(&kubeconfig);
        async move { life(&kubeconfig, number, number % 2 == 1).await }
    });
    stream::iter(lives).buffer_unordered(PARALLEL).collect::<Vec<_>>().await;
}
