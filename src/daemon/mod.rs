//! Follows a repository and keeps the chosen environments equal to it: turns revisions and watch events into passes, one
//! worker for each environment, so that none delays another. Called by `evenkeel run` and the demo. Decides nothing about
//! objects (that is `plan`) and writes nothing (that is `apply`).

mod alerts;
mod backoff;
mod metrics;
mod state;
mod supervisor;
mod worker;

pub use alerts::Alerts;
pub use backoff::Backoff;
pub use metrics::Metrics;
pub use state::{RepositoryState, State};
pub use supervisor::{Clusters, Daemon, DaemonOptions, Input};
