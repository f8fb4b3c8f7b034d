//! What templates write is taken apart as soon as it is there: the heads of a large chart's documents take a quarter of its render.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread::{self, Builder};

use super::error::RenderError;
use super::manifests::{Documents, Written, documents};

/// Bytes of templates from which a second thread reads what the first one writes. Less is read before a thread has begun.
const MUCH: usize = 256 << 10;

/// Takes a rendered file, by its path.
pub(super) type Sink<'s> = dyn FnMut(String, Written) + 's;

/// Runs `write` and takes apart the files that it hands over.
///
/// # Errors
/// Those of `write`; what is wrong with a file stands in its place.
pub(super) fn reading(
    bytes: usize,
    write: impl FnOnce(&mut Sink<'_>) -> Result<(), RenderError>,
) -> Result<BTreeMap<String, Documents>, RenderError> {
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel::<(String, Written)>();
        let read = |(path, written): (String, Written)| {
            let found = documents(&path, written);
            (path, found)
        };
        let reader = move || receiver.into_iter().map(read).collect::<BTreeMap<_, _>>();
        if bytes >= MUCH
            && let Ok(reader) = Builder::new().name("heads".to_owned()).spawn_scoped(scope, reader)
        {
            // The reader ends when the sender is gone, which is also when `write` fails.
            write(&mut move |path, written| {
                let _ = sender.send((path, written));
            })?;
            return reader.join().map_err(|panic| std::panic::resume_unwind(panic));
        }
        let mut files = BTreeMap::new();
        write(&mut |path, written| files.extend([read((path, written))]))?;
        Ok(files)
    })
}
