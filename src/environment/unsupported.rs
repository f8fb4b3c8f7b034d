//! What the file formats name and evenkeel cannot do yet. Whoever uses it is told; nothing is silently ignored. When a
//! function arrives, its line here goes.

use super::fields::Fields;

/// Keys of `environment.yaml`.
const ENVIRONMENT: &[&str] = &["windows", "verify", "decryption", "notify"];

/// Keys of `release.yaml`.
const RELEASE: &[&str] = &["windows", "valuesFrom", "hooks"];

/// Files of a release's folder, and what they are for.
pub(super) const FILES: &[(&str, &str)] = &[("patches.yaml", "patches of rendered objects")];

/// Reports every key of an environment that is in use and not supported.
pub(super) fn environment(fields: &mut Fields<'_>) {
    report(fields, ENVIRONMENT);
}

/// Reports every key of a release that is in use and not supported.
pub(super) fn release(fields: &mut Fields<'_>) {
    report(fields, RELEASE);
    if let Some(mut prune) = fields.map("prune", &["enabled", "maxDeletions", "protect"])
        && let Some(entry) = prune.entry("maxDeletions")
    {
        let error = entry.key.error("`prune.maxDeletions` counts the deletions of the whole environment");
        prune.report(error.hint("set it in environment.yaml"));
    }
}

fn report(fields: &mut Fields<'_>, keys: &[&str]) {
    for key in keys {
        if let Some(entry) = fields.entry(key) {
            fields.report(entry.key.error(format!("`{key}` is not supported yet")).hint("remove it"));
        }
    }
}
