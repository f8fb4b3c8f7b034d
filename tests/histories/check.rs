//! What has to be true after every step.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel::manifest::{ANNOTATION_OWNER, Object, ObjectId};
use evenkeel::plan::{Plan, Verb};
use evenkeel::reconcile::PassReport;
use serde_json::{Value, json};

use super::repository::{Home, Key, Release, Repository, content};
use super::world::{Before, Seen, World, failed, id};

/// Everything, against the state before the step.
pub(super) async fn all(
    world: &World,
    before: &Before,
    reports: &BTreeMap<&'static str, PassReport>,
    plans: &[Plan],
) -> Result<(), String> {
    let seen = world.seen().await;
    nothing_foreign_was_touched(world, before, &seen)?;
    only_what_was_ours_went(world, before, &seen)?;
    what_is_kept_is_the_same(world, before, &seen)?;
    // What a broken release wants is not known: others may have to wait for it.
    if world.repository.releases.values().any(|r| r.broken) {
        return Ok(());
    }
    let bad = failed(reports);
    if !bad.is_empty() {
        return Err(format!("not well: {bad:#?}"));
    }
    if let Some(plan) = plans.iter().find(|p| !p.is_empty()) {
        let actions: Vec<String> = plan
            .actions()
            .filter(|(_, a)| a.verb != Verb::Unchanged)
            .map(|(r, a)| format!("{} {} {}: {}", r.release, a.verb, a.id, a.reason))
            .collect();
        let operations: Vec<_> = plan.releases.iter().filter_map(|r| r.operation.as_ref()).collect();
        return Err(format!("{} does not come to rest: {actions:#?} {operations:#?}", plan.environment));
    }
    live_is_what_git_says(world, &seen)?;
    inventories_are_exact(world, &seen).await?;
    let releases = world.repository.releases.iter();
    let wanted: BTreeSet<(String, String)> =
        releases.map(|((_, name), r)| (r.namespace.to_owned(), (*name).to_owned())).collect();
    let histories = world.histories().await;
    // Of an environment without a folder nobody makes a pass: its inventories may still be about a history.
    let owned = world.owned().await;
    let left_behind = |history: &(String, String)| {
        let others = owned.iter().filter(|(home, _)| !world.repository.folders.contains(home.0));
        let mut lives = others.filter_map(|(_, i)| i.lifecycle.as_ref());
        lives.any(|l| (&l.namespace, &l.name) == (&history.0, &history.1))
    };
    let strays = histories.symmetric_difference(&wanted).filter(|h| !left_behind(h)).count();
    if strays == 0 { Ok(()) } else { Err(format!("helm's histories: {histories:?}, releases: {wanted:?}")) }
}

/// Byte for byte, our own passes over it notwithstanding.
fn nothing_foreign_was_touched(world: &World, before: &Before, seen: &Seen) -> Result<(), String> {
    for (id, made) in &world.foreign {
        let Some(live) = seen.get(id) else { return Err(format!("{id} is somebody else's and is gone")) };
        // The sandbox's controllers write the status of workloads and claims.
        let known = before.seen.get(id).unwrap_or(made);
        if said(live) != said(known) {
            return Err(format!("{id} is somebody else's and changed: {:#}", live.value()));
        }
    }
    for (id, (uid, value)) in &world.extras {
        let Some(live) = seen.get(id).filter(|live| live.uid() == uid) else { continue };
        if live.annotation("extra") != Some(value) {
            return Err(format!("{id} has lost a field that is somebody else's"));
        }
    }
    Ok(())
}

/// An object without what controllers write.
fn said(object: &Object) -> Value {
    let mut value = object.value().clone();
    value.as_object_mut().unwrap().remove("status");
    if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
        if let Some(fields) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
            fields.retain(|f| f["manager"] == "somebody" || f["manager"] == "evenkeel");
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations
                .retain(|key, _| !key.starts_with("deployment.kubernetes.io/") && !key.contains("kubernetes.io/"));
        }
    }
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("volumeName");
    }
    value
}

/// What is gone was in an inventory, is wanted by nobody, and is no claim.
fn only_what_was_ours_went(world: &World, before: &Before, seen: &Seen) -> Result<(), String> {
    let owned: BTreeSet<&ObjectId> = before.owned.values().flat_map(|i| i.objects.keys()).collect();
    let desired: BTreeSet<ObjectId> = world.repository.desired().into_keys().map(id).collect();
    for gone in before.seen.keys().filter(|id| !seen.contains_key(*id) && !before.deleted.contains(*id)) {
        if !owned.contains(gone) {
            return Err(format!("{gone} was deleted and stood in no inventory"));
        }
        if gone.kind == "PersistentVolumeClaim" {
            return Err(format!("{gone} is of a protected kind and was deleted"));
        }
        if desired.contains(gone) {
            return Err(format!("{gone} is wanted and was deleted"));
        }
    }
    Ok(())
}

