//! Two daemons over one environment, as when two believe that they lead: one of them hears of a commit only because the other
//! was there first. Nothing that is
//! wanted is deleted, no hook runs twice, both come to rest, and they do not fight.

use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::support::{Fleet, Sailor, deleted, jobs_made};
use crate::harness::{ControlPlane, Proxy, eventually, helm};

const ROUNDS: usize = 6;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn two_leaders_do_no_damage() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let fleet = Fleet::new(plane.kubeconfig()).await;
    let proxy = Proxy::start(plane.kubeconfig()).await;
    let hooks = json!({
        "before": {"events": "pre-install,pre-upgrade"},
        "after": {"events": "post-install,post-upgrade", "delete": "before-hook-creation,hook-succeeded"},
    });
    let commit = |round: usize| {
        let mut bow = json!({"kept": round.to_string(), "same": "1"});
        bow[format!("only-{round}")] = "1".into();
        // What moves to and fro between releases is never deleted.
        let mut stern = json!({"z": round.to_string()});
        (if round.is_multiple_of(2) { &mut bow } else { &mut stern })["moving"] = "1".into();
        fleet.release("bow", &json!({"maps": bow, "hooks": hooks})).release("stern", &json!({"maps": stern}));
        fleet.repository.commit(&format!("round {round}"))
    };
    let mut revision = commit(0);
    let cache = tempfile::tempdir().unwrap();
    let slow = Sailor::slow(&fleet, proxy.kubeconfig(), cache.path());
    let sailors = [Sailor::start(&fleet, proxy.kubeconfig()), slow];
    let maps = fleet.maps();
    let by_hand = PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };
    for round in 0..ROUNDS {
        if round > 0 {
            revision = commit(round);
        }
        // Either of them may be the one that does it.
        sailors[round % 2].synced(&revision).await;
        maps.patch("kept", &by_hand, &Patch::Merge(json!({"data": {"value": "by hand"}}))).await.unwrap();
        maps.delete("same", &DeleteParams::default()).await.unwrap();
    }
    quiet(&proxy).await;
    for sailor in &sailors {
        sailor.synced(&revision).await;
    }
    fleet.comes_to_rest("two leaders").await;
    let writes = proxy.writes();
    let mut gone = deleted(&writes, "configmaps");
    gone.sort_unstable();
    let unwanted: Vec<String> = (0..ROUNDS - 1).map(|n| format!("only-{n}")).collect();
    assert_eq!(gone, unwanted, "only what Git gave up was deleted, and each once");
    let ran = jobs_made(&writes);
    assert_eq!(
        (ran.get("before"), ran.get("after")),
        (Some(&ROUNDS), Some(&ROUNDS)),
        "a hook runs once for each content"
    );
    for release in ["bow", "stern"] {
        let history = fleet.history(release);
        assert_eq!(history.last().unwrap(), &format!("{ROUNDS} deployed Upgrade complete"), "{history:?}");
        assert!(history[..ROUNDS - 1].iter().all(|h| h.contains("superseded")), "{history:?}");
    }
    for sailor in sailors {
        sailor.stop();
    }
}

/// Waits until nobody writes any more: for three seconds.
async fn quiet(proxy: &Proxy) {
    let mut last = (proxy.writes().len(), std::time::Instant::now());
    eventually("the writes to end", PATIENCE, || {
        let now = proxy.writes().len();
        if now != last.0 {
            last = (now, std::time::Instant::now());
        }
        let quiet = last.1.elapsed() > Duration::from_secs(3);
        async move { if quiet { Ok(()) } else { Err(format!("{now} writes")) } }
    })
    .await;
}
