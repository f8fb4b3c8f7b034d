//! A small world: what Git says, what is owned, what is there; and an executor that does exactly what a plan says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::environment::{OnDrift, Prune};
use crate::manifest::{Applied, Gvk, Inventory, Object};

fn config_map(name: &str, data: &str) -> Object {
    Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": data}}))
        .unwrap()
}

fn claim(name: &str) -> Object {
    Object::new(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}})).unwrap()
}

fn core(gvk: &Gvk) -> Option<bool> {
    gvk.group.is_empty().then_some(gvk.kind != "Namespace")
}

fn desired(release: &str, objects: Vec<Object>) -> Vec<DesiredObject> {
    desire(objects, "test", release, "ns", &core, b"key", []).unwrap()
}

struct World {
    git: BTreeMap<String, Option<Vec<Object>>>,
    inventories: BTreeMap<String, Inventory>,
    live: BTreeMap<ObjectId, Live>,
    max: MaxDeletions,
    prune: Prune,
    on_drift: OnDrift,
    neighbours: Neighbours,
    clock: u32,
}

impl World {
    fn new() -> Self {
        Self {
            git: BTreeMap::new(),
            inventories: BTreeMap::new(),
            live: BTreeMap::new(),
            max: MaxDeletions::Percent(100),
            prune: Prune::default(),
            on_drift: OnDrift::default(),
            neighbours: Neighbours::default(),
            clock: 0,
        }
    }

    fn git(mut self, release: &str, objects: Vec<Object>) -> Self {
        self.git.insert(release.into(), Some(objects));
        self
    }

    fn plan(&self) -> Plan {
        self.with_input(plan)
    }

    fn doubts(&self) -> Doubts {
        self.with_input(doubts)
    }

