//! Two kinds of patterns over paths with `/`: Go's `filepath.Match` (`.helmignore`, `--show-only`) and gobwas' glob
//! (`.Files.Glob`).

/// A pattern that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

/// Go's `filepath.Match`: `*` and `?` stop at `/`, `[a-z]`, `[^a]`, `\` escapes.
///
/// # Errors
/// When the pattern is malformed; the whole pattern is checked, also past the point where it stops to match.
pub fn file_match(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    check(&pattern)?;
    Ok(file_from(&pattern, &name))
}

fn check(pattern: &[char]) -> Result<(), BadPattern> {
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            '\\' if at + 1 == pattern.len() => return Err(BadPattern),
            '\\' => at += 2,
            '[' => at = class(pattern, at, '\0').ok_or(BadPattern)?.1,
            _ => at += 1,
        }
    }
    Ok(())
}

/// Whether `c` is in the class that starts at `at`, and where the class ends.
fn class(pattern: &[char], mut at: usize, c: char) -> Option<(bool, usize)> {
    at += 1;
    let negated = pattern.get(at) == Some(&'^');
    at += usize::from(negated);
    let (mut found, mut ranges) = (false, 0);
    loop {
        if pattern.get(at) == Some(&']') && ranges > 0 {
            return Some((found != negated, at + 1));
        }
        let low = class_char(pattern, &mut at)?;
        let mut high = low;
        if pattern.get(at) == Some(&'-') {
            at += 1;
            high = class_char(pattern, &mut at)?;
        }
        found |= low <= c && c <= high;
        ranges += 1;
    }
}

fn class_char(pattern: &[char], at: &mut usize) -> Option<char> {
    match pattern.get(*at)? {
        '-' | ']' => None,
        '\\' => {
            *at += 2;
            pattern.get(*at - 1).copied()
        }
        c => {
            *at += 1;
            Some(*c)
        }
    }
}

/// Matches with one point to return to: the last star.
fn file_from(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() || p < pattern.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
                continue;
            }
            Some('?') if n < name.len() && name[n] != '/' => Some(p + 1),
            Some('[') if n < name.len() && name[n] != '/' => {
                class(pattern, p, name[n]).and_then(|(found, end)| found.then_some(end))
            }
            Some('\\') if n < name.len() && pattern.get(p + 1) == Some(&name[n]) => Some(p + 2),
            Some(c) if n < name.len() && !matches!(c, '?' | '[' | '\\') && *c == name[n] => Some(p + 1),
            _ => None,
        };
        if let Some(next) = step {
            p = next;
            n += 1;
            continue;
        }
        match retry {
            Some((star, from)) if from < name.len() && name[from] != '/' => {
                retry = Some((star, from + 1));
                p = star + 1;
                n = from + 1;
            }
            _ => return false,
        }
    }
    true
}

/// A compiled pattern of gobwas' glob with `/` as separator: `*` and `?` stop at it, `**` does not, `[abc]`, `[!a-z]`, `{a,b}`.
#[derive(Debug, Clone)]
pub struct Glob {
    alternatives: Vec<Vec<Token>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Char(char),
    /// Any one character but the separator.
    One,
    /// Any characters but the separator.
    Star,
    /// Any characters.
    Super,
    Set(bool, Vec<(char, char)>),
}

/// Alternatives that a pattern may unfold to.
const ALTERNATIVES: usize = 1_000;

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When braces or brackets are not closed, or the pattern unfolds to too many.
    pub fn new(pattern: &str) -> Result<Self, BadPattern> {
        let chars: Vec<char> = pattern.chars().collect();
        let mut at = 0;
        let alternatives = sequence(&chars, &mut at, 0)?;
        if at < chars.len() {
            return Err(BadPattern);
        }
        Ok(Self { alternatives })
    }

    /// Whether a path matches.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        self.alternatives.iter().any(|tokens| tokens_match(tokens, &path))
    }
}

fn sequence(chars: &[char], at: &mut usize, depth: usize) -> Result<Vec<Vec<Token>>, BadPattern> {
    let mut done: Vec<Vec<Token>> = vec![Vec::new()];
    while *at < chars.len() {
        let token = match chars[*at] {
            ',' | '}' if depth > 0 => break,
            '*' if chars.get(*at + 1) == Some(&'*') => {
                *at += 1;
                Token::Super
            }
            '*' => Token::Star,
            '?' => Token::One,
            '\\' => {
                *at += 1;
                Token::Char(*chars.get(*at).ok_or(BadPattern)?)
            }
            '[' => {
                let set = set(chars, at)?;
                for tokens in &mut done {
                    tokens.push(set.clone());
                }
                continue;
            }
            '{' => {
                let inner = braces(chars, at, depth)?;
                if done.len().saturating_mul(inner.len()) > ALTERNATIVES {
                    return Err(BadPattern);
                }
                done = done
                    .iter()
                    .flat_map(|head| inner.iter().map(move |tail| [head.as_slice(), tail.as_slice()].concat()))
                    .collect();
                continue;
            }
            c => Token::Char(c),
        };
        *at += 1;
        for tokens in &mut done {
            tokens.push(token.clone());
        }
    }
    Ok(done)
}

