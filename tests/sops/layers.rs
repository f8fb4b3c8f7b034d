//! Files of secrets among the layers of an environment.

use std::sync::Arc;

use evenkeel::environment::{Release, load};
use evenkeel::sops::Keys;
use evenkeel::tree::MemoryTree;
use serde_json::Value;

use super::keys;
use crate::harness::project;

fn recorded(name: &str) -> String {
    std::fs::read_to_string(project().join(format!("tests/sops/recorded/{name}.sops.yaml"))).unwrap()
}

/// A release of two layers, with files of secrets in them.
fn release(base: Option<&str>, production: Option<&str>, keys: &Keys) -> Release {
    let head = "apiVersion: evenkeel.dev/v1alpha1\nkind:";
    let mut tree = MemoryTree::default();
    tree.insert("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned());
    tree.insert("e/base/environment.yaml", format!("{head} Environment\nabstract: true\n"));
    tree.insert("e/base/web/release.yaml", format!("{head} Release\nchart: charts/web\n"));
    tree.insert("e/base/web/values.yaml", "database: {password: base, pin: 1}\n".to_owned());
    tree.insert("e/production/environment.yaml", format!("{head} Environment\nextends: [base]\nnamespace: p\n"));
    tree.insert("e/production/web/values.yaml", "database: {password: production, host: db}\n".to_owned());
    for (layer, secrets) in [("base", base), ("production", production)] {
        if let Some(name) = secrets {
            tree.insert(format!("e/{layer}/web/secrets.sops.yaml"), recorded(name));
        }
    }
    let environment = load(&tree, "e", "production", keys).unwrap();
    environment.release("web").unwrap().clone().unwrap_or_else(|broken| panic!("{broken:?}"))
}

fn database(release: &Release, key: &str) -> Value {
    release.values.value["database"][key].clone()
}

#[test]
fn secrets_of_all_layers_lie_over_the_values_of_all_layers() {
    let keys = keys(&["age.key"]);
    let plain = release(None, None, &keys);
    assert_eq!(database(&plain, "password"), "production");
    assert!(plain.secrets.is_none());
    let base = release(Some("release-first"), None, &keys);
    assert_eq!(database(&base, "password"), "hunter2 & \"more\"", "over a higher layer's plain value");
    assert_eq!((database(&base, "pin"), database(&base, "host")), (Value::from(471_147.0), Value::from("db")));
    let both = release(Some("release-first"), Some("release-second"), &keys);
    assert_eq!(database(&both, "password"), "hunter3 & \"more\"");
    assert!(both.files.contains(&"e/base/web/secrets.sops.yaml".to_owned()), "{:?}", both.files);
    for release in [&base, &both] {
        assert!(!format!("{:?}", release.secrets).contains("hunter"));
    }
}

#[test]
fn a_digest_is_of_what_the_files_hold() {
    let keys = keys(&["age.key"]);
    let digest = |name| release(None, Some(name), &keys).digest;
    assert_eq!(digest("release-first"), digest("release-again"));
    assert_ne!(digest("release-first"), digest("release-second"));
}

#[test]
fn a_file_is_decrypted_once() {
    let keys = keys(&["age.key"]);
    let text = recorded("usual");
    let first = keys.decrypt("a", &text).unwrap();
    assert!(Arc::ptr_eq(&first, &keys.decrypt("a", &text).unwrap()));
    assert!(!format!("{first:?} {keys:?}").contains("hunter2"));
}
