//! Holds the direction of the pipeline: a module uses only modules declared before it in `src/lib.rs`, pure modules touch
//! no IO, and files stay small enough to have one subject.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "this test reads the source tree itself")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules between the two IO edges: no runtime, no network, no files, no clock.
const PURE: &[&str] = &[
    "diagnostic",
    "go",
    "tree",
    "yaml",
    "fields",
    "manifest",
    "health",
    "sops",
    "values",
    "environment",
    "chart",
    "template",
    "functions",
    "render",
    "history",
    "drift",
    "plan",
    "report",
];

/// What a pure module may not name.
const IO: &[&str] = &[
    "tokio",
    "kube",
    "git2",
    "notify::",
    "reqwest",
    "axum",
    "hyper",
    "std::fs",
    "std::env::",
    "std::net",
    "std::process",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
];

/// The IO files of otherwise pure modules, each with its reason.
const IO_FILES: &[(&str, &str)] = &[
    ("chart/io.rs", "reads charts from folders and archives named on the command line"),
    ("chart/remote/", "fetches charts from repositories and registries, and keeps them in a cache"),
];

/// The witness must not share the decisions that it judges.
const SANDBOX_USES: &[&str] = &["diagnostic", "tree", "yaml", "fields", "manifest"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn order() -> Vec<String> {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_owned).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every `(relative path, module, code)`; comments are dropped, and tests too: a test may hold its module against anything.
fn modules() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    files(&source(), &mut found);
    found.sort();
    let mut result = Vec::new();
    for path in found {
        let relative = path.strip_prefix(source()).unwrap().to_str().unwrap().to_owned();
        let Some((module, _)) = relative.split_once('/') else { continue };
        let module = module.to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let code: String =
            text.lines().map(|l| l.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        let is_test = relative.ends_with("/tests.rs") || relative.contains("/tests/");
        result.push((relative, module, if is_test { String::new() } else { code }));
    }
    result
}

/// The crate modules that a piece of code names: `crate::a::…` and `crate::{a, b::c}`.
fn uses(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut name = String::new();
            let mut fresh = true;
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => fresh = true,
                    c if depth == 1 && fresh && (c.is_alphanumeric() || c == '_') => name.push(c),
                    c if c.is_whitespace() && name.is_empty() => {}
                    _ => fresh = false,
                }
                if (!fresh || c == ',' || depth == 0)
                    && !name.is_empty()
                    && (c == ',' || c == ':' || c == '}' || c == '{')
                {
                    found.push(std::mem::take(&mut name));
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn arrows_go_one_way() {
    let order = order();
    let rank: BTreeMap<&str, usize> = order.iter().enumerate().map(|(i, m)| (m.as_str(), i)).collect();
    let mut wrong = Vec::new();
    for (path, module, code) in modules() {
        let own = rank[module.as_str()];
        for used in uses(&code) {
            match rank.get(used.as_str()) {
                Some(other) if *other > own => {
                    wrong.push(format!("{path}: `{module}` uses `{used}`, which comes after it"));
                }
                _ => {}
            }
            if module == "sandbox"
                && used != "sandbox"
                && rank.contains_key(used.as_str())
                && !SANDBOX_USES.contains(&used.as_str())
            {
                wrong.push(format!("{path}: the sandbox uses `{used}`; it may use the vocabulary alone"));
            }
            if PURE.contains(&module.as_str()) && rank.contains_key(used.as_str()) && !PURE.contains(&used.as_str()) {
                wrong.push(format!("{path}: pure `{module}` uses `{used}`, which does IO"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows against the pipeline:\n{}", wrong.join("\n"));
}

#[test]
fn pure_modules_do_no_io() {
    let mut wrong = Vec::new();
    for (path, module, code) in modules() {
        if !PURE.contains(&module.as_str())
            || IO_FILES.iter().any(|(file, _)| *file == path || (file.ends_with('/') && path.starts_with(file)))
        {
            continue;
        }
        for (number, line) in code.lines().enumerate() {
            for name in IO {
                let hit = line.match_indices(name).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '"' || c == '.' || c == '/')
                        && (name.contains(':') || line[at + name.len()..].starts_with("::"))
                });
                if hit {
                    wrong.push(format!("{path}:{}: `{name}` in a pure module", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "IO in pure modules:\n{}", wrong.join("\n"));
}

#[test]
fn only_apply_writes_to_a_cluster() {
    let writes = [".patch(", ".delete(", ".create(", ".replace(", ".delete_collection("];
    let mut wrong = Vec::new();
    for (path, module, code) in modules() {
        if ["sandbox", "apply"].contains(&module.as_str()) || !code.contains("kube::") {
            continue;
        }
        for (number, line) in code.lines().enumerate() {
            if writes.iter().any(|w| line.contains(w)) && line.contains("api") {
                wrong.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    // Requests that write are made with `cluster::wire`, which is there for apply/ alone.
    for (path, module, code) in modules() {
        let makes_requests = code.contains("cluster::wire");
        let writes =
            ["Method::POST", "Method::PUT", "Method::PATCH", "Method::DELETE"].iter().any(|m| code.contains(m));
        if (makes_requests && module != "apply") || (module == "cluster" && writes) {
            wrong.push(format!("{path}: makes requests that write"));
        }
    }
    assert!(wrong.is_empty(), "writes outside apply/:\n{}", wrong.join("\n"));
}

#[test]
fn folders_are_shallow_and_files_small() {
    let mut found = Vec::new();
    files(&source(), &mut found);
    let mut wrong = Vec::new();
    for path in found {
        let relative = path.strip_prefix(source()).unwrap();
        if relative.components().count() > 3 {
            wrong.push(format!("{}: more than two folders deep", relative.display()));
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().lines().count();
        if lines > 1000 {
            wrong.push(format!("{}: {lines} lines without tests", relative.display()));
        }
    }
    assert!(wrong.is_empty(), "split by subject:\n{}", wrong.join("\n"));
}
