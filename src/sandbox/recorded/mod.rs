//! Facts recorded from a real kube-apiserver 1.35.4 by `record.sh` beside this file: what it serves and its schemas.

use std::io::Read;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use super::schema::Schemas;

static DISCOVERY: &[u8] = include_bytes!("discovery.json.gz");
static MESSAGES: &[u8] = include_bytes!("messages.gz");
static SCHEMAS: &[u8] = include_bytes!("schemas.json.gz");

fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    // The files are part of the binary, and a test reads them: what cannot be read would be an empty server.
    match flate2::read::GzDecoder::new(bytes).read_to_string(&mut text) {
        Ok(_) => text,
        Err(_) => String::new(),
    }
}

fn unpack(bytes: &[u8]) -> Value {
    serde_json::from_str(&text(bytes)).unwrap_or_default()
}

/// The fields of protobuf messages by number; `messages.awk` says in which form.
pub(super) fn messages() -> String {
    text(MESSAGES)
}

/// `{gitVersion, groups: [{name, versions: [{version, resources: [APIResourceDiscovery]}]}]}`.
pub(super) fn discovery() -> Value {
    unpack(DISCOVERY)
}

/// `components.schemas` of all groups together, with their descriptions. Unpacked anew each time: it is large and rarely asked for.
pub(super) fn components() -> Map<String, Value> {
    match unpack(SCHEMAS) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The schemas of built-in kinds, shared by all servers of this process.
pub(super) fn schemas() -> Arc<Schemas> {
    static SHARED: LazyLock<Arc<Schemas>> = LazyLock::new(|| Arc::new(Schemas::new(&components())));
    Arc::clone(&SHARED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_files_are_whole() {
        assert_eq!(discovery()["gitVersion"], "v1.35.4");
        assert!(components().len() > 500);
        assert!(messages().starts_with("m k8s.io."));
    }
}
