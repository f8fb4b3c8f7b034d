//! Following a branch through everything that can happen to it: the last good revision stays in force.

use std::time::Duration;

use evenkeel::git::{Credentials, GitError, Repository};

use super::{delete, follow, point, revision, text, until};
use crate::harness::GitRepository;

fn cached(remote: &GitRepository, cache: &tempfile::TempDir) -> Repository {
    Repository::cached(&remote.url(), cache.path(), Credentials::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_rewrites_and_deletion_of_the_branch() {
    let remote = GitRepository::new();
    let first = remote.write("a", "1").commit("first");
    point(remote.path(), "deploy", &first);
    let cache = tempfile::tempdir().unwrap();
    let (follower, mut state, cancel) = follow(cached(&remote, &cache), "deploy");
    let known = until(&mut state, "the first commit", |s| revision(s) == Some(&first)).await;
    assert!(known.last_error.is_none() && known.last_fetch.is_some());

    let second = remote.write("a", "2").commit("second");
    point(remote.path(), "deploy", &second);
    follower.refresh();
    until(&mut state, "the second commit", |s| revision(s) == Some(&second)).await;

    remote.reset(&first);
    let other = remote.write("a", "3").commit("instead of the second");
    point(remote.path(), "deploy", &other);
    follower.refresh();
    until(&mut state, "the rewritten history", |s| revision(s) == Some(&other)).await;

    delete(remote.path(), "deploy");
    follower.refresh();
    let gone = until(&mut state, "the deletion to be seen", |s| s.consecutive_failures >= 2).await;
    assert!(matches!(gone.last_error, Some(GitError::NoBranch { .. })), "{gone:?}");
    assert_eq!(revision(&gone), Some(other.as_str()));
    assert_eq!(text(gone.snapshot.as_deref().unwrap(), "a").as_deref(), Some("3"));

    // It comes back by itself: a failing remote is asked again.
    point(remote.path(), "deploy", &second);
    let back = until(&mut state, "the branch to be back", |s| s.last_error.is_none()).await;
    assert_eq!((revision(&back), back.consecutive_failures), (Some(second.as_str()), 0));

    cancel.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), async { while state.changed().await.is_ok() {} }).await;
    assert!(ended.is_ok(), "the task ends when it is cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_goes_and_comes_back() {
    let remote = GitRepository::new();
    let first = remote.write("a", "1").commit("first");
    let cache = tempfile::tempdir().unwrap();
    let (follower, mut state, cancel) = follow(cached(&remote, &cache), "main");
    until(&mut state, "the first commit", |s| revision(s) == Some(&first)).await;
    let (here, away) = (remote.path().join(".git"), remote.path().join("away"));
    std::fs::rename(&here, &away).unwrap();
    follower.refresh();
    let gone = until(&mut state, "the failure", |s| s.last_error.is_some()).await;
    assert_eq!(revision(&gone), Some(first.as_str()));
    // A restart meanwhile finds the last good revision in the cache.
    cancel.cancel();
    let (_follower, mut state, cancel) = follow(cached(&remote, &cache), "main");
    let restarted = until(&mut state, "the cached revision", |s| s.last_error.is_some()).await;
    assert_eq!(revision(&restarted), Some(first.as_str()));
    assert_eq!(text(restarted.snapshot.as_deref().unwrap(), "a").as_deref(), Some("1"));
    std::fs::rename(&away, &here).unwrap();
    until(&mut state, "the remote to be back", |s| s.last_error.is_none() && s.last_fetch.is_some()).await;
    cancel.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_on_this_machine_is_followed_without_being_told() {
    let remote = GitRepository::new();
    let first = remote.write("sub/a", "1").commit("first");
    // From a folder within it: that folder is the root.
    let (_follower, mut state, cancel) = follow(Repository::open(&remote.path().join("sub")).unwrap(), "main");
    let known = until(&mut state, "the first commit", |s| revision(s) == Some(&first)).await;
    assert_eq!(text(known.snapshot.as_deref().unwrap(), "a").as_deref(), Some("1"));
    let second = remote.write("sub/a", "2").commit("second");
    let known = until(&mut state, "the second commit", |s| revision(s) == Some(&second)).await;
    assert_eq!(text(known.snapshot.as_deref().unwrap(), "a").as_deref(), Some("2"));
    cancel.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_remote_leaves_the_last_good_revision() {
    let remote = GitRepository::new();
    let first = remote.write("a", "1").commit("first");
    let cache = tempfile::tempdir().unwrap();
    let (follower, mut state, cancel) = follow(cached(&remote, &cache), "main");
    until(&mut state, "the first commit", |s| revision(s) == Some(&first)).await;

    let second = remote.write("a", "2").commit("second");
    let object = remote.path().join(".git/objects").join(&second[..2]).join(&second[2..]);
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, "this is no object").unwrap();
    follower.refresh();
    let broken = until(&mut state, "the damage to be seen", |s| s.last_error.is_some()).await;
    assert_eq!(revision(&broken), Some(first.as_str()), "{broken:?}");
    assert_eq!(text(broken.snapshot.as_deref().unwrap(), "a").as_deref(), Some("1"));

    // A good commit over it, and all is well again.
    remote.reset(&first);
    let third = remote.write("a", "3").commit("instead of the damaged one");
    follower.refresh();
    until(&mut state, "the repaired branch", |s| revision(s) == Some(&third) && s.last_error.is_none()).await;
    cancel.cancel();
}