    fn with_input<T>(&self, ask: impl FnOnce(&EnvironmentInput<'_>) -> T) -> T {
        let mut names: Vec<&String> = self.git.keys().chain(self.inventories.keys()).collect();
        names.sort();
        names.dedup();
        let releases = names
            .into_iter()
            .map(|name| ReleaseInput {
                name,
                namespace: "ns",
                stage: 0,
                desired: match self.git.get(name) {
                    None => Desired::Gone,
                    Some(None) => Desired::Broken,
                    Some(Some(objects)) => Desired::Objects(desired(name, objects.clone())),
                },
                inventory: self.inventories.get(name),
                prune: &self.prune,
                on_drift: self.on_drift,
                lifecycle: None,
            })
            .collect();
        ask(&EnvironmentInput {
            environment: "test",
            revision: "r",
            releases,
            live: &self.live,
            neighbours: &self.neighbours,
            max_deletions: self.max,
        })
    }

    fn execute(&mut self, plan: &Plan) {
        for release in &plan.releases {
            if release.refused() {
                continue;
            }
            let name = &release.release;
            let old = self.inventories.remove(name);
            let mut inventory = Inventory::new("test", name, "ns");
            for action in &release.apply {
                if action.verb.writes() {
                    self.clock += 1;
                    let uid = match self.live.get(&action.id) {
                        Some(live) => live.uid.clone(),
                        None => format!("u{}", self.clock),
                    };
                    let mark = format!("m{}", self.clock);
                    let owner = action.object.as_ref().unwrap().annotation(crate::manifest::ANNOTATION_OWNER).unwrap();
                    let live = Live {
                        uid: uid.clone(),
                        mark: Some(mark.clone()),
                        owner: Some(owner.into()),
                        ..Live::default()
                    };
                    self.live.insert(action.id.clone(), live);
                    let applied = Applied {
                        version: action.version.clone(),
                        uid,
                        desired: action.hash.clone(),
                        mark,
                        keep: action.keep,
                        let_be: action.let_be,
                    };
                    inventory.objects.insert(action.id.clone(), applied);
                } else if let Some(entry) = old.as_ref().and_then(|o| o.objects.get(&action.id)) {
                    inventory.objects.insert(action.id.clone(), entry.clone());
                }
            }
            for action in &release.prune {
                match action.verb {
                    Verb::Prune => {
                        self.live.remove(&action.id);
                    }
                    _ if action.reason.starts_with("it moves to") => {}
                    _ => {
                        let entry = old.as_ref().unwrap().objects[&action.id].clone();
                        inventory.objects.insert(action.id.clone(), entry);
                    }
                }
            }
            if old.is_some() || !inventory.objects.is_empty() {
                self.inventories.insert(name.clone(), inventory);
            }
        }
        self.inventories.retain(|name, i| !i.objects.is_empty() || self.git.contains_key(name));
    }

    fn settle(&mut self) -> Plan {
        let plan = self.plan();
        self.execute(&plan);
        plan
    }
}

fn verbs(plan: &Plan) -> Vec<String> {
    plan.actions()
        .filter(|(_, a)| a.verb != Verb::Unchanged)
        .map(|(r, a)| format!("{} {} {}", a.verb, r.release, a.id.name))
        .collect()
}

#[test]
fn creates_then_rests_then_updates_then_prunes() {
    let mut world = World::new().git("a", vec![config_map("x", "1"), config_map("y", "1")]);
    assert_eq!(verbs(&world.settle()), ["create a x", "create a y"]);
    assert!(world.plan().is_empty());
    world = world.git("a", vec![config_map("x", "2")]);
    assert_eq!(verbs(&world.settle()), ["update a x", "prune a y"]);
    assert!(world.plan().is_empty());
}

#[test]
fn a_release_that_left_git_goes_and_its_claims_stay_ours() {
    let mut world = World::new().git("a", vec![config_map("x", "1"), claim("data")]);
    world.settle();
    world.git.clear();
    let plan = world.settle();
    assert_eq!(verbs(&plan), ["keep a data", "prune a x"]);
    assert!(world.plan().is_empty());
    assert_eq!(verbs(&world.plan()), ["keep a data"], "the claim is remembered as ours");
    let mut world = world.git("a", vec![claim("data")]);
    assert!(world.settle().is_empty(), "it comes back without a change");
}

#[test]
fn drift_is_corrected_told_or_left() {
    let mut world = World::new().git("a", vec![config_map("x", "1")]);
    world.settle();
    let id = world.live.keys().next().unwrap().clone();
    world.live.get_mut(&id).unwrap().mark = Some("changed".into());
    assert_eq!(verbs(&world.plan()), ["update a x"]);
    world.on_drift = OnDrift::Alert;
    assert_eq!(verbs(&world.plan()), ["alert a x"]);
    world.on_drift = OnDrift::Ignore;
    assert_eq!(verbs(&world.plan()), Vec::<String>::new());
    // Read and found to be equal: not drift at all.
    world.on_drift = OnDrift::Correct;
    world.live.get_mut(&id).unwrap().same = true;
    assert!(world.plan().is_empty());
    world.live.remove(&id);
    assert_eq!(verbs(&world.plan()), ["update a x"], "a deleted object is drift too");
}

#[test]
fn what_is_somebody_elses_is_not_touched() {
    let mut world = World::new().git("a", vec![config_map("x", "1"), config_map("y", "1")]);
    let id: ObjectId = "/ConfigMap/ns/x".parse().unwrap();
    let foreign = Live { uid: "u".into(), owner: Some("/ConfigMap/ns/x@other/b".into()), ..Live::default() };
    world.live.insert(id.clone(), foreign);
    let plan = world.plan();
    assert_eq!(verbs(&plan), ["refuse a x", "create a y"]);
    assert!(plan.releases[0].refused());
    assert_eq!(plan.findings[0].message, "ConfigMap ns/x: it belongs to other/b");
    // An annotation that was copied from another object proves nothing.
    world.live.get_mut(&id).unwrap().owner = Some("/ConfigMap/ns/z@other/b".into());
    assert_eq!(verbs(&world.plan()), ["adopt a x", "create a y"]);
}

#[test]
fn never_deletes_what_is_not_provably_ours() {
    let mut world = World::new().git("a", vec![config_map("x", "1"), config_map("y", "1")]);
    world.settle();
    let id: ObjectId = "/ConfigMap/ns/y".parse().unwrap();
    let mut world = world.git("a", vec![config_map("x", "1")]);
    let ours = world.live[&id].clone();
    for broken in [
        Live { owner: None, ..ours.clone() },
        Live { owner: Some("/ConfigMap/ns/other@test/a".into()), ..ours.clone() },
        Live { uid: "made anew".into(), ..ours.clone() },
    ] {
        world.live.insert(id.clone(), broken);
        assert_eq!(verbs(&world.plan()), ["keep a y"]);
    }
    world.live.insert(id, ours);
    assert_eq!(verbs(&world.plan()), ["prune a y"]);
}

#[test]
fn a_broken_or_an_empty_release_loses_nothing() {
    let mut world = World::new().git("a", vec![config_map("x", "1")]).git("b", vec![config_map("z", "1")]);
    world.settle();
    world.git.insert("a".into(), None);
    assert!(world.plan().is_empty());
    world.git.insert("a".into(), Some(Vec::new()));
    let plan = world.plan();
    assert_eq!(verbs(&plan), ["keep a x"]);
    assert_eq!(plan.findings[0].kind, FindingKind::EmptyRender);
}

#[test]
fn too_many_deletions_are_none() {
    let all: Vec<Object> = (0..10).map(|i| config_map(&format!("x{i}"), "1")).collect();
    let mut world = World::new().git("a", all.clone());
    world.settle();
    world.max = MaxDeletions::Percent(50);
    let mut world = world.git("a", all[..4].to_vec());
    let plan = world.plan();
    assert!(plan.is_empty());
    assert_eq!(
        plan.findings[0].message,
        "nothing is deleted: 6 deletions exceed prune.maxDeletions (50% of 10 objects); raise the limit in environment.yaml to confirm"
    );
    world.max = MaxDeletions::Count(6);
    assert_eq!(world.plan().actions().filter(|(_, a)| a.verb == Verb::Prune).count(), 6);
}

#[test]
fn a_move_between_releases_deletes_nothing() {
    let mut world = World::new().git("old", vec![config_map("x", "1"), claim("data")]);
    world.settle();
    let uid = world.live[&"/ConfigMap/ns/x".parse::<ObjectId>().unwrap()].uid.clone();
    world.git.clear();
    let mut world = world.git("new", vec![config_map("x", "1"), claim("data")]);
    let plan = world.settle();
    let mut words = verbs(&plan);
    words.sort();
    assert_eq!(words, ["keep old data", "keep old x", "transfer new data", "transfer new x"]);
    assert_eq!(world.live[&"/ConfigMap/ns/x".parse::<ObjectId>().unwrap()].uid, uid);
    assert!(world.plan().is_empty());
    assert!(!world.inventories.contains_key("old"));
}

#[test]
fn deletions_wait_for_a_release_that_may_want_the_objects() {
    let mut world = World::new().git("old", vec![config_map("x", "1")]);
    world.settle();
    world.git.clear();
    world.git.insert("new".into(), None);
    let plan = world.plan();
    assert_eq!(verbs(&plan), ["keep old x"]);
    assert_eq!(plan.findings[0].kind, FindingKind::PruneWaits);
}

#[test]
fn an_apply_that_did_not_end_goes_on() {
    let mut world = World::new().git("a", vec![config_map("x", "1")]);
    let mut inventory = Inventory::new("test", "a", "ns");
    inventory
        .objects
        .insert("/ConfigMap/ns/x".parse().unwrap(), Applied { version: "v1".into(), ..Applied::default() });
    world.inventories.insert("a".into(), inventory);
    assert_eq!(verbs(&world.settle()), ["create a x"]);
    assert!(world.plan().is_empty());
}

#[test]
fn desired_objects_are_placed_marked_and_checked() {
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "foos.x.io"},
        "spec": {"group": "x.io", "names": {"kind": "Foo"}, "scope": "Namespaced"}});
    let crd = Object::new(crd).unwrap();
    let foo =
        Object::new(json!({"apiVersion": "x.io/v1", "kind": "Foo", "metadata": {"name": "f"}, "status": {}})).unwrap();
    let known = |gvk: &Gvk| (gvk.kind == "CustomResourceDefinition").then_some(false);
    let made = desire(vec![foo.clone(), crd.clone()], "e", "r", "ns", &known, b"key", []).unwrap();
    assert_eq!(made[0].id.kind, "CustomResourceDefinition");
    assert_eq!(made[1].id.to_string(), "x.io/Foo/ns/f");
    assert_eq!(made[1].object.annotation("evenkeel.dev/owner"), Some("x.io/Foo/ns/f@e/r"));
    assert!(made[1].object.value().get("status").is_none());
    assert_eq!(desire(vec![foo.clone()], "e", "r", "ns", &known, b"key", [&crd]).unwrap(), made[1..]);

    let errors = desire(vec![foo], "e", "r", "ns", &known, b"key", []).unwrap_err();
    assert_eq!(errors[0].to_string(), "Foo.x.io f: the cluster has no kind x.io/v1/Foo");
    let twice =
        desire(vec![config_map("x", "1"), config_map("x", "2")], "e", "r", "ns", &core, b"key", []).unwrap_err();
    assert_eq!(twice[0].to_string(), "ConfigMap ns/x is rendered twice");
}

