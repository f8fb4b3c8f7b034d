//! Moves between environments of one cluster.

use std::path::Path;

use evenkeel::plan::Verb;

use super::{KINDS, World, config_map, count, options, refused, several, verbs};
use crate::harness::unique_name;

/// A release's folder goes over to another environment, which has one of its own already. Whoever makes the first pass.
pub(super) async fn a_release_moves_to_another_environment(kubeconfig: &Path) {
    for giver_first in [false, true] {
        let world = World::new(kubeconfig).await;
        world.environment("staging", "");
        world.environment("qa", "");
        world.release("staging/web", "", &several("web"));
        world.release("staging/stays", "", &config_map("stays", "1"));
        world.release("qa/own", "", &config_map("own", "1"));
        let before = world.commit();
        world.settle("staging", &before).await;
        world.settle("qa", &before).await;
        let ids = KINDS.map(|kind| world.id(kind, "web"));
        let uids = world.uids(&ids).await;
        let history = world.history(&world.namespace, "web").await;
        assert_eq!(history, [1]);

        world.rename("staging/web", "qa/web");
        let after = world.commit();
        let order = if giver_first { ["staging", "qa", "staging"] } else { ["qa", "staging", "staging"] };
        for (pass, environment) in order.into_iter().enumerate() {
            let report = world.settle(environment, &after).await;
            assert_eq!(count(&report, Verb::Prune), 0, "{:#?}", report.plan);
            if environment == "qa" {
                assert_eq!(count(&report, Verb::Transfer), ids.len(), "{:#?}", report.plan);
                let reason = "transfer web web: it moves here from staging/web: the release left Git";
                assert_eq!(verbs(report.plan.as_ref().unwrap())[0], reason);
            } else if pass == 0 {
                let waits = |v: &String| v.ends_with("it moves to qa/web") || v.ends_with("is a protected kind");
                assert!(verbs(report.plan.as_ref().unwrap()).iter().all(waits), "{:#?}", report.plan);
            }
        }
        assert_eq!(world.uids(&ids).await, uids, "nothing was deleted");
        world.belong(&ids, "qa/web").await;
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let owned = world.owned().await;
        assert_eq!(owned["qa/web"], names(&["web", "web", "web", "web"]));
        assert_eq!(owned["staging/stays"], names(&["stays"]));
        assert!(!owned.contains_key("staging/web"), "{owned:?}");
        // Where objects come from is part of their text, and the folder is another one.
        assert_eq!(world.history(&world.namespace, "web").await, [1, 2], "the release goes on with its history");
        for environment in ["staging", "qa"] {
            world.rests(environment, &after).await;
        }

        // It is the new one's from now on: what leaves Git there leaves the cluster.
        world.release("qa/web", "", &config_map("web", "2"));
        let last = world.commit();
        world.settle("qa", &last).await;
        assert!(world.cluster.get(&world.id("/Secret", "web"), "v1").await.unwrap().is_none());
        assert_eq!(world.history(&world.namespace, "web").await, [1, 2, 3]);
    }
}

/// The folder of an environment gets another name: one pass of the new one takes everything over.
pub(super) async fn an_environment_is_renamed(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.environment("staging", "");
    world.release("staging/web", "", &several("web"));
    world.release("staging/db", "", &several("db"));
    let before = world.commit();
    world.settle("staging", &before).await;
    let ids = KINDS.iter().flat_map(|kind| [world.id(kind, "web"), world.id(kind, "db")]).collect::<Vec<_>>();
    let uids = world.uids(&ids).await;

    world.rename("staging", "qa");
    world.repository.replace("environments/qa/web/manifests/all.yaml", "text: \"1\"", "text: \"2\"");
    let after = world.commit();
    let report = world.settle("qa", &after).await;
    assert_eq!(count(&report, Verb::Transfer), ids.len());
    assert!(verbs(report.plan.as_ref().unwrap())[0].ends_with("from staging/db: the environment left Git"));
    assert_eq!(world.uids(&ids).await, uids);
    world.belong(&ids[..1], "qa/web").await;
    assert_eq!(world.history(&world.namespace, "web").await, [1, 2]);
    assert_eq!(world.history(&world.namespace, "db").await, [1, 2]);
    world.rests("qa", &after).await;

    // Somebody takes the name back for something else: what the old inventory says harms nobody.
    world.environment("staging", "");
    world.release("staging/web", "releaseName: other\n", &config_map("other", "1"));
    let last = world.commit();
    let report = world.settle("staging", &last).await;
    assert_eq!(count(&report, Verb::Prune), 0, "{:#?}", report.plan);
    assert_eq!(world.uids(&ids).await, uids);
    let owned = world.owned().await;
    assert_eq!((owned["staging/web"].clone(), owned["qa/web"].len()), (vec!["other".to_owned()], KINDS.len()));
    world.rests("staging", &last).await;
    world.rests("qa", &last).await;
}