/// What was wanted and still is, wherever, is the very same object; so is every claim.
fn what_is_kept_is_the_same(world: &World, before: &Before, seen: &Seen) -> Result<(), String> {
    let all = |repository: &Repository| -> BTreeMap<ObjectId, Home> {
        let of = |(home, r): (&Home, &Release)| {
            let (home, namespace) = (*home, r.namespace);
            r.objects.keys().map(move |key| (id((namespace, *key)), home)).collect::<Vec<_>>()
        };
        repository.releases.iter().flat_map(of).collect()
    };
    // Deletions wait for a broken release that owns nothing yet. What moves to one that owns something, and is broken by the same
    // commit, is deleted where it was: nobody can know that it moves, and one broken release must not stop everybody's deletions.
    let unseen = |id: &ObjectId, home: &Home| {
        let owns = before.owned.get(home).filter(|i| !i.objects.is_empty());
        world.repository.releases[home].broken && owns.is_some_and(|i| !i.objects.contains_key(id))
    };
    let (was, is) = (all(&before.repository), all(&world.repository));
    for (id, old) in before.seen.iter().filter(|(id, _)| !before.deleted.contains(*id)) {
        let wanted = was.contains_key(id) && is.get(id).is_some_and(|home| !unseen(id, home));
        let stays = wanted || id.kind == "PersistentVolumeClaim";
        let same = seen.get(id).is_some_and(|new| new.uid() == old.uid());
        if stays && !same {
            return Err(format!("{id} stays, and is gone or another one"));
        }
    }
    Ok(())
}

fn live_is_what_git_says(world: &World, seen: &Seen) -> Result<(), String> {
    for (place, (home, says)) in world.repository.desired() {
        let id = id(place);
        let Some(live) = seen.get(&id) else { return Err(format!("{id} is missing")) };
        let labels = &live.value()["metadata"]["labels"];
        let wrong = |what: String| Err(format!("{id} of {}/{}: {what}\n{:#}", home.0, home.1, live.value()));
        let expected =
            json!({"evenkeel.dev/environment": home.0, "evenkeel.dev/release": home.1, "says": says.to_string()});
        if *labels != expected {
            return wrong(format!("labels {labels}"));
        }
        let owner = format!("{id}@{}/{}", home.0, home.1);
        if live.annotation(ANNOTATION_OWNER) != Some(&owner) {
            return wrong(format!("owner {:?}", live.annotation(ANNOTATION_OWNER)));
        }
        if let Some(what) = differs(place.1, says, live) {
            return wrong(what);
        }
    }
    Ok(())
}

/// Where the fields that Git names, and those that it named before, are not as it says.
fn differs(key: Key, says: u8, live: &Object) -> Option<String> {
    let wanted = content(key, says);
    let live = live.value();
    let told =
        |what: &str, wanted: &Value, live: &Value| (wanted != live).then(|| format!("{what}: {live}, not {wanted}"));
    match key.kind {
        "ConfigMap" => told("data", &wanted["data"], &live["data"]),
        "Secret" => {
            use base64::Engine as _;
            let packed = |v: &Value| Value::from(base64::engine::general_purpose::STANDARD.encode(v.as_str().unwrap()));
            let data: serde_json::Map<_, _> =
                wanted["stringData"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), packed(v))).collect();
            told("data", &Value::Object(data), &live["data"])
        }
        "Deployment" => {
            let container = |o: &Value| o["spec"]["template"]["spec"]["containers"][0].clone();
            let (a, b) = (container(&wanted), container(live));
            told("replicas", &wanted["spec"]["replicas"], &live["spec"]["replicas"])
                .or_else(|| told("image", &a["image"], &b["image"]))
                .or_else(|| told("env", &a["env"], &b["env"]))
        }
        "Service" => {
            let ports = |o: &Value| -> Value {
                o["spec"]["ports"].as_array().unwrap().iter().map(|p| p["port"].clone()).collect()
            };
            told("ports", &ports(&wanted), &ports(live))
                .or_else(|| told("selector", &wanted["spec"]["selector"], &live["spec"]["selector"]))
        }
        _ => None,
    }
}

/// Every object that Git wants stands in the inventory of its release, and there alone. What else an inventory names is a claim that
/// was kept, or stands in one that nobody looks at, because its environment has no folder.
async fn inventories_are_exact(world: &World, seen: &Seen) -> Result<(), String> {
    let desired: BTreeMap<ObjectId, Home> =
        world.repository.desired().into_iter().map(|(place, (home, _))| (id(place), home)).collect();
    let owned = world.owned().await;
    for (wanted, home) in &desired {
        let entry = owned.get(home).and_then(|i| i.objects.get(wanted));
        if entry.is_none_or(|e| seen.get(wanted).is_none_or(|live| live.uid() != e.uid)) {
            return Err(format!("the inventory of {}/{} does not name {wanted}", home.0, home.1));
        }
    }
    for (home, inventory) in owned.iter().filter(|(home, _)| world.repository.folders.contains(home.0)) {
        for (other, entry) in inventory.objects.iter().filter(|(id, _)| desired.get(*id) != Some(home)) {
            let owner = format!("{other}@{}/{}", home.0, home.1);
            let kept =
                seen.get(other).is_some_and(|o| o.uid() == entry.uid && o.annotation(ANNOTATION_OWNER) == Some(&owner));
            if other.kind != "PersistentVolumeClaim" || !kept {
                return Err(format!("the inventory of {}/{} still names {other}", home.0, home.1));
            }
        }
    }
    // Nothing of ours is there that nobody wants and nobody remembers.
    for (id, object) in seen.iter().filter(|(id, _)| !world.foreign.contains_key(*id)) {
        let remembered = owned.values().any(|i| i.objects.contains_key(id));
        if object.annotation(ANNOTATION_OWNER).is_some() && !remembered {
            return Err(format!("{id} is ours and stands in no inventory"));
        }
    }
    Ok(())
}
