//! A rendered file becomes its documents (helm: `releaseutil.SplitManifests`).

/// The documents of a file, trimmed. Separators are `---` at the start of the text or of a line; what stands behind one on its
/// line belongs to the next document.
pub(super) fn split(text: &str) -> Vec<&str> {
    let text = text.trim_matches(char::is_whitespace);
    let bytes = text.as_bytes();
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    let separator = memchr::memmem::Finder::new("---");
    while let Some(found) = separator.find(&bytes[at..]) {
        let mark = at + found;
        // The line end before a separator must not have been swallowed by the separator before it.
        if mark != 0 && (mark <= start || bytes[mark - 1] != b'\n') {
            at = mark + 1;
            continue;
        }
        documents.push(&text[start..mark]);
        let rest = &text[mark + 3..];
        start = mark + 3 + (rest.len() - rest.trim_start_matches(regex_space).len());
        at = start;
    }
    documents.push(&text[start..]);
    documents.into_iter().map(str::trim).filter(|document| !document.is_empty()).collect()
}

/// What `\s` matches in Go.
fn regex_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ')
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn documents_are_split_as_helm_does() {
        for (text, documents) in [
            ("a: 1\n---\nb: 2\n", vec!["a: 1", "b: 2"]),
            ("---\na: 1\n---\n---\n\n", vec!["a: 1", "---"]),
            ("a: |\n  ---\n  b\n", vec!["a: |\n  ---\n  b"]),
            ("--- # comment\na: 1", vec!["# comment\na: 1"]),
            ("a: 1\n----\nb: 2", vec!["a: 1", "-\nb: 2"]),
            ("", vec![]),
            ("\n\n", vec![]),
        ] {
            assert_eq!(split(text), documents, "{text:?}");
        }
    }
}