fn braces(chars: &[char], at: &mut usize, depth: usize) -> Result<Vec<Vec<Token>>, BadPattern> {
    if depth > 32 {
        return Err(BadPattern);
    }
    let mut all = Vec::new();
    loop {
        *at += 1;
        all.extend(sequence(chars, at, depth + 1)?);
        match chars.get(*at) {
            Some(',') => {}
            Some('}') => {
                *at += 1;
                return Ok(all);
            }
            _ => return Err(BadPattern),
        }
    }
}

fn set(chars: &[char], at: &mut usize) -> Result<Token, BadPattern> {
    *at += 1;
    let negated = chars.get(*at) == Some(&'!');
    *at += usize::from(negated);
    let mut ranges = Vec::new();
    loop {
        let mut low = *chars.get(*at).ok_or(BadPattern)?;
        if low == ']' {
            break;
        }
        if low == '\\' {
            *at += 1;
            low = *chars.get(*at).ok_or(BadPattern)?;
        }
        *at += 1;
        let mut high = low;
        if chars.get(*at) == Some(&'-') && chars.get(*at + 1).is_some_and(|c| *c != ']') {
            high = chars[*at + 1];
            *at += 2;
        }
        ranges.push((low, high));
    }
    *at += 1;
    if ranges.is_empty() { Err(BadPattern) } else { Ok(Token::Set(negated, ranges)) }
}

/// Matches by the set of positions that are still possible: linear in pattern times path.
fn tokens_match(tokens: &[Token], path: &[char]) -> bool {
    let mut states = vec![false; tokens.len() + 1];
    states[0] = true;
    let spread = |states: &mut [bool]| {
        for (index, token) in tokens.iter().enumerate() {
            if states[index] && matches!(token, Token::Star | Token::Super) {
                states[index + 1] = true;
            }
        }
    };
    spread(&mut states);
    for &c in path {
        let mut next = vec![false; tokens.len() + 1];
        for (index, token) in tokens.iter().enumerate() {
            if !states[index] {
                continue;
            }
            match token {
                Token::Char(want) => next[index + 1] |= *want == c,
                Token::One => next[index + 1] |= c != '/',
                Token::Star => next[index] |= c != '/',
                Token::Super => next[index] = true,
                Token::Set(negated, ranges) => {
                    next[index + 1] |= ranges.iter().any(|(low, high)| *low <= c && c <= *high) != *negated;
                }
            }
        }
        spread(&mut next);
        states = next;
    }
    states[tokens.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_match_is_gos() {
        for (pattern, name, matches) in [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "a", true),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("ab[c]", "abc", true),
            ("ab[^c]", "abc", false),
            ("ab[^b-d]", "abe", true),
            ("a\\*b", "a*b", true),
            ("a?b", "a/b", false),
            ("a[^a]b", "a☺b", true),
            ("*x", "xxx", true),
            ("*.y?ml", "a.yaml", true),
            ("", "", true),
            ("", "a", false),
            ("templates/.?*", "templates/.x", true),
        ] {
            assert_eq!(file_match(pattern, name), Ok(matches), "{pattern} {name}");
        }
        for bad in ["[]a]", "[-]", "[x-]", "[", "[^", "[^bc", "a[", "\\", "b[-"] {
            assert_eq!(file_match(bad, "a"), Err(BadPattern), "{bad}");
        }
    }

    #[test]
    fn glob_is_gobwas() {
        for (pattern, path, matches) in [
            ("dashboards/*.json", "dashboards/a.json", true),
            ("dashboards/*.json", "dashboards/x/a.json", false),
            ("**.json", "dashboards/x/a.json", true),
            ("files/**", "files/a/b", true),
            ("{a,b*}/c?", "bcd/cx", true),
            ("[!a]", "b", true),
            ("[a-c]x", "bx", true),
            ("*", "a/b", false),
            ("", "", true),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(path), matches, "{pattern} {path}");
        }
        assert!(Glob::new("{a").is_err());
        assert!(Glob::new("[a").is_err());
    }
}
