//! Paths inside a tree.

/// A path that would leave the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path `{0}` leaves the repository")]
pub struct PathError(pub String);

/// `folder/name`, where either may be empty.
#[must_use]
pub fn join(folder: &str, name: &str) -> String {
    match (folder.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

/// `path` without `.`, `..` and doubled or trailing slashes; an absolute path or one that leaves the tree is refused.
///
/// # Errors
/// When the path is absolute or climbs above the root.
pub fn normal(path: &str) -> Result<String, PathError> {
    if path.starts_with('/') || path.contains('\\') || path.contains('\0') {
        return Err(PathError(path.to_owned()));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| PathError(path.to_owned()))?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_leaves_the_tree() {
        assert_eq!(normal("a/./b//c/../d/").unwrap(), "a/b/d");
        assert_eq!(normal("").unwrap(), "");
        for bad in ["/etc", "../x", "a/../../x", "a\\b"] {
            assert!(normal(bad).is_err(), "{bad}");
        }
    }
}
