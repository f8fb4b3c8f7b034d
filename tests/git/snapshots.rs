//! Trees read from the object store at any revision.

use std::time::Instant;

use evenkeel::git::{FILE_LIMIT, GitError, Repository};
use evenkeel::tree::{EntryKind, Tree};

use super::text;
use crate::harness::GitRepository;

#[test]
fn every_way_to_name_a_revision() {
    let repository = GitRepository::new();
    let first = repository.write("a", "1").commit("first");
    let second = repository.write("a", "2").commit("second");
    let raw = git2::Repository::open(repository.path()).unwrap();
    let object = raw.find_object(git2::Oid::from_str(&first).unwrap(), None).unwrap();
    raw.tag(
        "v1",
        &object,
        &raw.signature().unwrap_or_else(|_| git2::Signature::now("t", "t@t.invalid").unwrap()),
        "m",
        false,
    )
    .unwrap();
    let opened = Repository::open(repository.path()).unwrap();
    for (name, id) in [
        ("HEAD", &second),
        ("main", &second),
        ("HEAD~1", &first),
        ("main^", &first),
        ("v1", &first),
        (first.as_str(), &first),
        (&first[..8], &first),
    ] {
        assert_eq!(&opened.snapshot(name).unwrap().revision().id, id, "{name}");
    }
    for (name, hint) in [("mian", Some("main")), ("v2", Some("v1")), ("ffffffffff", None), ("HEAD:a", None), ("", None)]
    {
        let error = opened.snapshot(name).unwrap_err();
        assert!(matches!(error, GitError::NoRevision { .. }) && !error.is_retryable(), "{name}: {error:?}");
        if let Some(hint) = hint {
            assert!(error.to_string().contains(&format!("did you mean `{hint}`?")), "{error}");
        }
    }
    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(Repository::open(nowhere.path()), Err(GitError::NotARepository { .. })));
}

#[test]
fn folders_files_links_and_limits() {
    let repository = GitRepository::new();
    repository.write("b/c/d.yaml", "x: 1").write("b-1", "").write("a", "text");
    let big = std::fs::File::create(repository.path().join("big")).unwrap();
    big.set_len(FILE_LIMIT + 1).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", repository.path().join("link")).unwrap();
    repository.commit("first");
    let snapshot = Repository::open(repository.path()).unwrap().snapshot("HEAD").unwrap();
    let names: Vec<String> = snapshot.list("").unwrap().unwrap().into_iter().map(|entry| entry.name).collect();
    #[cfg(unix)]
    assert_eq!(names, ["a", "b", "b-1", "big", "link"]);
    #[cfg(unix)]
    assert_eq!(snapshot.list("").unwrap().unwrap()[4].kind, EntryKind::Other);
    assert_eq!(text(&snapshot, "b/c/d.yaml").as_deref(), Some("x: 1"));
    assert_eq!(text(&snapshot, "b-1").as_deref(), Some(""));
    for nothing in ["link", "link/x", "a/x", "b", "b/c", "nothing", "b/nothing", "b/../a"] {
        assert_eq!(text(&snapshot, nothing), None, "{nothing}");
    }
    assert!(snapshot.list("a").unwrap().is_none() && snapshot.list("b/c").unwrap().is_some());
    let error = snapshot.read("big").unwrap_err().to_string();
    assert!(error.contains("limit: file size"), "{error}");
}

#[test]
fn a_digest_changes_with_what_is_below_alone() {
    let repository = GitRepository::new();
    repository.write("a/x", "1").write("b/x", "1").commit("first");
    let opened = Repository::open(repository.path()).unwrap();
    let before = opened.snapshot("HEAD").unwrap();
    repository.write("b/x", "2").commit("second");
    let after = opened.snapshot("HEAD").unwrap();
    assert_eq!(before.digest("a").unwrap(), after.digest("a").unwrap());
    assert_ne!(before.digest("b").unwrap(), after.digest("b").unwrap());
    assert!(before.digest("a").unwrap().is_some() && before.digest("c").unwrap().is_none());
}

#[test]
fn a_leaf_of_a_large_tree_is_read_without_a_checkout() {
    let repository = GitRepository::new();
    for index in 0..5000 {
        repository
            .write(&format!("environments/e{}/r{}/values.yaml", index / 50, index % 50), &format!("n: {index}\n"));
    }
    repository.commit("five thousand files");
    let opened = Repository::open(repository.path()).unwrap();
    let start = Instant::now();
    let snapshot = opened.snapshot("HEAD").unwrap();
    assert_eq!(text(&snapshot, "environments/e99/r49/values.yaml").as_deref(), Some("n: 4999\n"));
    let elapsed = start.elapsed();
    println!("first leaf of 5,000 files: {elapsed:?}");
    // A checkout writes 5,000 files; this reads three trees and one blob. Generous for a busy machine.
    assert!(elapsed.as_millis() < 500, "{elapsed:?}");
    let start = Instant::now();
    assert_eq!(evenkeel::tree::walk(&snapshot, "").unwrap().len(), 5000);
    println!("walk of 5,000 files: {:?}", start.elapsed());
}
