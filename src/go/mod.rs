//! What Go's standard library makes of texts, where Rust's crates differ: JSON (encoding/json), regular expressions (regexp),
//! URLs (net/url), addresses (net, net/mail); characters of texts that are no UTF-8, and how far slices reach. `values/` and `functions/` call this. It knows neither templates nor Kubernetes,
//! and does no IO.

pub(crate) mod ip;
pub(crate) mod json;
pub(crate) mod mail;
pub(crate) mod quote;
pub(crate) mod regexp;
pub(crate) mod runes;
pub(crate) mod slices;
pub(crate) mod url;
