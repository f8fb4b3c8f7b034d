//! One repository, fetched by every transport there is.

use std::time::{Duration, Instant};

use evenkeel::git::{Credentials, GitError, Repository};

use super::servers::{self, Daemon};
use super::{point, text};
use crate::harness::GitRepository;
use crate::require;

/// A remote with two commits, the second on `main`.
fn remote() -> (GitRepository, String, String) {
    let remote = GitRepository::new();
    let first = remote.write("a/b.yaml", "one").commit("first");
    let second = remote.write("a/b.yaml", "two").commit("second: all of it\n\nand a body");
    (remote, first, second)
}

/// Fetches `main` from `url` into a fresh cache, then a rewritten `main`, then says that `mian` is not there.
fn fetches_and_follows_a_rewrite(remote: &GitRepository, url: &str, first: &str, second: &str) {
    let cache = tempfile::tempdir().unwrap();
    point(remote.path(), "main", second);
    let repository = Repository::cached(url, cache.path(), Credentials::default()).unwrap();
    assert!(repository.tip("main").unwrap().is_none() && !repository.is_in_place());
    let snapshot = repository.fetch_blocking("main").unwrap();
    assert_eq!(text(&snapshot, "a/b.yaml").as_deref(), Some("two"));
    let revision = snapshot.revision();
    assert_eq!((revision.id.as_str(), revision.subject.as_str()), (second, "second: all of it"));
    assert_eq!((revision.author.as_str(), revision.short()), ("evenkeel tests", &second[..12]));
    // Back to the first commit: not a fast-forward.
    point(remote.path(), "main", first);
    assert_eq!(repository.fetch_blocking("main").unwrap().revision().id, first);
    assert_eq!(repository.tip("main").unwrap().unwrap().revision().id, first);
    // What was read before stays readable.
    assert_eq!(text(&snapshot, "a/b.yaml").as_deref(), Some("two"));
    let error = repository.fetch_blocking("mian").unwrap_err();
    assert!(matches!(&error, GitError::NoBranch { hint: Some(hint), .. } if hint == "did you mean `main`?"), "{error}");
    assert!(error.is_retryable());
    // Another handle of the same cache finds what was fetched.
    let again = Repository::cached(url, cache.path(), Credentials::default()).unwrap();
    assert_eq!(again.tip("main").unwrap().unwrap().revision().id, first);
    point(remote.path(), "main", second);
}

#[test]
fn by_file_url() {
    let (remote, first, second) = remote();
    fetches_and_follows_a_rewrite(&remote, &remote.url(), &first, &second);
}

#[test]
fn by_the_git_protocol() {
    let (remote, first, second) = remote();
    let daemon = require!(Daemon::start(remote.path()));
    let url = format!("git://127.0.0.1:{}/.git", daemon.port);
    fetches_and_follows_a_rewrite(&remote, &url, &first, &second);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_http() {
    let (remote, first, second) = remote();
    let address = require!(servers::http(remote.path(), None).await);
    let url = format!("http://{address}/.git");
    let run = move || fetches_and_follows_a_rewrite(&remote, &url, &first, &second);
    tokio::task::spawn_blocking(run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn http_credentials_are_used_and_never_shown() {
    let (remote, _, second) = remote();
    let address = require!(servers::http(remote.path(), Some("bot:correct-horse")).await);
    let cache = tempfile::tempdir().unwrap();
    let by_url = format!("http://bot:correct-horse@{address}/.git");
    let repository = Repository::cached(&by_url, cache.path(), Credentials::default()).unwrap();
    assert_eq!(repository.fetch("main").await.unwrap().revision().id, second);
    let plain = format!("http://{address}/.git");
    let given = |password: &str| Credentials {
        username: Some("bot".into()),
        password: Some(password.into()),
        ..Credentials::default()
    };
    let repository = Repository::cached(&plain, cache.path(), given("correct-horse")).unwrap();
    assert_eq!(repository.fetch("main").await.unwrap().revision().id, second);
    let wrong = format!("http://bot:wrong-battery@{address}/.git");
    for repository in [
        Repository::cached(&wrong, cache.path(), Credentials::default()).unwrap(),
        Repository::cached(&plain, &cache.path().join("other"), given("wrong-battery")).unwrap(),
    ] {
        let error = repository.fetch("main").await.unwrap_err();
        assert!(matches!(error, GitError::Refused { .. }), "{error:?}");
        let all = format!("{error} {error:?} {repository} {repository:?}");
        assert!(!all.contains("wrong-battery"), "{all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_during_a_fetch_shares_it() {
    let (remote, _, second) = remote();
    let cache = tempfile::tempdir().unwrap();
    let repository = Repository::cached(&remote.url(), cache.path(), Credentials::default()).unwrap();
    let all = futures::future::join_all((0..20).map(|_| repository.fetch("main"))).await;
    for outcome in all {
        assert_eq!(outcome.unwrap().revision().id, second);
    }
    assert_eq!(repository.fetches(), 1);
    repository.fetch("main").await.unwrap();
    assert_eq!(repository.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_remote_is_given_up_on_and_left_behind() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}/silent", listener.local_addr().unwrap());
    let cache = tempfile::tempdir().unwrap();
    let repository = Repository::cached(&url, cache.path(), Credentials::default()).unwrap();
    let repository = repository.give_up_after(Duration::from_millis(200));
    let start = Instant::now();
    for _ in 0..6 {
        let error = repository.fetch("main").await.unwrap_err();
        assert!(matches!(error, GitError::Silent { .. }), "{error}");
    }
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(repository.fetches(), 4, "no more than four threads wait for a silent remote");
    drop(listener);
}

#[test]
fn a_broken_cache_is_made_anew() {
    let (remote, _, second) = remote();
    let cache = tempfile::tempdir().unwrap();
    let open = || Repository::cached(&remote.url(), cache.path(), Credentials::default()).unwrap();
    open().fetch_blocking("main").unwrap();
    let clone = std::fs::read_dir(cache.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(clone.join("HEAD")).unwrap();
    assert_eq!(open().fetch_blocking("main").unwrap().revision().id, second);
}