#[test]
fn an_object_of_another_environment_comes_over_when_that_gave_it_up() {
    let mut world = World::new().git("a", vec![config_map("x", "1")]);
    let id: ObjectId = "/ConfigMap/ns/x".parse().unwrap();
    let foreign = Live { uid: "u".into(), owner: Some("/ConfigMap/ns/x@other/b".into()), ..Live::default() };
    world.live.insert(id.clone(), foreign);
    assert_eq!(world.doubts().foreign[&id], Marked { home: "other/b".into(), uid: "u".into(), ours: false });
    world.neighbours.given_up.insert(id.clone(), Err("it belongs to other/b, which is broken".into()));
    let plan = world.plan();
    assert_eq!(verbs(&plan), ["refuse a x"]);
    assert_eq!(plan.findings[0].message, "ConfigMap ns/x: it belongs to other/b, which is broken");
    world.neighbours.given_up.insert(id.clone(), Ok("it moves here".into()));
    let plan = world.settle();
    assert_eq!(verbs(&plan), ["transfer a x"]);
    assert_eq!(plan.releases[0].apply[0].from, "other/b");
    assert_eq!(world.live[&id].uid, "u");
    assert!(world.doubts().is_empty() && world.plan().is_empty());
}

#[test]
fn what_another_environment_wants_is_not_deleted() {
    let mut world = World::new().git("a", vec![config_map("x", "1"), config_map("y", "1")]);
    world.settle();
    let id: ObjectId = "/ConfigMap/ns/y".parse().unwrap();
    let mut world = world.git("a", vec![config_map("x", "1")]);
    assert_eq!(world.doubts().leaving, [id.clone()].into());
    world.neighbours.wanted.insert(id.clone(), "other/b".into());
    let plan = world.plan();
    assert_eq!(verbs(&plan), ["keep a y"]);
    assert_eq!(plan.releases[0].prune[0].reason, "it moves to other/b");
    world.neighbours = Neighbours {
        unknown_home: Some(UnknownHome { what: "environment other".into(), not: "read" }),
        ..Neighbours::default()
    };
    let plan = world.plan();
    assert_eq!(plan.releases[0].prune[0].reason, "environment other cannot be read and may want it");
    assert_eq!(plan.findings[0].message, "its deletions wait until environment other can be read");

    // It has gone over: only when the other one's own record says so, too.
    world.neighbours = Neighbours::default();
    world.live.get_mut(&id).unwrap().owner = Some("/ConfigMap/ns/y@other/b".into());
    assert!(world.doubts().departed[&id].ours);
    assert_eq!(world.plan().releases[0].prune[0].to, "");
    world.neighbours.departed.insert(id, "other/b".into());
    let action = &world.plan().releases[0].prune[0];
    assert_eq!((action.verb, action.to.as_str()), (Verb::Keep, "other/b"));
}

