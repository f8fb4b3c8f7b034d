//! Generated files, encrypted by SOPS and decrypted by both.

use std::path::Path;
use std::process::{Command, Stdio};

use evenkeel::yaml::{self, Numbers};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Map, Value, json};

use super::{key_file, keys};
use crate::harness::requirement;
use crate::require;

/// What SOPS prints.
fn sops(program: &Path, folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("SOPS_AGE_KEY_FILE", key_file("age.key"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(error) }
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "hunter2",
    "y",
    "no",
    "null",
    "~",
    "true",
    "1",
    "-1",
    "0x1f",
    "1e3",
    "1.0",
    ".inf",
    "2001-01-01",
    "1:30",
    "a: b",
    "# no comment",
    "ENC[x]",
    "line\nline",
    "line\n",
    "\n",
    "  indented\nnot",
    "tab\there",
    "\"quoted\"",
    "it's",
    "ä漢😀",
    "- item",
    "{a: b}",
    "[",
    "*alias",
    "&anchor",
    "!tag",
    "%",
    "@at",
    "`",
    "|",
    ">",
    "\u{7}\u{85}\u{feff}",
    "trailing ",
    "https://user:pw@example.org/?a=b&c=d%20",
    "-----BEGIN KEY-----\nabc\n-----END KEY-----\n",
    "\r\n",
    "a\\b",
];

fn text(random: &mut StdRng) -> String {
    if random.random_bool(0.7) {
        return TEXTS[random.random_range(0..TEXTS.len())].to_owned();
    }
    let length = random.random_range(1..200);
    (0..length).map(|_| char::from_u32(random.random_range(32..0x250)).unwrap_or('x')).collect()
}

fn value(random: &mut StdRng, depth: usize) -> Value {
    match random.random_range(0..if depth == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => Value::from(random.random_bool(0.5)),
        2 => Value::from(random.random_range(-1_000_000_i64..1_000_000_000_000)),
        3 => json!(f64::from(random.random_range(-1000..1000)) / 16.0),
        4 => json!(random.random_range(-1.0..1.0) * 10_f64.powi(random.random_range(-20..25))),
        5 => Value::from(text(random)),
        6 => (0..random.random_range(0..4)).map(|_| value(random, depth - 1)).collect(),
        _ => Value::from(map(random, depth - 1)),
    }
}

fn map(random: &mut StdRng, depth: usize) -> Map<String, Value> {
    const KEYS: &[&str] =
        &["password", "user", "token_enc", "a.b", "x:y", "1", "true", "ключ", "with space", "l_unencrypted"];
    let count = random.random_range(0..5);
    (0..count)
        .map(|_| {
            let key = KEYS[random.random_range(0..KEYS.len())];
            (
                if random.random_bool(0.8) { key.to_owned() } else { format!("k{}", random.random_range(0..100)) },
                value(random, depth),
            )
        })
        .collect()
}

#[test]
fn what_sops_encrypts_is_decrypted_as_sops_does() {
    let program = require!(requirement::sops());
    let folder = tempfile::tempdir().unwrap();
    let (keys, recipient) = (keys(&["age.key"]), std::fs::read_to_string(key_file("age.key")).unwrap());
    let recipient = recipient.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let rules: &[&[&str]] = &[
        &[],
        &["--encrypted-suffix", "_enc"],
        &["--unencrypted-suffix", "ser"],
        &["--encrypted-regex", "^(pass|k[0-9])"],
        &["--unencrypted-regex", "[a-f]+$"],
        &["--encrypted-comment-regex", "secret"],
        &["--unencrypted-comment-regex", "known"],
    ];
    let (mut compared, mut refused) = (0, 0);
    for seed in 0..60 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut whole = map(&mut random, 4);
        whole.insert("always".to_owned(), Value::from((0..20).map(|_| value(&mut random, 1)).collect::<Vec<_>>()));
        let mut plain = String::new();
        for (key, value) in whole {
            if random.random_bool(0.5) {
                plain.push_str(["# secret\n", "# known\n", "# else\n\n", "\n"][random.random_range(0..4)]);
            }
            plain.push_str(&yaml::emit(&Value::from(Map::from_iter([(key, value)]))));
        }
        std::fs::write(folder.path().join("a.yaml"), &plain).unwrap();
        let mut arguments = vec!["--age", recipient, "--encrypt"];
        arguments.extend(rules[random.random_range(0..rules.len())]);
        if random.random_bool(0.4) {
            arguments.push("--mac-only-encrypted");
        }
        arguments.push("a.yaml");
        let Ok(encrypted) = sops(&program, folder.path(), &arguments) else {
            // Numbers beyond 64 bits, what its YAML cannot read.
            refused += 1;
            continue;
        };
        std::fs::write(folder.path().join("a.sops.yaml"), &encrypted).unwrap();
        let theirs = sops(&program, folder.path(), &["--decrypt", "a.sops.yaml"]);
        let ours = keys.decrypt("a.sops.yaml", &encrypted);
        match (theirs, ours) {
            (Ok(theirs), Ok(ours)) => {
                compared += 1;
                let theirs = yaml::to_json(&theirs, Numbers::Float).unwrap();
                assert_eq!(
                    ours.node.to_json(Numbers::Float).unwrap(),
                    theirs,
                    "{seed} {arguments:?}:\n{plain}\n{encrypted}"
                );
            }
            // SOPS cannot read all that it writes: comments that change their places, texts that its YAML writes wrongly.
            (Err(_), _) => refused += 1,
            (Ok(_), Err(error)) => panic!("{seed} {arguments:?}: {error}\n{plain}\n{encrypted}"),
        }
    }
    assert!(compared >= 45, "{compared} compared, {refused} refused");
}
