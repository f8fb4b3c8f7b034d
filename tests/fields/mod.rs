//! The merge of `evenkeel::fields` against what a real kube-apiserver did: `record.sh` recorded each step of each scenario
//! with the object before and after; here the same step is done in memory and has to end with the same managed fields and
//! the same object, apart from defaults.

use std::fs;
use std::path::Path;

use evenkeel::fields::{
    ApplyError, FieldPath, FieldSet, ManagedFields, Request, Schema, apply, builtin_schema, compare, reset_fields,
    settle_times, spec_fields, status_fields, update, update_scale,
};
use jiff::Timestamp;
use serde_json::{Value, json};

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The time of the write: the latest in the answer, when that is news; a time that must not appear otherwise.
fn time_of(step: &Value) -> Timestamp {
    let times = |object: &Value| -> Vec<String> {
        let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        entries.into_iter().flatten().map(|entry| text(entry, "/time").to_owned()).collect()
    };
    let latest = times(&step["answer"]).into_iter().max().unwrap_or_default();
    if times(&step["live"]).contains(&latest) || latest.is_empty() {
        "2099-01-01T00:00:00Z".parse().unwrap()
    } else {
        latest.parse().unwrap()
    }
}

/// The entries, without those of controllers: they write between our look at the live object and our write.
fn managed(object: &Value) -> Value {
    let mut managed = ManagedFields::decode(object).unwrap();
    managed.0.retain(|manager, _| manager.name != "kube-controller-manager");
    managed.encode()
}

fn lines(entries: &Value) -> String {
    let entries = entries.as_array().unwrap();
    entries.iter().map(|entry| format!("{}\n", serde_json::to_string(entry).unwrap())).collect()
}

/// What differs between our object and the server's beyond what the server filled in or does not store.
fn unexplained(schema: &Schema, ours: &Value, theirs: &Value, reset: Option<&FieldSet>) -> Vec<String> {
    let ty = schema.type_or_deduced(text(ours, "/apiVersion"), text(ours, "/kind"));
    let found = compare(schema, ty, ours, theirs);
    let mut wrong = Vec::new();
    for path in found.removed.union(&found.modified).paths() {
        let (mine, other) = (path.get(ours), path.get(theirs));
        let shown = path.to_string();
        let own =
            [".metadata.managedFields", ".metadata.resourceVersion", ".metadata.generation", ".stringData", ".status"];
        let own = own.iter().any(|prefix| shown.starts_with(prefix))
            || (ours.get("stringData").is_some() && shown.starts_with(".data."))
            || reset.is_some_and(|reset| reset.paths().iter().any(|field| path.starts_with(field)));
        // Go leaves out false, "" and null; quantities are spelled its way; atomic values have defaults inside.
        let zero = mine.is_none_or(|v| v.is_null() || v == &json!(false) || v == &json!({}));
        let defaults = matches!((mine, other), (Some(Value::Array(_)), Some(Value::Array(_))))
            || shown.ends_with(".fieldRef")
            || shown.contains(".resources.");
        if !own && !zero && !defaults {
            wrong.push(format!("{shown}: {mine:?} {other:?}"));
        }
    }
    wrong
}

fn replay(name: &str, recording: &Value) -> Vec<String> {
    let mut schema = builtin_schema().clone();
    if let Some(crd) = recording.get("crd") {
        let structural = crd.pointer("/spec/versions/0/schema/openAPIV3Schema");
        schema.add_crd(text(crd, "/spec/group"), "v1", text(crd, "/spec/names/kind"), structural).unwrap();
    }
    let subresources = recording.pointer("/crd/spec/versions/0/subresources").is_some();
    let mut wrong = Vec::new();
    for (number, step) in recording["steps"].as_array().unwrap().iter().enumerate() {
        let answer = &step["answer"];
        let live = Some(&step["live"]).filter(|live| !live.is_null());
        let subresource = text(step, "/subresource");
        let typed = if step["code"] == 200 || step["code"] == 201 { answer } else { &step["config"] };
        let reset = match (subresource, subresources) {
            ("", true) => Some(status_fields()),
            ("status", true) => Some(spec_fields()),
            _ => reset_fields(text(typed, "/apiVersion"), text(typed, "/kind"), subresource),
        };
        let request = Request {
            schema: &schema,
            manager: text(step, "/manager"),
            subresource,
            time: time_of(step),
            reset: reset.as_ref(),
        };
        let at = format!("{name} {number} ({} by {})", text(step, "/do"), request.manager);
        let ours = if text(step, "/do") == "apply" {
            // The server reads the live object in the version of the request.
            let live = live.map(|live| {
                let mut live = live.clone();
                live["apiVersion"] = step["config"]["apiVersion"].clone();
                live
            });
            let result = apply(live.as_ref(), &step["config"], step["force"] == true, &request);
            match (result, step["code"].as_u64().unwrap()) {
                (Ok(merged), 200 | 201) => {
                    wrong.extend(
                        unexplained(&schema, &merged.object, answer, reset.as_ref())
                            .iter()
                            .map(|w| format!("{at}: {w}")),
                    );
                    // Defaults, spellings and what the endpoint ignores are the server's next step; then it looks again.
                    let mut stored = answer.clone();
                    ManagedFields::decode(&merged.object).unwrap().store(&mut stored);
                    if let Some(live) = &live {
                        settle_times(live, &mut stored);
                    }
                    stored
                }
                (Err(ApplyError::Conflicts(conflicts)), 409) => {
                    if conflicts.to_string() != text(answer, "/message") {
                        wrong.push(format!("{at}: {conflicts}\nserver: {}", text(answer, "/message")));
                    }
                    let causes: Vec<Value> = conflicts
                        .causes()
                        .into_iter()
                        .map(|(message, field)| json!({"reason": "FieldManagerConflict", "message": message, "field": field}))
                        .collect();
                    if json!(causes) != answer["details"]["causes"] {
                        wrong.push(format!("{at}: causes {causes:?}\nserver: {}", answer["details"]["causes"]));
                    }
                    continue;
                }
                (Err(error @ ApplyError::Config(..)), 500) => {
                    if error.to_string() != text(answer, "/message") {
                        wrong.push(format!("{at}: {error}\nserver: {}", text(answer, "/message")));
                    }
                    continue;
                }
                // What validation after the merge refuses is not for the merge to see.
                (Ok(_), 422) => continue,
                (ours, code) => {
                    wrong.push(format!("{at}: {ours:?}\nserver: {code} {}", text(answer, "/message")));
                    continue;
                }
            }
        } else if subresource == "scale" {
            let path = FieldPath::of(&["spec", "replicas"]);
            update_scale(live.unwrap(), &path, &answer["spec"]["replicas"], &request)
        } else {
            let mut new = answer.clone();
            new["metadata"]["managedFields"] = if step["resets"] == true { json!([{}]) } else { Value::Null };
            update(live, new, &request)
        };
        let (ours, theirs) = (managed(&ours), managed(answer));
        if ours != theirs {
            wrong.push(format!("{at}: managed fields\n{}server:\n{}", lines(&ours), lines(&theirs)));
        }
    }
    wrong
}

#[test]
fn the_merge_is_the_servers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fields/recorded");
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 16);
    let mut wrong = Vec::new();
    for path in names {
        let recording: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        wrong.extend(replay(path.file_stem().unwrap().to_str().unwrap(), &recording));
    }
    assert!(wrong.is_empty(), "{} differ from the real server\n{}", wrong.len(), wrong.join("\n"));
}