/// Both look before either writes.
pub(super) async fn a_race_deletes_nothing(kubeconfig: &Path) {
    for giver_first in [false, true] {
        let world = World::new(kubeconfig).await;
        world.environment("staging", "");
        world.environment("qa", "");
        world.release("staging/web", "", &several("web"));
        world.release("qa/own", "", &config_map("own", "1"));
        let before = world.commit();
        world.settle("staging", &before).await;
        world.settle("qa", &before).await;
        let ids = KINDS.map(|kind| world.id(kind, "web"));
        let uids = world.uids(&ids).await;
        // Git lets go of it for the giver, who plans to delete; then somebody else wants it.
        world.remove("staging/web");
        let dropped = world.commit();
        let mut giver = world.reconciler("staging");
        giver.prepare().await.unwrap();
        let deletes = giver.look(&dropped).await.unwrap();
        let planned = deletes.plan.actions().filter(|(_, a)| a.verb == Verb::Prune).count();
        assert_eq!(planned, ids.len() - 1, "all but the claim: {:?}", verbs(&deletes.plan));
        world.release("qa/web", "", &several("web"));
        let wanted = world.commit();
        let mut taker = world.reconciler("qa");
        taker.prepare().await.unwrap();
        let takes = taker.look(&wanted).await.unwrap();
        assert_eq!(takes.plan.actions().filter(|(_, a)| a.verb == Verb::Transfer).count(), ids.len());
        if giver_first {
            // The deletions were due, and the one who comes late makes the objects anew. The claim was never deleted.
            giver.execute(&deletes, &options(false), &|_| {}).await;
            world.settle("qa", &wanted).await;
            let claim = &ids[3];
            assert_eq!(world.live(claim).await.uid(), uids[claim]);
        } else {
            taker.execute(&takes, &options(false), &|_| {}).await;
            giver.execute(&deletes, &options(false), &|_| {}).await;
            assert_eq!(world.uids(&ids).await, uids, "they had gone over by then");
        }
        world.settle("staging", &wanted).await;
        world.belong(&ids, "qa/web").await;
        let owned = world.owned().await;
        assert_eq!(owned.keys().collect::<Vec<_>>(), ["qa/own", "qa/web"]);
    }
}

/// One of two workers has not heard of the commit yet: what has moved would look to it as if it came back.
pub(super) async fn who_is_behind_takes_nothing_back(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.environment("staging", "");
    world.environment("qa", "");
    world.release("staging/web", "", &several("web"));
    world.release("qa/own", "", &config_map("own", "1"));
    let old = world.commit();
    world.settle("staging", &old).await;
    world.settle("qa", &old).await;
    let ids = KINDS.map(|kind| world.id(kind, "web"));
    let uids = world.uids(&ids).await;
    world.rename("staging/web", "qa/web");
    let new = world.commit();
    world.settle("qa", &new).await;
    let why = refused(&world.pass("staging", &old).await, "web");
    assert!(why.contains("it belongs to qa/web, whose revision this one did not come from"), "{why}");
    world.belong(&ids, "qa/web").await;
    world.settle("staging", &new).await;
    assert!(!world.owned().await.contains_key("staging/web"));
    assert_eq!(world.uids(&ids).await, uids);

    // It comes back with a commit.
    world.rename("qa/web", "staging/web");
    let back = world.commit();
    world.settle("staging", &back).await;
    world.settle("qa", &back).await;
    world.belong(&ids, "staging/web").await;
    assert_eq!(world.uids(&ids).await, uids);
}

/// What the old home renders, may render or holds on to is refused, and the reason says why.
pub(super) async fn what_is_still_wanted_stays_where_it_is(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.environment("staging", "");
    world.environment("qa", "");
    world.release("staging/web", "", &config_map("web", "1"));
    let before = world.commit();
    world.settle("staging", &before).await;
    let id = world.id("/ConfigMap", "web");
    let uid = world.live(&id).await.uid().to_owned();

    world.release("qa/web", "", &config_map("web", "2"));
    let both = world.commit();
    let report = world.pass("qa", &both).await;
    assert!(refused(&report, "web").contains("it belongs to staging/web"), "{:?}", report.status);
    world.settle("staging", &both).await;

    // Under another name there, too.
    world.rename("staging/web", "staging/site");
    let renamed = world.commit();
    assert!(refused(&world.pass("qa", &renamed).await, "web").contains("it belongs to staging/site"));
    world.settle("staging", &renamed).await;
    world.belong(std::slice::from_ref(&id), "staging/site").await;

    world.release("staging/site", "", "a: [");
    let broken = world.commit();
    assert!(refused(&world.pass("qa", &broken).await, "web").contains("staging/site, which cannot be rendered: "));

    world.release("staging/site", "", &config_map("other", "1"));
    world.release("staging/new", "", "a: [");
    let open = world.commit();
    let why = refused(&world.pass("qa", &open).await, "web");
    assert!(why.contains("staging/new cannot be rendered and may want it"), "{why}");

    world.remove("staging/new");
    world.repository.write("environments/staging/environment.yaml", "kind: [");
    let unreadable = world.commit();
    let why = refused(&world.pass("qa", &unreadable).await, "web");
    assert!(why.contains("environment staging cannot be read: "), "{why}");
    assert_eq!(world.live(&id).await.uid(), uid);
    world.belong(std::slice::from_ref(&id), "staging/site").await;

    world.environment("staging", "");
    let mended = world.commit();
    let report = world.settle("qa", &mended).await;
    let said = verbs(report.plan.as_ref().unwrap());
    assert_eq!(said, ["transfer web web: it moves here from staging/site: it is rendered there no more"]);
    let report = world.settle("staging", &mended).await;
    assert_eq!(count(&report, Verb::Prune), 0);
    assert_eq!(world.live(&id).await.uid(), uid);
    world.belong(std::slice::from_ref(&id), "qa/web").await;
}

