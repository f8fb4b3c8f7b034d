//! The functions that Helm gives to templates: sprig's (v3.3, without `env` and `expandenv`) and Helm's own, a file for each
//! family. `render/` registers them. What is not a function of its arguments (the cluster, randomness, the time) comes in
//! through [`Surroundings`]; nothing here reads a clock, a file or the environment.

mod case;
mod clock;
mod convert;
mod crypto;
mod dates;
mod decimal;
mod dicts;
mod encoding;
mod flow;
mod helm;
mod layout;
mod lists;
mod math;
mod merge;
mod patterns;
mod pretty;
mod random;
mod reflection;
mod strings;
mod toml;
mod touch;
mod url;
mod versions;
mod words;

pub use clock::Clock;
pub use dates::parse_duration;
pub use random::Seeded;
pub use touch::touch;

pub(crate) use helm::{ERROR_END, ERROR_START, ROOT, without_no_value};

use std::sync::Arc;

use crate::template::{FunctionTable, Signature, Type};

/// Go's `path.Clean`.
pub(crate) fn clean_path(path: &str) -> String {
    String::from_utf8_lossy(&strings::clean(path.as_bytes())).into_owned()
}

/// The live cluster, as `lookup` sees it.
pub trait Lookup: Send + Sync {
    /// One object by name, a list object when `name` is empty, `None` when there is nothing.
    ///
    /// # Errors
    /// The text of the error, when the cluster cannot be asked.
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<serde_json::Value>, String>;
}

/// Where random functions take their bytes from.
pub trait Random: Send + Sync {
    /// What all that one call draws follows from. `site` names the call: its function, its template and line, and those of the
    /// calls that led there.
    fn seed(&self, site: &str) -> [u8; 32];

    /// Whether another render draws the same. Certificates then begin at moments that lie far apart, not at the time of the
    /// render.
    fn is_sticky(&self) -> bool {
        false
    }
}

/// No cluster: `lookup` finds nothing, as in `helm template`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCluster;

impl Lookup for NoCluster {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Option<serde_json::Value>, String> {
        Ok(None)
    }
}

/// What functions see besides their arguments.
#[derive(Clone)]
pub struct Surroundings {
    /// The cluster.
    pub lookup: Arc<dyn Lookup>,
    /// Random bytes.
    pub random: Arc<dyn Random>,
    /// The time that `now` gives.
    pub now: Clock,
    /// What a monotonic clock read then, since the program began: Go prints it behind a time. `None` where renders are to be
    /// reproducible.
    pub monotonic: Option<jiff::SignedDuration>,
    /// The zone in which dates are printed where none is named.
    pub zone: jiff::tz::TimeZone,
    /// Gives the addresses of a host; without one, `getHostByName` gives an empty text.
    pub resolve: Option<fn(&str) -> Vec<String>>,
}

impl Default for Surroundings {
    /// No cluster, fixed bytes, the epoch in UTC: reproducible.
    fn default() -> Self {
        Self {
            lookup: Arc::new(NoCluster),
            random: Arc::new(Seeded::new(b"")),
            now: Clock::at(jiff::Timestamp::UNIX_EPOCH),
            monotonic: None,
            zone: jiff::tz::TimeZone::UTC,
            resolve: None,
        }
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("now", &self.now).field("zone", &self.zone).finish_non_exhaustive()
    }
}

/// The names of all functions, sorted (not those of Go's own).
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut table = FunctionTable::new();
    register(&mut table, &Surroundings::default());
    table.names()
}

/// Adds all functions to `table`.
pub fn register(table: &mut FunctionTable, surroundings: &Surroundings) {
    strings::register(table);
    words::register(table);
    math::register(table);
    lists::register(table);
    dicts::register(table);
    flow::register(table);
    reflection::register(table);
    encoding::register(table);
    crypto::register(table, surroundings);
    versions::register(table);
    patterns::register(table);
    url::register(table);
    dates::register(table, surroundings);
    random::register(table, surroundings);
    helm::register(table, surroundings);
}

/// Replaces `required` and `fail` by what they are in helm's lint: they let everything pass.
pub fn register_for_lint(table: &mut FunctionTable) {
    helm::register_for_lint(table);
}

/// Fixed parameters.
const fn fixed(params: &'static [Type]) -> Signature {
    Signature::new(params)
}

/// Fixed parameters, then any number of anything.
const fn rest(params: &'static [Type]) -> Signature {
    Signature::variadic(params, Type::Any)
}