/// Any few releases of any few objects.
fn releases() -> impl Strategy<Value = BTreeMap<String, Option<Vec<Object>>>> {
    let objects = proptest::collection::btree_map("[a-d]", "[0-2]", 0..4)
        .prop_map(|m| m.iter().map(|(name, data)| config_map(name, data)).collect::<Vec<_>>());
    let release = prop_oneof![9 => objects.prop_map(Some), 1 => Just(None)];
    proptest::collection::btree_map("[r-t]", release, 0..3)
}

proptest! {
    #[test]
    fn plan_apply_plan_is_empty(histories in proptest::collection::vec(releases(), 1..5)) {
        let mut world = World::new();
        for git in histories {
            world.git = git;
            // Two releases may want one object; the second is refused, and stays so.
            let first = world.settle();
            let second = world.settle();
            let refused = |plan: &Plan| plan.releases.iter().filter(|r| r.refused()).count();
            if refused(&first) == 0 {
                prop_assert!(second.is_empty(), "{:?}", verbs(&second));
            } else {
                world.settle();
                let rest = world.plan();
                let writes = rest.releases.iter().filter(|r| !r.refused()).flat_map(ReleasePlan::actions).filter(|a| a.verb.writes()).count();
                prop_assert_eq!(writes, 0, "{:?}", verbs(&rest));
            }
            let again = world.plan();
            prop_assert_eq!(&again, &world.plan(), "planning is deterministic");
        }
    }
}
