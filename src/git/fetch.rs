//! One fetch of one branch, blocking. The new tip comes into force only when all of it is here and readable.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use git2::{AutotagOption, Direction, FetchOptions, Oid, ProxyOptions, RemoteCallbacks, RemoteRedirect};

use super::credentials::Answers;
use super::repository::Origin;
use super::url::masked;
use super::{Credentials, GitError, Repository, Snapshot};
use crate::diagnostic::nearest;

/// What a fetch in its own thread tells, and is told.
#[derive(Debug)]
pub(super) struct Pulse {
    start: Instant,
    /// Milliseconds from the start to the last sign of life.
    last: AtomicU64,
    abandoned: AtomicBool,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), last: AtomicU64::new(0), abandoned: AtomicBool::new(false) }
    }

    fn beat(&self) {
        self.last.store(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long nothing has been heard.
    pub(super) fn silence(&self) -> std::time::Duration {
        self.start.elapsed().saturating_sub(std::time::Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }

    /// Asks the fetch to end at its next sign of life.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        self.beat();
        !self.abandoned.load(Ordering::Relaxed)
    }
}

impl Repository {
    /// Brings the tip of `branch` here (a rewritten history replaces the old one) and gives its tree. Blocks; async
    /// code calls [`Repository::fetch`].
    ///
    /// # Errors
    /// All of [`GitError`]; the last known tip then stays what it was.
    pub fn fetch_blocking(&self, branch: &str) -> Result<Snapshot, GitError> {
        self.fetch_with(branch, &Pulse::new())
    }

    pub(super) fn fetch_with(&self, branch: &str, pulse: &Pulse) -> Result<Snapshot, GitError> {
        let store = self.store()?;
        let commit = match &self.inner.origin {
            Origin::InPlace => self.tip_id(&store, branch)?.ok_or_else(|| {
                let names = local_branches(&store);
                no_branch(&self.inner.label, branch, &names)
            })?,
            Origin::Remote { url, credentials } => download(&store, url, credentials, branch, pulse)?,
        };
        let (reference, changed) = (self.tip_reference(branch), self.tip_id(&store, branch) != Ok(Some(commit)));
        let snapshot = self.verified_snapshot(store, commit)?;
        if changed && !self.is_in_place() {
            self.store()?
                .reference(&reference, commit, true, "fetched")
                .map_err(|error| GitError::local(format!("cannot move {reference}"), &error.message()))?;
        }
        Ok(snapshot)
    }
}

/// Downloads what is missing of the tip of `branch`.
fn download(
    store: &git2::Repository,
    url: &str,
    credentials: &Credentials,
    branch: &str,
    pulse: &Pulse,
) -> Result<Oid, GitError> {
    let failed = |error: git2::Error| GitError::remote(url, &error);
    let mut remote = store.remote_anonymous(url).map_err(failed)?;
    let mut connection = remote
        .connect_auth(Direction::Fetch, Some(callbacks(store, credentials, pulse)), Some(proxy()))
        .map_err(failed)?;
    pulse.beat();
    let wanted = format!("refs/heads/{branch}");
    let heads = connection.list().map_err(failed)?;
    let Some(commit) = heads.iter().find(|head| head.name() == wanted).map(git2::RemoteHead::oid) else {
        let names: Vec<String> =
            heads.iter().filter_map(|head| head.name().strip_prefix("refs/heads/")).map(str::to_owned).collect();
        return Err(no_branch(&masked(url), branch, &names));
    };
    if store.find_commit(commit).is_ok() {
        return Ok(commit);
    }
    let mut options = FetchOptions::new();
    options
        .remote_callbacks(callbacks(store, credentials, pulse))
        .proxy_options(proxy())
        .download_tags(AutotagOption::None)
        .follow_redirects(RemoteRedirect::Initial);
    let refspec = format!("+{wanted}:refs/remotes/origin/{branch}");
    connection.remote().download(&[refspec.as_str()], Some(&mut options)).map_err(failed)?;
    Ok(commit)
}

fn callbacks<'a>(store: &git2::Repository, credentials: &Credentials, pulse: &'a Pulse) -> RemoteCallbacks<'a> {
    let mut answers = Answers::new(credentials, store.config().ok());
    let mut callbacks = RemoteCallbacks::new();
    callbacks.credentials(move |url, user, allowed| answers.next(url, user, allowed));
    callbacks.transfer_progress(|_| pulse.goes_on());
    callbacks.sideband_progress(|_| pulse.goes_on());
    callbacks
}

fn proxy<'a>() -> ProxyOptions<'a> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

fn local_branches(store: &git2::Repository) -> Vec<String> {
    let Ok(branches) = store.branches(Some(git2::BranchType::Local)) else { return Vec::new() };
    branches.flatten().filter_map(|(branch, _)| branch.name().ok().flatten().map(str::to_owned)).collect()
}

fn no_branch(remote: &str, branch: &str, names: &[String]) -> GitError {
    let hint = match nearest(branch, names.iter().map(String::as_str)) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if names.is_empty() => Some("it has none".to_owned()),
        None if names.len() <= 12 => Some(format!("it has: {}", names.join(", "))),
        None => None,
    };
    GitError::NoBranch { remote: remote.to_owned(), branch: branch.to_owned(), hint }
}
