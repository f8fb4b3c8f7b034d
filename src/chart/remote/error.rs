//! Why a chart could not be fetched.

use crate::chart::repository::{IndexError, ReferenceError, masked};

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteErrorKind {
    /// What was asked for makes no sense, or a file that was named cannot be used.
    Invalid,
    /// The repository or registry has no such chart or version.
    NotFound,
    /// Who we are is not enough.
    Unauthorized,
    /// Nobody answered, or not to the end: worth another try.
    Unreachable,
    /// The answer is not what was asked for: damaged, too large, of another digest.
    Untrusted,
    /// It is not in the cache, and the network may not be used.
    Offline,
    /// The cache or a file of logins cannot be read or written.
    Storage,
}

/// A chart that could not be fetched. The message is helm's where helm has one; no URL in it shows a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    /// What kind of failure it is.
    pub kind: RemoteErrorKind,
    /// What happened.
    pub message: String,
}

impl RemoteError {
    /// An error with a message; passwords in URLs are hidden.
    pub(crate) fn new(kind: RemoteErrorKind, message: impl AsRef<str>) -> Self {
        Self { kind, message: masked(message.as_ref()) }
    }

    pub(super) fn invalid(message: impl AsRef<str>) -> Self {
        Self::new(RemoteErrorKind::Invalid, message)
    }

    pub(super) fn untrusted(message: impl AsRef<str>) -> Self {
        Self::new(RemoteErrorKind::Untrusted, message)
    }

    pub(super) fn storage(message: impl AsRef<str>) -> Self {
        Self::new(RemoteErrorKind::Storage, message)
    }

    pub(super) fn offline(what: impl AsRef<str>) -> Self {
        let what = what.as_ref();
        Self::new(RemoteErrorKind::Offline, format!("offline: {what} is not in the cache (run once without --offline)"))
    }

    /// Puts `context: ` before the message.
    #[must_use]
    pub(crate) fn wrap(mut self, context: impl AsRef<str>) -> Self {
        self.message = format!("{}: {}", masked(context.as_ref()), self.message);
        self
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind == RemoteErrorKind::Unreachable
    }
}

impl From<ReferenceError> for RemoteError {
    fn from(error: ReferenceError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<IndexError> for RemoteError {
    fn from(error: IndexError) -> Self {
        let kind = match &error {
            IndexError::NoChart | IndexError::NoVersions | IndexError::NoVersion(..) => RemoteErrorKind::NotFound,
            IndexError::Range(_) => RemoteErrorKind::Invalid,
            _ => RemoteErrorKind::Untrusted,
        };
        Self::new(kind, error.to_string())
    }
}
