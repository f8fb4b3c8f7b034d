//! Charts that are not in the repository, as the locks of releases name them: from the cache, else from where they are.

use std::sync::Arc;

use crate::chart::remote::{Access, Locked, Remote, RemoteError, RemoteErrorKind, Settings, Wanted};
use crate::environment::LockedChart;

/// Where locked charts come from. Cheap to clone; the default has none.
#[derive(Debug, Clone, Default)]
pub struct Charts {
    settings: Option<Arc<Settings>>,
}

impl Charts {
    /// With helm's files and the cache that are named.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: Some(Arc::new(settings)) }
    }

    /// Whether the archive that a lock names is at hand.
    #[must_use]
    pub fn has(&self, locked: &LockedChart) -> bool {
        let Some(settings) = self.settings.as_deref() else { return false };
        Remote::new(settings.clone(), Access::default()).cached(&locked.digest).is_some()
    }

    /// The archive that a lock names. Waits for the network when the cache lacks it: not for a runtime's own threads.
    ///
    /// # Errors
    /// When it cannot be had, or is not what the lock says.
    pub fn archive(&self, locked: &LockedChart) -> Result<Arc<[u8]>, RemoteError> {
        let Some(settings) = self.settings.as_deref() else {
            return Err(RemoteError::new(RemoteErrorKind::Offline, "there is no place to take charts from"));
        };
        let remote = Remote::new(settings.clone(), Access::default());
        if let Some(bytes) = remote.cached(&locked.digest) {
            return Ok(bytes);
        }
        let asked = &locked.asked;
        let wanted = Locked {
            wanted: Wanted { chart: &asked.chart, version: &locked.version, repository: &asked.repository },
            digest: &locked.digest,
            manifest: &locked.manifest,
        };
        // A thread of its own: whoever calls may be on a runtime already.
        std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| RemoteError::new(RemoteErrorKind::Storage, error.to_string()))?;
                let fetched = runtime.block_on(remote.fetch_locked(&wanted));
                runtime.shutdown_background();
                fetched
            });
            work.join().unwrap_or_else(|_| Err(RemoteError::new(RemoteErrorKind::Storage, "fetching a chart ended")))
        })
    }
}
