//! Addresses of repositories: what is one, and how to show one without the password in it.

/// Whether `repo` names a remote (a URL, or `host:path` as ssh writes it) rather than a folder on this machine.
#[must_use]
pub fn is_remote(repo: &str) -> bool {
    if let Some((scheme, _)) = repo.split_once("://") {
        return !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    }
    match repo.split_once(':') {
        // One letter before the colon is a drive; a slash before it makes it a path.
        Some((host, path)) => {
            host.len() > 1 && !path.is_empty() && !host.contains(['/', '\\']) && !host.starts_with('.')
        }
        None => false,
    }
}

/// `url` with its user information hidden. A lone user of an ssh address is no secret and stays; over HTTP it may be a token.
#[must_use]
pub fn masked(url: &str) -> String {
    match userinfo(url) {
        Some((start, end, secret)) if secret => format!("{}***{}", &url[..start], &url[end..]),
        _ => url.to_owned(),
    }
}

/// `message` without any of the secrets in `url`, for errors of libraries that quote what they were given.
pub(super) fn scrubbed(message: &str, url: &str) -> String {
    let Some((start, end, true)) = userinfo(url) else { return message.to_owned() };
    let info = &url[start..end];
    let mut text = message.replace(info, "***");
    for part in info.splitn(2, ':') {
        // A short user name such as "x" would shred the message, and is no token.
        if part.len() >= 4 {
            text = text.replace(part, "***");
            let decoded = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
            text = text.replace(decoded.as_ref(), "***");
        }
    }
    text
}

/// Where the user information of `url` is (without the `@`), and whether it is secret.
fn userinfo(url: &str) -> Option<(usize, usize, bool)> {
    let start = url.find("://")? + 3;
    let authority = &url[start..];
    let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
    let at = authority.rfind('@')?;
    let secret = authority[..at].contains(':') || !(url.starts_with("ssh://") || url.starts_with("git+ssh://"));
    Some((start, start + at, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_remotes_from_folders() {
        for remote in
            ["https://example.org/a", "git@example.org:a/b.git", "file:///a", "host:path", "git://127.0.0.1/x"]
        {
            assert!(is_remote(remote), "{remote}");
        }
        for folder in [".", "a/b", "/a/b:c", "./a:b", "../x:y", "C:\\a", "a:"] {
            assert!(!is_remote(folder), "{folder}");
        }
    }

    #[test]
    fn hides_what_may_be_secret() {
        assert_eq!(masked("https://u:p@example.org/a"), "https://***@example.org/a");
        assert_eq!(masked("https://token@example.org/a"), "https://***@example.org/a");
        assert_eq!(masked("https://u:p@ss@example.org/a@b"), "https://***@example.org/a@b");
        assert_eq!(masked("ssh://git@example.org/a"), "ssh://git@example.org/a");
        assert_eq!(masked("ssh://git:pw@example.org/a"), "ssh://***@example.org/a");
        assert_eq!(masked("git@example.org:a"), "git@example.org:a");
        assert_eq!(masked("/a/b@c"), "/a/b@c");
    }

    #[test]
    fn scrubs_foreign_messages() {
        let url = "https://bot:hunter%40two@example.org/a";
        let text = scrubbed("cannot reach 'https://bot:hunter%40two@example.org/a' with hunter@two", url);
        assert!(!text.contains("hunter"), "{text}");
    }
}
