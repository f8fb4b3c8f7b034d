//! Files that SOPS has encrypted (`record.sh`), and what was done to them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use evenkeel::sops::{Decrypted, Keys};
use evenkeel::yaml::{self, Node, NodeValue, Numbers};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use super::keys;
use crate::harness::project;

/// The files of a folder of tests/sops, by name.
fn files(folder: &str, end: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(project().join("tests/sops").join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(end) {
            found.insert(name.to_owned(), std::fs::read_to_string(&path).unwrap());
        }
    }
    found
}

fn opened(name: &str, text: &str, keys: &Keys) -> Value {
    let decrypted = keys.decrypt(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
    decrypted.node.to_json(Numbers::Float).unwrap()
}

#[test]
fn what_was_encrypted_is_what_sops_says() {
    let (keys, plain) = (keys(&["age.key", "other.key"]), files("recorded", ".plain.yaml"));
    let encrypted = files("recorded", ".sops.yaml");
    assert_eq!((encrypted.len(), plain.len()), (29, 29));
    for (name, text) in encrypted {
        assert_eq!(opened(&name, &text, &keys), yaml::to_json(&plain[&name], Numbers::Float).unwrap(), "{name}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_without_what_it_holds() {
    let keys = keys(&["age.key"]);
    let mut report = String::new();
    for (name, text) in files("broken", ".sops.yaml") {
        let error = keys.decrypt(&format!("{name}.yaml"), &text).map(drop).expect_err(&name);
        writeln!(report, "{error}\n").unwrap();
    }
    // Recipients are public, and some of the files are recorded anew one day.
    for name in ["age.key", "other.key"] {
        let text = std::fs::read_to_string(super::key_file(name)).unwrap();
        let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        report = report.replace(recipient, &format!("age1[{name}]"));
    }
    let report = report.lines().map(|line| match line.split_once("ssh-ed25519 ") {
        Some((before, after)) => {
            format!("{before}ssh-ed25519 […]{}", after.find([',', '…']).map_or("", |at| &after[at..]))
        }
        None => line.to_owned(),
    });
    let report: String = report.map(|line| line + "\n").collect();
    for secret in ["hunter2", "in-clear-and-long", "nothing to hide", "someone", "PRIVATE", "AGE-SECRET", "ENC["] {
        assert!(!report.contains(secret), "{secret} is told:\n{report}");
    }
    insta::with_settings!({prepend_module_to_snapshot => false, snapshot_path => "."}, {
        insta::assert_snapshot!("broken", report);
    });
}

/// All values in their order, without their keys: what a MAC is over. (Where nothing is encrypted, keys are not authenticated.)
fn leaves(node: &Node, found: &mut String) {
    match &node.value {
        NodeValue::Null => {}
        NodeValue::Bool(is) => found.push_str(if *is { "True" } else { "False" }),
        NodeValue::Int(number) => found.push_str(&number.to_string()),
        NodeValue::UInt(number) => found.push_str(&number.to_string()),
        NodeValue::Float(number) => found.push_str(&number.to_string()),
        NodeValue::String(text) => found.push_str(text),
        NodeValue::Seq(items) => items.iter().for_each(|item| leaves(item, found)),
        NodeValue::Map(pairs) => pairs.iter().for_each(|(_, value)| leaves(value, found)),
    }
}

#[test]
fn whatever_is_changed_in_a_file_is_found_or_changes_no_value() {
    let keys = keys(&["age.key"]);
    let encrypted = files("recorded", ".sops.yaml");
    let values = |decrypted: &Decrypted| {
        let mut found = String::new();
        leaves(&decrypted.node, &mut found);
        found
    };
    let mut random = StdRng::seed_from_u64(11);
    let mut found = 0;
    for name in ["usual", "nested", "encrypted-comment", "types"] {
        let text = &encrypted[name];
        let expected = values(&keys.decrypt(name, text).unwrap());
        for _ in 0..150 {
            let mut bytes = text.clone().into_bytes();
            for _ in 0..random.random_range(1..3) {
                let at = random.random_range(0..bytes.len());
                match random.random_range(0..3) {
                    0 => bytes[at] = random.random_range(32..127),
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, random.random_range(32..127)),
                }
            }
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            match keys.decrypt(name, &changed) {
                Err(error) => {
                    found += 1;
                    assert!(!error.to_string().contains("AGE-SECRET"), "{error}");
                }
                Ok(decrypted) => assert_eq!(values(&decrypted), expected, "{name}:\n{changed}"),
            }
        }
    }
    assert!(found > 300, "{found} of 600 were found");
}

#[test]
fn without_a_key_it_is_said_who_has_one() {
    let encrypted = files("recorded", ".sops.yaml");
    let said = |name: &str, keys: &Keys| keys.decrypt("secrets.sops.yaml", &encrypted[name]).unwrap_err().to_string();
    let none = Keys::default();
    assert!(said("usual", &none).contains("\n  = encrypted for age1"));
    assert!(said("ssh", &none).contains("is an SSH key, which evenkeel cannot use"));
    assert!(said("groups", &keys(&["other.key"])).contains("keys of 2 of 3 groups are needed"));
    let missing = keys(&["nowhere.key"]);
    assert!(
        said("usual", &missing).contains("looked in tests/sops/nowhere.key: No such file"),
        "{}",
        said("usual", &missing)
    );
}
