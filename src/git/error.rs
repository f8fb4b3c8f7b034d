//! What goes wrong between evenkeel and a repository. Messages never hold credentials.

use std::time::Duration;

use crate::tree::TreeError;

use super::url::{masked, scrubbed};

/// An error of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// The remote could not be reached, or broke off. Retryable.
    #[error("cannot fetch from {remote}: {message}")]
    Unreachable {
        /// The remote, without credentials.
        remote: String,
        /// The cause, without credentials.
        message: String,
    },
    /// The remote wants other credentials. Retryable, as they may be renewed.
    #[error("{remote} refused the credentials: {message}")]
    Refused {
        /// The remote, without credentials.
        remote: String,
        /// The cause, without credentials.
        message: String,
    },
    /// Nothing came from the remote for that long. Retryable.
    #[error("{remote} sent nothing for {}", humantime::format_duration(*.silence))]
    Silent {
        /// The remote, without credentials.
        remote: String,
        /// For how long.
        silence: Duration,
    },
    /// The branch does not exist (any more). Retryable, as it may come back.
    #[error("{remote} has no branch `{branch}`{}", .hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default())]
    NoBranch {
        /// The remote, without credentials.
        remote: String,
        /// The branch that was asked for.
        branch: String,
        /// The nearest branch, or those that there are.
        hint: Option<String>,
    },
    /// What is stored, or was sent, is damaged. Retryable, as it may be repaired.
    #[error("{repository} is damaged: {message}")]
    Damaged {
        /// The repository, without credentials.
        repository: String,
        /// What is damaged.
        message: String,
    },
    /// There is no repository. Not retryable.
    #[error("{path} is not a Git repository: {message}")]
    NotARepository {
        /// The path.
        path: String,
        /// The cause.
        message: String,
    },
    /// A revision that does not exist or is no commit. Not retryable.
    #[error("revision `{revision}` not found in {repository}: {message}")]
    NoRevision {
        /// The revision that was asked for.
        revision: String,
        /// The repository, without credentials.
        repository: String,
        /// The cause.
        message: String,
    },
    /// The cache folder, or the machine. Retryable.
    #[error("{what}: {message}")]
    Local {
        /// What was tried.
        what: String,
        /// The cause.
        message: String,
    },
}

impl GitError {
    /// Whether trying again later, with nothing changed here, may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::NotARepository { .. } | Self::NoRevision { .. })
    }

    /// Sorts an error of libgit2 that came up while talking to `url`.
    pub(super) fn remote(url: &str, error: &git2::Error) -> Self {
        use git2::{ErrorClass as Class, ErrorCode as Code};
        let remote = masked(url);
        let message = scrubbed(error.message(), url);
        match (error.code(), error.class()) {
            (Code::Auth, _) => Self::Refused { remote, message },
            (_, Class::Odb | Class::Zlib | Class::Indexer | Class::Object | Class::Tree | Class::Sha1) => {
                Self::Damaged { repository: remote, message }
            }
            _ => Self::Unreachable { remote, message },
        }
    }

    /// An error of libgit2 about what is stored in `repository`.
    pub(super) fn damaged(repository: &str, error: &git2::Error) -> Self {
        Self::Damaged { repository: masked(repository), message: scrubbed(error.message(), repository) }
    }

    /// An error of the machine.
    pub(super) fn local(what: impl Into<String>, error: &dyn std::fmt::Display) -> Self {
        Self::Local { what: what.into(), message: error.to_string() }
    }
}

impl From<GitError> for TreeError {
    fn from(error: GitError) -> Self {
        Self { path: String::new(), message: error.to_string() }
    }
}
