//! Git over real transports: what is fetched, followed and read, and what happens when the other end fails.

mod following;
mod servers;
mod snapshots;
mod transports;
mod watching;

use std::path::Path;
use std::time::Duration;

use evenkeel::git::{FollowOptions, Followed, Follower, Repository};
use evenkeel::tree::Tree;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The longest that anything here may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The text of a file in a tree.
fn text(tree: &dyn Tree, path: &str) -> Option<String> {
    tree.read(path).unwrap().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

/// Moves the branch `name` of the repository at `path` to `commit`, whatever it was.
fn point(path: &Path, name: &str, commit: &str) {
    let repository = git2::Repository::open(path).unwrap();
    let id = git2::Oid::from_str(commit).unwrap();
    repository.reference(&format!("refs/heads/{name}"), id, true, "test").unwrap();
}

fn delete(path: &Path, name: &str) {
    let repository = git2::Repository::open(path).unwrap();
    repository.find_reference(&format!("refs/heads/{name}")).unwrap().delete().unwrap();
}

/// Follows `branch`, asking the remote when told to, and quickly again after a failure.
fn follow(repository: Repository, branch: &str) -> (Follower, watch::Receiver<Followed>, CancellationToken) {
    let cancel = CancellationToken::new();
    let mut options = FollowOptions::new(branch, Duration::from_secs(3600));
    options.first_retry = Duration::from_millis(20);
    options.last_retry = Duration::from_millis(100);
    let follower = Follower::start(repository, options, cancel.clone());
    let state = follower.state();
    (follower, state, cancel)
}

/// Waits until `condition` holds for what is known of the branch.
async fn until(
    state: &mut watch::Receiver<Followed>,
    what: &str,
    condition: impl FnMut(&Followed) -> bool,
) -> Followed {
    let found = tokio::time::timeout(DEADLINE, state.wait_for(condition)).await.map(|found| found.unwrap().clone());
    found.unwrap_or_else(|_| panic!("waited {DEADLINE:?} for {what}: {:?}", state.borrow()))
}

fn revision(followed: &Followed) -> Option<&str> {
    followed.snapshot.as_ref().map(|snapshot| snapshot.revision().id.as_str())
}
