//! A daemon behind a network and a server that go wrong all the time: refusals, breaks, silences, expired versions, stale answers.
//! Meanwhile commits come, and somebody changes things by hand. It comes to rest where Git wants it, deletes nothing that is wanted,
//! and does not hammer. `EVENKEEL_FAULTS_SEED` asks for one storm; where a fault falls depends on the order in which requests come, too,
//! so a seed is a likeness of the storm that failed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Method;
use kube::api::{DeleteParams, Patch, PatchParams};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::support::{Fleet, Sailor, deleted, jobs_made};
use crate::harness::{ControlPlane, Exchange, Fate, Proxy, eventually};

/// Commits, each with drift.
const ROUNDS: usize = 4;
/// How long anything may take while things go wrong.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many requests a second are no hammering, all watches and retries included.
const RATE: f64 = 40.0;
/// Continued pages of lists that may go wrong.
const PAGES: usize = 60;

/// Goes wrong as a seed says, for so many requests.
fn weather(seed: u64, faults: usize) -> (impl Fn(&Exchange) -> Fate + Send + Sync + 'static, Arc<AtomicUsize>) {
    let random = Mutex::new(StdRng::seed_from_u64(seed));
    let gone_wrong = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&gone_wrong);
    let pages = AtomicUsize::new(0);
    let judge = move |request: &Exchange| {
        let mut random = random.lock().unwrap();
        let refused = |code, reason, message| Fate::Refused { code, reason, message, retry_after: 0 };
        let fates = match request.method {
            Method::GET if request.is_watch() => vec![
                Fate::WatchExpired,
                refused(410, "Expired", "too old resource version"),
                refused(500, "InternalError", "etcdserver: leader changed"),
                Fate::CutAfter(random.random_range(1..3000)),
                Fate::CutAfter(random.random_range(1..300)),
                Fate::AnswerLost,
            ],
            Method::GET if request.query.contains("continue=") => {
                vec![refused(410, "Expired", "The provided continue parameter is too old"), Fate::CutAfter(200)]
            }
            Method::GET => vec![
                Fate::Stale,
                Fate::Stale,
                Fate::CutAfter(random.random_range(1..400)),
                Fate::Hung(Duration::from_millis(random.random_range(300..1500))),
                Fate::Refused { code: 429, reason: "TooManyRequests", message: "slow down", retry_after: 1 },
                refused(503, "ServiceUnavailable", "apiserver is shutting down"),
            ],
            _ => vec![
                Fate::AnswerLost,
                Fate::AnswerLost,
                refused(
                    409,
                    "Conflict",
                    "the object has been modified; please apply your changes to the latest version",
                ),
                refused(500, "InternalError", "etcdserver: request timed out"),
                Fate::Refused { code: 429, reason: "TooManyRequests", message: "slow down", retry_after: 1 },
                Fate::Hung(Duration::from_millis(random.random_range(300..1500))),
            ],
        };
        // The shared server's lists are as long as the tests beside this one make them: a few of their pages go wrong, not each fifth.
        let page = request.query.contains("continue=") && pages.fetch_add(1, Ordering::SeqCst) >= PAGES;
        if page || count.load(Ordering::SeqCst) >= faults || !random.random_bool(0.2) {
            return Fate::Pass;
        }
        count.fetch_add(1, Ordering::SeqCst);
        fates[random.random_range(0..fates.len())].clone()
    };
    (judge, gone_wrong)
}

async fn through_a_storm(plane: &ControlPlane, seed: u64) {
    let fleet = Fleet::new(plane.kubeconfig()).await;
    let proxy = Proxy::start(plane.kubeconfig()).await;
    proxy.small_pages();
    let (judge, gone_wrong) = weather(seed, 120);
    proxy.judge(judge);
    let hooks = json!({"check": {"events": "pre-install,pre-upgrade"}});
    let commit = |round: usize| {
        let kept: serde_json::Map<_, _> = (0..4).map(|n| (format!("kept-{n}"), round.to_string().into())).collect();
        let mut maps = kept;
        maps.insert(format!("only-{round}"), "1".into());
        fleet.release("bow", &json!({"maps": maps, "hooks": hooks}));
        fleet.repository.commit(&format!("round {round}"))
    };
    let mut revision = commit(0);
    let began = Instant::now();
    let sailor = Sailor::start(&fleet, proxy.kubeconfig());
    let place = format!("seed {seed}");
    let maps = fleet.maps();
    let by_hand = PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };
    for round in 0..ROUNDS {
        if round > 0 {
            revision = commit(round);
        }
        eventually(&format!("{place}: round {round} to be in force"), PATIENCE, || async {
            let mut now = Vec::new();
            for n in 0..4 {
                now.extend(maps.get_opt(&format!("kept-{n}")).await.unwrap().and_then(|map| map.data?.remove("value")));
            }
            let now = now.len() == 4 && now.iter().all(|value| *value == round.to_string());
            let gone = round == 0 || maps.get_opt(&format!("only-{}", round - 1)).await.unwrap().is_none();
            let made = maps.get_opt(&format!("only-{round}")).await.unwrap().is_some();
            if now && gone && made { Ok(()) } else { Err(sailor.said()) }
        })
        .await;
        let change = Patch::Merge(json!({"data": {"value": "by hand"}}));
        maps.patch("kept-1", &by_hand, &change).await.unwrap();
        let before = maps.get("kept-2").await.unwrap().metadata.uid;
        maps.delete("kept-2", &DeleteParams::default()).await.unwrap();
        eventually(&format!("{place}: drift of round {round} to be put right"), PATIENCE, || async {
            let changed = maps.get("kept-1").await.unwrap().data.unwrap().remove("value");
            let made = maps.get_opt("kept-2").await.unwrap().and_then(|map| map.metadata.uid);
            if changed == Some(round.to_string()) && made.is_some() && made != before {
                Ok(())
            } else {
                Err(sailor.said())
            }
        })
        .await;
    }
    let took = began.elapsed().as_secs_f64();
    proxy.judge(|_| Fate::Pass);
    sailor.synced(&revision).await;
    fleet.comes_to_rest(&place).await;
    let (all, writes) = (proxy.log(), proxy.writes());
    let wrong = gone_wrong.load(Ordering::SeqCst);
    assert!(wrong > 25, "{place}: only {wrong} faults: what was tested?");
    let rate = all.len() as f64 / took;
    assert!(rate < RATE, "{place}: {rate:.0} requests a second, {wrong} of {} went wrong", all.len());
    let gone: Vec<&str> = deleted(&writes, "configmaps");
    let unwanted: Vec<String> = (0..ROUNDS - 1).map(|n| format!("only-{n}")).collect();
    assert_eq!(gone, unwanted, "{place}: only what Git gave up was deleted, and each once");
    let ran = jobs_made(&writes);
    assert_eq!(ran.get("check"), Some(&ROUNDS), "{place}: a hook runs once for each content");
    let history = fleet.history("bow");
    assert_eq!(history.last().unwrap(), &format!("{ROUNDS} deployed Upgrade complete"), "{place}: {history:?}");
    assert!(history[..ROUNDS - 1].iter().all(|h| h.contains("superseded")), "{place}: {history:?}");
    sailor.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_ridden_out() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(crate::harness::helm());
    let named = std::env::var("EVENKEEL_FAULTS_SEED").ok().map(|text| vec![text.parse().unwrap()]);
    let storms = named.unwrap_or(vec![1, 2]).into_iter().map(|seed| through_a_storm(plane, seed));
    futures::future::join_all(storms).await;
}
