//! The daemon over a commit that moves releases between its environments: every worker goes its own way, and nothing is lost.

use std::path::Path;
use std::time::Duration;

use super::{KINDS, World, config_map, several};
use crate::harness::{Evenkeel, eventually, unique_name};

/// How long the workers may take.
const STEP: Duration = Duration::from_secs(60);

pub(super) async fn workers_hand_over_and_forget(kubeconfig: &Path) {
    let world = World::with_system(kubeconfig, evenkeel::cluster::SYSTEM_NAMESPACE.to_owned()).await;
    let (old, new) = (unique_name("old"), unique_name("new"));
    for environment in [&old, &new] {
        world.environment(environment, "");
        world.release(&format!("{environment}/own"), "", &config_map(&format!("own-{environment}"), "1"));
    }
    world.release(&format!("{old}/web"), "", &several("web"));
    world.commit();
    let daemon = Evenkeel::new(["run", "--poll", "1s", "--listen", "127.0.0.1:0"])
        .repository(&world.repository)
        .args(["--environment", &old, "--environment", &new])
        .kubeconfig(kubeconfig)
        .start();
    let mine = async || {
        let owned = world.owned().await.into_iter();
        owned.filter(|(home, _)| home.contains(&old) || home.contains(&new)).collect::<Vec<_>>()
    };
    let until = async |what: &str, wanted: Vec<(String, usize)>| {
        eventually(what, STEP, || async {
            let owned: Vec<(String, usize)> =
                mine().await.into_iter().map(|(home, names)| (home, names.len())).collect();
            if owned == wanted { Ok(()) } else { Err(format!("{owned:?}, not {wanted:?}")) }
        })
        .await;
    };
    let homes = |homes: &[(&String, &str, usize)]| {
        let mut homes: Vec<_> = homes.iter().map(|(e, release, n)| (format!("{e}/{release}"), *n)).collect();
        homes.sort();
        homes
    };
    until("everything to be applied", homes(&[(&new, "own", 1), (&old, "own", 1), (&old, "web", 4)])).await;
    let ids = KINDS.map(|kind| world.id(kind, "web"));
    // An inventory names objects before they are there.
    eventually("the objects to be there", STEP, || async {
        for id in &ids {
            world.cluster.get(id, "v1").await.unwrap().ok_or_else(|| format!("{id} is missing"))?;
        }
        Ok::<(), String>(())
    })
    .await;
    let uids = world.uids(&ids).await;
    for (from, to) in [(&old, &new), (&new, &old)] {
        world.rename(&format!("{from}/web"), &format!("{to}/web"));
        world.commit();
        until("the release to have moved", homes(&[(&new, "own", 1), (&old, "own", 1), (to, "web", 4)])).await;
        assert_eq!(world.uids(&ids).await, uids, "nothing was deleted");
        eventually("the objects to be marked", STEP, || async {
            let live = world.live(&ids[3]).await;
            let owner = live.annotation(super::ANNOTATION_OWNER).unwrap_or_default().to_owned();
            if owner.ends_with(&format!("@{to}/web")) { Ok(()) } else { Err(owner) }
        })
        .await;
        world.belong(&ids, &format!("{to}/web")).await;
    }
    drop(daemon);
}
