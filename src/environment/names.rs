//! The names that Kubernetes and Helm accept.

/// The longest name of a Helm release, which becomes part of the names of its objects.
const RELEASE: usize = 53;
/// The longest DNS label.
const LABEL: usize = 63;

/// Why `name` is no DNS label (RFC 1123), which namespaces and environments are named by; `None` when it is one.
pub(super) fn label_fault(name: &str) -> Option<String> {
    if name.len() > LABEL {
        return Some(format!("it has {} characters, at most {LABEL} are allowed", name.len()));
    }
    part_fault(name)
}

/// Why `name` is no name of a Helm release: DNS labels with dots between, 53 characters at most; `None` when it is one.
pub(super) fn release_fault(name: &str) -> Option<String> {
    if name.len() > RELEASE {
        return Some(format!("it has {} characters, Helm allows at most {RELEASE}", name.len()));
    }
    name.split('.').find_map(part_fault)
}

fn part_fault(part: &str) -> Option<String> {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if let Some(bad) = part.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')) {
        return Some(format!("only lower-case letters, digits and `-` are allowed, not `{}`", bad.escape_debug()));
    }
    (!ends(part.chars().next()) || !ends(part.chars().next_back()))
        .then(|| "it must start and end with a letter or a digit".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_kubernetes_accepts() {
        for good in ["a", "0", "a-b", "clipper-production", "x9"] {
            assert_eq!(label_fault(good), None, "{good}");
            assert_eq!(release_fault(good), None, "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a_b", "ä", "a b"] {
            assert!(label_fault(bad).is_some(), "{bad}");
            assert!(release_fault(bad).is_some(), "{bad}");
        }
        assert!(label_fault("a.b").is_some() && release_fault("a.b").is_none() && release_fault("a..b").is_some());
        assert!(release_fault(&"a".repeat(54)).is_some() && label_fault(&"a".repeat(64)).is_some());
    }
}
