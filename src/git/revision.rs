//! A commit as a person knows it.

use jiff::Timestamp;

/// A commit: its id and what its author said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The full id in hexadecimal.
    pub id: String,
    /// When it was committed.
    pub time: Timestamp,
    /// The author's name.
    pub author: String,
    /// The first line of the message.
    pub subject: String,
}

impl Revision {
    /// The first twelve digits of the id.
    #[must_use]
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    pub(super) fn of(commit: &git2::Commit<'_>) -> Self {
        Self {
            id: commit.id().to_string(),
            time: Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
            author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
            subject: commit
                .summary_bytes()
                .map(|summary| String::from_utf8_lossy(summary).into_owned())
                .unwrap_or_default(),
        }
    }
}
