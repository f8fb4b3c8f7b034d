//! evenkeel against helm, case by generated case: templates from a grammar over all functions, values files with YAML's odd
//! corners; what is printed, or the error, must be the same text.
//!
//! `oracle/` is a Go program that renders with helm's own packages, many a second. A stand-in counts only as far as it is held
//! against the real thing: [`the_oracle_answers_as_helm_does`]. `just fuzz-parity [CASES] [SEED]` runs as many cases as one
//! likes; what it found is kept in `found.jsonl` with helm's answers and replayed by [`found_cases_stay_found`].

mod case;
mod expressions;
mod fuzzed;
mod generate;
mod odd_yaml;
mod oracle;
mod random;
mod shrink;

use std::collections::BTreeSet;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use case::{Answer, Case};
use expressions::Grammar;
use oracle::Oracle;
use regex::Regex;

use crate::harness::{helm, project};
use crate::require;

/// The seed of the runs that CI makes.
const SEED: u64 = 1;

/// How often a case is asked again before the two answers count as different: helm's order of maps' keys is random in places.
const ASKED_AGAIN: usize = 8;

/// What evenkeel says where it does not even try; helm does (COMPATIBILITY.md).
const LIMIT: &str = "(limit: function output)";

/// How evenkeel prints an address, by base: one for all. Helm's are others in every build and every run (COMPATIBILITY.md).
const ADDRESSES: &str = "(?i:c000000000)|824633720832|14000000000000|1100000000000000000000000000000000000000";

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn evenkeel(case: &Case) -> Answer {
    catch_unwind(AssertUnwindSafe(|| case.evenkeel())).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("EVENKEEL PANICKED: {}", text.unwrap_or_default()))
    })
}

/// Helm's answer where it differs from ours.
fn difference(oracle: &mut Oracle, case: &Case) -> Option<(Answer, Answer)> {
    let theirs = oracle.answer(case)?;
    let ours = evenkeel(case);
    if theirs == ours || deviates(&theirs, &ours) {
        return None;
    }
    for _ in 0..ASKED_AGAIN {
        if oracle.answer(case).is_none_or(|again| again != theirs) {
            // Helm does not agree with itself.
            return None;
        }
    }
    Some((theirs, ours))
}

/// Whether two answers differ only as COMPATIBILITY.md says that they do.
fn deviates(theirs: &Answer, ours: &Answer) -> bool {
    match (theirs, ours) {
        (_, Err(ours)) if ours.contains(LIMIT) => true,
        (Ok(theirs), Ok(ours)) | (Err(theirs), Err(ours)) => same_but_for_addresses(theirs, ours),
        _ => false,
    }
}

/// Whether one is the other where each address, with what pads it, may be any.
fn same_but_for_addresses(theirs: &str, ours: &str) -> bool {
    let addresses = Regex::new(ADDRESSES).unwrap();
    let mut parts = addresses.split(ours).peekable();
    let mut pattern = String::from("(?s)^");
    let mut first = true;
    while let Some(part) = parts.next() {
        let part = if first { part } else { part.trim_start_matches(' ') };
        let part = if parts.peek().is_some() { part.trim_end_matches([' ', '0']) } else { part };
        if !first {
            pattern.push_str("[ 0]*[0-9a-fA-F]+ *");
        }
        pattern.push_str(&regex::escape(part));
        first = false;
    }
    pattern.push('$');
    addresses.is_match(ours) && Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(theirs))
}

#[test]
fn answers_may_differ_in_addresses_alone() {
    let same = |theirs, ours| same_but_for_addresses(theirs, ours);
    assert!(same("{1 25c9340}", "{1 c000000000}"));
    assert!(same("k: 0xc0001a2b40 \"824634\"", "k: 0xc000000000 \"824633720832\""));
    assert!(same("[   25c9340]", "[c000000000]") && same("00000025c9340", "000c000000000"));
    for (theirs, ours) in [("{2 25c9340}", "{1 c000000000}"), ("{1 }", "{1 c000000000}"), ("1", "2"), ("0x1", "0x2")] {
        assert!(!same(theirs, ours), "{theirs}");
    }
}

/// Runs the cases of a seed and describes, small, those that differ.
fn run(program: &PathBuf, seed: u64, first: u64, cases: u64, threads: usize) -> (Vec<String>, usize) {
    let grammar = Grammar::new();
    let next = AtomicU64::new(first);
    let failed = AtomicUsize::new(0);
    let seen: Mutex<BTreeSet<(String, String)>> = Mutex::default();
    let found: Mutex<Vec<String>> = Mutex::default();
    // Whoever says how many wants each of them, also those that look alike.
    let shown_at_most = number("EVENKEEL_PARITY_SHOWN");
    let limit = shown_at_most.unwrap_or(20) as usize;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut oracle = Oracle::start(program);
                loop {
                    let case_number = next.fetch_add(1, Ordering::Relaxed);
                    if case_number >= first + cases {
                        return;
                    }
                    let case = generate::case(&grammar, seed, case_number);
                    let Some((theirs, ours)) = difference(&mut oracle, &case) else {
                        continue;
                    };
                    let alike = !seen.lock().unwrap().insert((signature(&theirs), signature(&ours)));
                    let known = alike && shown_at_most.is_none();
                    if failed.fetch_add(1, Ordering::Relaxed) >= limit || known {
                        continue;
                    }
                    let was_error = theirs.is_err();
                    let small = shrink::shrink(&case, &mut |case| {
                        difference(&mut oracle, case).is_some_and(|(theirs, _)| theirs.is_err() == was_error)
                    });
                    let (theirs, ours) =
                        difference(&mut oracle, &small).unwrap_or((Ok(String::new()), Ok(String::new())));
                    let shown = shown(&small);
                    let text = format!(
                        "case {case_number} of seed {seed}\n{shown}── helm\n{}\n── evenkeel\n{}\n",
                        print(&theirs),
                        print(&ours)
                    );
                    if let Some(file) = std::env::var_os("EVENKEEL_PARITY_SAVE") {
                        save(&PathBuf::from(file), &small, &theirs);
                    }
                    // At once: a long run is read while it goes on.
                    if number("EVENKEEL_PARITY_CASES").is_some() {
                        let _ = writeln!(std::io::stderr(), "{text}");
                    }
                    found.lock().unwrap().push(text);
                }
            });
        }
    });
    (found.into_inner().unwrap(), failed.into_inner())
}