/// Two repositories that share a cluster and evenkeel's namespace know nothing of each other's environments.
pub(super) async fn another_repositorys_objects_are_not_taken(kubeconfig: &Path) {
    let theirs = World::new(kubeconfig).await;
    theirs.environment("theirs", "");
    theirs.release("theirs/web", "", &config_map("web", "1"));
    let source = theirs.commit();
    theirs.settle("theirs", &source).await;

    // The same names of objects, by chance.
    let mut ours = World::with_system(kubeconfig, theirs.system.clone()).await;
    ours.namespace.clone_from(&theirs.namespace);
    ours.environment("ours", "");
    ours.release("ours/web", "", &config_map("web", "2"));
    let source = ours.commit();
    let why = refused(&ours.pass("ours", &source).await, "web");
    assert!(why.contains("it belongs to theirs/web, an environment that is not known to have been in"), "{why}");

    // With another namespace for its records, even an environment of the same name is another one.
    let mut apart = World::new(kubeconfig).await;
    apart.namespace.clone_from(&theirs.namespace);
    apart.environment("theirs", "");
    apart.environment("ours", "");
    apart.release("ours/web", "", &config_map("web", "2"));
    let source = apart.commit();
    let why = refused(&apart.pass("ours", &source).await, "web");
    assert!(why.contains("it belongs to theirs/web"), "{why}");
    theirs.belong(&[theirs.id("/ConfigMap", "web")], "theirs/web").await;
}

/// A release moves and is broken in the same commit: its objects are not deleted.
pub(super) async fn deletions_wait_for_a_neighbour_that_cannot_be_rendered(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    world.environment("staging", "");
    world.environment("qa", "");
    world.release("staging/web", "", &config_map("web", "1"));
    world.release("staging/rest", "", &config_map("rest", "1"));
    let before = world.commit();
    world.settle("staging", &before).await;
    let id = world.id("/ConfigMap", "web");
    let uid = world.live(&id).await.uid().to_owned();
    world.rename("staging/web", "qa/web");
    world.release("qa/web", "", "a: [");
    let broken = world.commit();
    let report = world.settle("staging", &broken).await;
    let said = verbs(report.plan.as_ref().unwrap());
    assert_eq!(said, ["keep web web: release qa/web cannot be rendered and may want it"]);
    let findings = &report.plan.as_ref().unwrap().findings;
    assert_eq!(findings[0].message, "its deletions wait until release qa/web can be rendered");

    world.repository.write("environments/qa/environment.yaml", "kind: [");
    let unreadable = world.commit();
    let report = world.settle("staging", &unreadable).await;
    let said = verbs(report.plan.as_ref().unwrap());
    assert_eq!(said, ["keep web web: environment qa cannot be read and may want it"]);

    world.environment("qa", "");
    world.release("qa/web", "", &config_map("web", "1"));
    let mended = world.commit();
    world.settle("staging", &mended).await;
    world.settle("qa", &mended).await;
    world.settle("staging", &mended).await;
    assert_eq!(world.live(&id).await.uid(), uid);
    world.belong(&[id], "qa/web").await;
}

/// An environment of another cluster renders objects of the same names: those are others.
pub(super) async fn other_clusters_have_no_say(kubeconfig: &Path) {
    let world = World::new(kubeconfig).await;
    let elsewhere = unique_name("elsewhere");
    world.environment("staging", "");
    world.environment("far", &format!("cluster: {{context: {elsewhere}}}\n"));
    world.release("staging/web", "", &config_map("web", "1"));
    world.release("staging/rest", "", &config_map("rest", "1"));
    let before = world.commit();
    world.settle("staging", &before).await;
    world.rename("staging/web", "far/web");
    let after = world.commit();
    let report = world.settle("staging", &after).await;
    assert_eq!(verbs(report.plan.as_ref().unwrap()), ["prune web web: its release left Git"]);
    assert!(world.cluster.get(&world.id("/ConfigMap", "web"), "v1").await.unwrap().is_none());
}
