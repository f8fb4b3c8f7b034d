//! The id that Git would give a folder on disk: the same content has the same name, committed or not. What a release's digest says of its
//! chart is then the same in a working folder and in a commit of it.

use git2::{ObjectType, Oid};

use crate::tree::TreeError;

/// One name in a folder, as Git's tree objects have it.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) id: Oid,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Program,
    Link,
    Folder,
}

impl Kind {
    fn mode(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Program => "100755",
            Self::Link => "120000",
            Self::Folder => "40000",
        }
    }
}

/// The id of a file's content.
pub(super) fn of_bytes(path: &str, bytes: &[u8]) -> Result<Oid, TreeError> {
    hash(path, ObjectType::Blob, bytes)
}

/// The id of a folder with these names; nothing for an empty one, which Git does not know.
pub(super) fn of_folder(path: &str, mut names: Vec<Named>) -> Result<Option<Oid>, TreeError> {
    if names.is_empty() {
        return Ok(None);
    }
    // Git sorts a folder as if its name ended with a slash.
    let key = |named: &Named| format!("{}{}", named.name, if named.kind == Kind::Folder { "/" } else { "" });
    names.sort_by_key(|named| key(named).into_bytes());
    let mut content = Vec::new();
    for Named { name, kind, id } in &names {
        content.extend_from_slice(kind.mode().as_bytes());
        content.push(b' ');
        content.extend_from_slice(name.as_bytes());
        content.push(0);
        content.extend_from_slice(id.as_bytes());
    }
    hash(path, ObjectType::Tree, &content).map(Some)
}

fn hash(path: &str, kind: ObjectType, content: &[u8]) -> Result<Oid, TreeError> {
    Oid::hash_object(kind, content)
        .map_err(|error| TreeError { path: path.to_owned(), message: error.message().to_owned() })
}