/// What two failures of one cause have in common: the end of an error without names and numbers.
fn signature(answer: &Answer) -> String {
    let Err(error) = answer else { return String::new() };
    let end = error.rsplit(": ").find(|part| part.len() > 8).unwrap_or(error);
    let mut quoted = false;
    end.chars()
        .filter(|c| {
            quoted ^= matches!(c, '"' | '`');
            !quoted && !c.is_ascii_digit()
        })
        .take(60)
        .collect()
}

/// A case without the files that every case has.
fn shown(case: &Case) -> Case {
    let frame = generate::frame();
    let mut shown = case.clone();
    shown.files.retain(|path, text| frame.files.get(path) != Some(text));
    shown
}

fn print(answer: &Answer) -> String {
    match answer {
        Ok(text) => text.clone(),
        Err(error) => format!("Error: {error}"),
    }
}

/// Adds a case with helm's answer to a file.
fn save(file: &PathBuf, case: &Case, theirs: &Answer) {
    let mut json = case.json();
    match theirs {
        Ok(text) => json["out"] = text.clone().into(),
        Err(error) => json["err"] = error.clone().into(),
    }
    let mut out = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    writeln!(out, "{json}").unwrap();
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// `just fuzz-parity` sets the number of cases and the seed.
#[test]
fn generated_cases_render_as_helm_renders_them() {
    let program = require!(oracle::program());
    let (cases, seed) =
        (number("EVENKEEL_PARITY_CASES").unwrap_or(1_500), number("EVENKEEL_PARITY_SEED").unwrap_or(SEED));
    let first = number("EVENKEEL_PARITY_FIRST").unwrap_or(0);
    let (found, failed) = run(&program, seed, first, cases, threads());
    assert!(failed == 0, "{failed} of {cases} cases differ:\n\n{}", found.join("\n"));
}

/// What was once found to differ, with the answers of the real helm.
#[test]
fn found_cases_stay_found() {
    let text = std::fs::read_to_string(project().join("tests/parity/found.jsonl")).unwrap();
    let mut failures = Vec::new();
    for line in text.lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        let case = Case::from_json(&json);
        let theirs = match json["err"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(json["out"].as_str().unwrap().to_owned()),
        };
        let ours = evenkeel(&case);
        if ours != theirs {
            failures.push(format!("{}── helm\n{}\n── evenkeel\n{}\n", shown(&case), print(&theirs), print(&ours)));
        }
    }
    assert!(failures.is_empty(), "{} differ:\n\n{}", failures.len(), failures.join("\n"));
}

/// The stand-in is held against the real thing.
#[test]
fn the_oracle_answers_as_helm_does() {
    let (program, helm) = (require!(oracle::program()), require!(helm()));
    let grammar = Grammar::new();
    let mut oracle = Oracle::start(&program);
    let mut failures = Vec::new();
    for number in 0..number("EVENKEEL_PARITY_SAMPLE").unwrap_or(60) {
        let case = generate::case(&grammar, 7, number);
        let (Some(stand_in), real) = (oracle.answer(&case), case.helm(&helm)) else { continue };
        if stand_in != real && oracle.answer(&case).as_ref() == Some(&stand_in) && case.helm(&helm) == real {
            failures.push(format!("{}── oracle\n{}\n── helm\n{}\n", shown(&case), print(&stand_in), print(&real)));
        }
    }
    assert!(failures.is_empty(), "{} differ:\n\n{}", failures.len(), failures.join("\n"));
}

/// A function that the grammar does not know is never tried.
#[test]
fn the_grammar_knows_every_function() {
    let grammar = Grammar::new();
    // Random or slow, and so in tests of their own.
    let elsewhere = [
        "ago",
        "bcrypt",
        "buildCustomCert",
        "encryptAES",
        "genCA",
        "genCAWithKey",
        "genPrivateKey",
        "genSelfSignedCert",
        "genSelfSignedCertWithKey",
        "genSignedCert",
        "genSignedCertWithKey",
        "htpasswd",
        "now",
        "randAlpha",
        "randAlphaNum",
        "randAscii",
        "randBytes",
        "randInt",
        "randNumeric",
        "shuffle",
        "uuidv4",
    ];
    for name in evenkeel::functions::names() {
        assert!(elsewhere.contains(&name) || grammar.names().any(|known| known == name), "{name} is in no case");
    }
}
