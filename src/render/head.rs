//! What helm reads of every rendered document: type, name and annotations (helm: `releaseutil.SimpleHead`).

use crate::chart::{Decoder, field};
use crate::yaml::{Node, Wanted};

/// The head of a document.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) annotations: Vec<(String, String)>,
}

impl Head {
    /// What has to be read of a document.
    pub(super) const WANTED: Wanted = Wanted::Only(&[
        ("apiVersion", Wanted::All),
        ("kind", Wanted::All),
        ("metadata", Wanted::Only(&[("name", Wanted::All), ("annotations", Wanted::All)])),
    ]);

    /// Reads a document.
    ///
    /// # Errors
    /// Go's text and the place, when a field has the wrong type.
    pub(super) fn read(node: &Node) -> Result<Self, (String, crate::diagnostic::Position)> {
        let mut decoder = Decoder::new("SimpleHead");
        let mut head = Self::default();
        if let Some(pairs) = decoder.map(node, "", "releaseutil.SimpleHead") {
            decoder.string(field(pairs, "apiVersion"), "apiVersion");
            head.kind = decoder.string(field(pairs, "kind"), "kind");
            let metadata = field(pairs, "metadata").and_then(|metadata| {
                decoder.map(metadata, "metadata", "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }")
            });
            if let Some(pairs) = metadata {
                decoder.within("", |decoder| {
                    head.annotations = decoder.string_map(field(pairs, "annotations"), "metadata.annotations");
                    head.name = decoder.string(field(pairs, "name"), "metadata.name");
                });
            }
        }
        match decoder.error() {
            Some(error) => Err(error),
            None => Ok(head),
        }
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }
}
