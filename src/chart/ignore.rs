//! `.helmignore`: which files of a chart's folder are no part of the chart (helm: `internal/ignore`).

use super::glob::{BadPattern, file_match};

/// The rules of one chart.
#[derive(Debug, Clone, Default)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: String,
    negated: bool,
    folders_only: bool,
    whole_path: bool,
}

/// Why a rule is refused, with its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct IgnoreError {
    /// The line, from 1.
    pub line: u32,
    /// Helm's message.
    pub message: String,
}

impl Ignore {
    /// No rules but helm's own: files in `templates/` whose name starts with a dot.
    #[must_use]
    pub fn none() -> Self {
        Self { rules: Rule::parse("templates/.?*").ok().flatten().into_iter().collect() }
    }

    /// Reads a `.helmignore`.
    ///
    /// # Errors
    /// For `**` and for malformed patterns.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rules = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            rules.extend(Rule::parse(line).map_err(|message| IgnoreError { line: number, message })?);
        }
        rules.extend(Self::none().rules);
        Ok(Self { rules })
    }

    /// Whether the file or folder at `path` (from the chart's root) is left out.
    #[must_use]
    pub fn ignores(&self, path: &str, is_folder: bool) -> bool {
        for rule in &self.rules {
            if rule.negated {
                if (rule.folders_only && !is_folder) || !rule.matches(path) {
                    return true;
                }
            } else if (!rule.folders_only || is_folder) && rule.matches(path) {
                return true;
            }
        }
        false
    }

    /// Whether the file at `path` or a folder above it is left out.
    #[must_use]
    pub fn ignores_file(&self, path: &str) -> bool {
        path.match_indices('/').any(|(at, _)| self.ignores(&path[..at], true)) || self.ignores(path, false)
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Option<Self>, String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        if line.contains("**") {
            return Err("double-star (**) syntax is not supported".to_owned());
        }
        file_match(line, "abc").map_err(|BadPattern| BadPattern.to_string())?;
        let (negated, rule) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (folders_only, rule) = rule.strip_suffix('/').map_or((false, rule), |rest| (true, rest));
        let whole_path = rule.contains('/');
        let pattern = rule.strip_prefix('/').unwrap_or(rule).to_owned();
        Ok(Some(Self { pattern, negated, folders_only, whole_path }))
    }

    fn matches(&self, path: &str) -> bool {
        let name = if self.whole_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        let special = |pattern: &str| pattern.contains(['*', '?', '[', '\\']);
        match self.pattern.strip_prefix('*') {
            // Most rules are a name, or `*` with an ending.
            None if !special(&self.pattern) => name == self.pattern,
            Some(end) if !special(end) => name.strip_suffix(end).is_some_and(|star| !star.contains('/')),
            _ => file_match(&self.pattern, name).unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helms_rules() {
        let ignore = Ignore::parse("# comment\n.git/\n*.bak\n/top\nci/*.yaml\n").unwrap();
        for (path, out) in [
            (".git/config", true),
            ("a/b.bak", true),
            ("top", true),
            ("a/top", false),
            ("ci/x.yaml", true),
            ("ci/y/x.yaml", false),
            ("templates/.hidden.yaml", true),
            ("templates/a.yaml", false),
        ] {
            assert_eq!(ignore.ignores_file(path), out, "{path}");
        }
        assert_eq!(Ignore::parse("a\n**/b").unwrap_err().line, 2);
        assert!(Ignore::parse("[").is_err());
    }

    #[test]
    fn a_negated_rule_leaves_out_everything_else() {
        let ignore = Ignore::parse("!Chart.yaml\n").unwrap();
        assert!(ignore.ignores_file("values.yaml"));
        assert!(!ignore.ignores_file("Chart.yaml"));
    }
}
