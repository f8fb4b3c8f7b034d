//! Health by the rules of kinds, held against kstatus: the answers in `kstatus.jsonl` were recorded from it (`record.sh`).

mod live;
mod reasons;
mod retries;

use evenkeel::health::{Health, health};
use evenkeel::manifest::Object;
use serde_json::Value;

/// Every recorded object is judged as kstatus judges it, or as the table says and why.
#[test]
fn as_kstatus_or_for_a_reason() {
    let mut wrong = Vec::new();
    let mut judged = 0;
    for line in include_str!("kstatus.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| case[key].as_str();
        let object = Object::new(case["object"].clone()).unwrap();
        let said = health(&object);
        let word = match (&said, text("kstatus")) {
            (Health::Current, _) => "Current",
            (Health::InProgress(_), Some("Terminating")) => "Terminating",
            (Health::InProgress(_), _) => "InProgress",
            (Health::Failed(_), _) => "Failed",
        };
        let expected = text("ours").or(text("kstatus")).unwrap();
        if word != expected {
            wrong.push(format!("{}: {word} ({}), expected {expected}", case["name"], said.reason()));
        }
        assert_eq!(text("ours").is_some(), text("why").is_some_and(|w| !w.is_empty()), "{line}");
        assert_ne!(text("ours"), text("kstatus"), "no difference any more: {line}");
        assert!(word == "Current" || !said.reason().is_empty(), "{line}");
        judged += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged > 100, "{judged} cases");
}
