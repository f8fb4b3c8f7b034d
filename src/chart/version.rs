//! Versions and version ranges as Masterminds/semver 3.3 reads them: loose (`v1`, `1.2`), with `~`, `^`, wildcards, hyphen ranges
//! and `||`. Dependencies and `kubeVersion` are checked with this, and the `semver` functions print it.

use std::cmp::Ordering;
use std::fmt;

/// A text that is not a version, or not a range. The message is Masterminds'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The version has an invalid shape.
    #[error("Invalid Semantic Version")]
    Invalid,
    /// A numeric part starts with a zero.
    #[error("Version segment starts with 0")]
    LeadingZero,
    /// A number beyond 64 bits.
    #[error("Error parsing version segment: strconv.ParseUint: parsing \"{0}\": value out of range")]
    Range(String),
    /// The range has an invalid shape.
    #[error("improper constraint: {0}")]
    Constraint(String),
    /// The version inside of a range is invalid.
    #[error("constraint Parser Error")]
    ConstraintVersion,
}

/// A semantic version, loosely read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// Major number.
    pub major: u64,
    /// Minor number, 0 when it was left out.
    pub minor: u64,
    /// Patch number, 0 when it was left out.
    pub patch: u64,
    /// What stands behind `-`.
    pub prerelease: String,
    /// What stands behind `+`.
    pub metadata: String,
    /// The text as it was written.
    pub original: String,
}

impl Version {
    /// Reads `v1.2.3-rc.1+build` and shorter forms.
    ///
    /// # Errors
    /// When the text is no version.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let parts = Parts::scan(text, false).ok_or(VersionError::Invalid)?;
        if parts.rest != text.len() {
            return Err(VersionError::Invalid);
        }
        let number = |digits: &str| -> Result<u64, VersionError> {
            if digits.is_empty() { Ok(0) } else { digits.parse().map_err(|_| VersionError::Range(digits.to_owned())) }
        };
        let version = Self {
            major: number(parts.major)?,
            minor: number(parts.minor)?,
            patch: number(parts.patch)?,
            prerelease: parts.prerelease.to_owned(),
            metadata: parts.metadata.to_owned(),
            original: text.to_owned(),
        };
        for part in version.prerelease.split('.') {
            if part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(VersionError::LeadingZero);
            }
        }
        Ok(version)
    }

    /// Order by precedence; metadata counts for nothing.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| compare_prerelease(&self.prerelease, &other.prerelease))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn compare_prerelease(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The parts of a version at the start of a text. With `wild`, `x`, `X` and `*` count as digits.
struct Parts<'a> {
    major: &'a str,
    minor: &'a str,
    patch: &'a str,
    prerelease: &'a str,
    metadata: &'a str,
    /// Where the version ends.
    rest: usize,
}

impl<'a> Parts<'a> {
    fn scan(text: &'a str, wild: bool) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut at = usize::from(bytes.first() == Some(&b'v'));
        let digits = |from: usize| {
            let is = |b: &u8| b.is_ascii_digit() || (wild && matches!(b, b'x' | b'X' | b'*' | b'|'));
            from + bytes[from..].iter().take_while(|b| is(b)).count()
        };
        let end = digits(at);
        if end == at {
            return None;
        }
        let major = &text[at..end];
        at = end;
        let mut optional = || {
            if bytes.get(at) == Some(&b'.') && digits(at + 1) > at + 1 {
                let start = at + 1;
                at = digits(start);
                &text[start..at]
            } else {
                ""
            }
        };
        let minor = optional();
        let patch = if minor.is_empty() { "" } else { optional() };
        let mut identifiers = |mark: u8| {
            if bytes.get(at) != Some(&mark) {
                return "";
            }
            let word = |from: usize| {
                from + bytes[from..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count()
            };
            let start = at + 1;
            let mut end = word(start);
            if end == start {
                return "";
            }
            while bytes.get(end) == Some(&b'.') && word(end + 1) > end + 1 {
                end = word(end + 1);
            }
            at = end;
            &text[start..end]
        };
        let prerelease = identifiers(b'-');
        let metadata = identifiers(b'+');
        Some(Self { major, minor, patch, prerelease, metadata, rest: at })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    TildeOrEqual,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// Longest first, so that a prefix never wins.
const OPERATORS: &[(&str, Operator)] = &[
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterEqual),
    ("=>", Operator::GreaterEqual),
    ("<=", Operator::LessEqual),
    ("=<", Operator::LessEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::TildeOrEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

#[derive(Debug, Clone)]
struct Bound {
    operator: Operator,
    version: Version,
    minor_dirty: bool,
    patch_dirty: bool,
    dirty: bool,
}

/// A range of versions: any of several lists, all bounds of which have to hold.
#[derive(Debug, Clone)]
pub struct Constraint {
    any: Vec<Vec<Bound>>,
}

impl Constraint {
    /// Reads `>=1.2, <2 || ~3.1`, `1.x`, `1.2 - 2.0`.
    ///
    /// # Errors
    /// When the text is no range.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let text = rewrite_ranges(text);
        let any = text.split("||").map(parse_all).collect::<Result<_, _>>()?;
        Ok(Self { any })
    }

    /// Whether a version is inside of the range. A pre-release is only inside where a bound names one.
    #[must_use]
    pub fn check(&self, version: &Version) -> bool {
        self.any.iter().any(|all| all.iter().all(|bound| bound.check(version)))
    }
}

/// Whether `version` satisfies `constraint`; an invalid one of either satisfies nothing (Helm: `IsCompatibleRange`).
#[must_use]
pub fn is_compatible(constraint: &str, version: &str) -> bool {
    match (Version::parse(version), Constraint::parse(constraint)) {
        (Ok(version), Ok(constraint)) => constraint.check(&version),
        _ => false,
    }
}

/// `a - b` becomes `>=a <=b`.
fn rewrite_ranges(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some((low, high, length)) = hyphen_range(rest) {
            out.push_str(&format!(" >={low}, <={high} "));
            at += length;
        } else {
            let next = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(&rest[..next]);
            at += next;
        }
    }
    out
}

fn hyphen_range(text: &str) -> Option<(&str, &str, usize)> {
    let start = text.len() - text.trim_start().len();
    let low = Parts::scan(&text[start..], true)?.rest;
    let middle = &text[start + low..];
    let dash = middle.len() - middle.trim_start().len();
    let after = middle[dash..].strip_prefix('-')?;
    let gap = after.len() - after.trim_start().len();
    if dash == 0 || gap == 0 {
        return None;
    }
    let high = Parts::scan(&after[gap..], true)?.rest;
    let end = start + low + dash + 1 + gap + high;
    Some((&text[start..start + low], &after[gap..gap + high], end))
}

fn parse_all(text: &str) -> Result<Vec<Bound>, VersionError> {
    let improper = || VersionError::Constraint(text.to_owned());
    let mut bounds = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let (operator, after) = OPERATORS
            .iter()
            .find_map(|(sign, operator)| rest.strip_prefix(sign).map(|after| (*operator, after.trim_start())))
            .unwrap_or((Operator::TildeOrEqual, rest));
        let parts = Parts::scan(after, true).ok_or_else(improper)?;
        bounds.push(bound(operator, &parts)?);
        let tail = &after[parts.rest..];
        let trimmed = tail.trim_start();
        if trimmed.is_empty() {
            return Ok(bounds);
        }
        rest = match trimmed.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if trimmed.len() < tail.len() => trimmed,
            None => return Err(improper()),
        };
    }
}

fn bound(operator: Operator, parts: &Parts<'_>) -> Result<Bound, VersionError> {
    let wild = |part: &str| matches!(part, "" | "x" | "X" | "*");
    let prerelease = if parts.prerelease.is_empty() { String::new() } else { format!("-{}", parts.prerelease) };
    let (mut minor_dirty, mut patch_dirty, mut dirty) = (false, false, false);
    let text = if wild(parts.major) {
        dirty = true;
        // `*` is `>=0.0.0`.
        return Ok(Bound {
            operator: if operator == Operator::TildeOrEqual { Operator::GreaterEqual } else { operator },
            version: Version::parse(&format!("0.0.0{prerelease}")).map_err(|_| VersionError::ConstraintVersion)?,
            minor_dirty,
            patch_dirty,
            dirty,
        });
    } else if wild(parts.minor) {
        minor_dirty = true;
        dirty = true;
        format!("{}.0.0{prerelease}", parts.major)
    } else if wild(parts.patch) {
        patch_dirty = true;
        dirty = true;
        format!("{}.{}.0{prerelease}", parts.major, parts.minor)
    } else {
        format!("{}.{}.{}{prerelease}", parts.major, parts.minor, parts.patch)
    };
    let version = Version::parse(&text).map_err(|_| VersionError::ConstraintVersion)?;
    Ok(Bound { operator, version, minor_dirty, patch_dirty, dirty })
}

impl Bound {
    fn check(&self, v: &Version) -> bool {
        let con = &self.version;
        // A bound without a pre-release takes none; but `!=` of a full version takes them all.
        let asks_equality = self.operator == Operator::NotEqual && !self.dirty;
        if !v.prerelease.is_empty() && con.prerelease.is_empty() && !asks_equality {
            return false;
        }
        match self.operator {
            Operator::TildeOrEqual if self.dirty => self.tilde(v),
            Operator::TildeOrEqual => v.compare(con) == Ordering::Equal,
            Operator::NotEqual => self.not_equal(v),
            Operator::Greater if !self.dirty => v.compare(con) == Ordering::Greater,
            Operator::Greater => match v.major.cmp(&con.major) {
                Ordering::Greater => true,
                Ordering::Less => false,
                Ordering::Equal if self.minor_dirty => false,
                Ordering::Equal if self.patch_dirty => v.minor > con.minor,
                Ordering::Equal => v.compare(con) == Ordering::Greater,
            },
            Operator::Less => v.compare(con) == Ordering::Less,
            Operator::GreaterEqual => v.compare(con) != Ordering::Less,
            Operator::LessEqual if !self.dirty => v.compare(con) != Ordering::Greater,
            Operator::LessEqual => {
                v.major < con.major || (v.major == con.major && (v.minor <= con.minor || self.minor_dirty))
            }
            Operator::Tilde => self.tilde(v),
            Operator::Caret => self.caret(v),
        }
    }

    fn not_equal(&self, v: &Version) -> bool {
        let con = &self.version;
        if self.dirty {
            if v.major != con.major {
                return true;
            }
            if self.minor_dirty {
                return false;
            }
            if v.minor != con.minor {
                return true;
            }
            if self.patch_dirty {
                return compare_prerelease(&v.prerelease, &con.prerelease) != Ordering::Equal
                    && !(v.prerelease.is_empty() && con.prerelease.is_empty());
            }
        }
        v.compare(con) != Ordering::Equal
    }

    fn tilde(&self, v: &Version) -> bool {
        let con = &self.version;
        if v.compare(con) == Ordering::Less {
            return false;
        }
        // `~*` and `~0.0.0` take everything.
        if (con.major, con.minor, con.patch) == (0, 0, 0) && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        v.major == con.major && (v.minor == con.minor || self.minor_dirty)
    }

    fn caret(&self, v: &Version) -> bool {
        let con = &self.version;
        if v.compare(con) == Ordering::Less {
            return false;
        }
        if con.major > 0 || self.minor_dirty {
            return v.major == con.major;
        }
        if v.major > 0 {
            return false;
        }
        if con.minor > 0 || self.patch_dirty {
            return v.minor == con.minor;
        }
        v.minor == 0 && v.patch == con.patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_loosely_and_prints_in_full() {
        for (text, full) in
            [("1", "1.0.0"), ("v1.2", "1.2.0"), ("1.2.3-rc.1+b.2", "1.2.3-rc.1+b.2"), ("01.2.3", "1.2.3")]
        {
            assert_eq!(Version::parse(text).unwrap().to_string(), full);
        }
        for bad in ["", "a", "1.", "1.2.3.4", "1.2.3-", "1.2.3-01", " 1", "V1", "1-b_c"] {
            assert!(Version::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn orders_prereleases_by_their_parts() {
        let order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0"];
        for pair in order.windows(2) {
            let (a, b) = (Version::parse(pair[0]).unwrap(), Version::parse(pair[1]).unwrap());
            assert_eq!(a.compare(&b), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn ranges() {
        for (range, version, inside) in [
            (">=1.28.0-0", "v1.32.0", true),
            (">=1.19.0", "1.20.0-gke.1", false),
            (">=1.19.0-0", "1.20.0-gke.1", true),
            ("^1.2", "1.9.0", true),
            ("^1.2", "2.0.0", false),
            ("^0.2.3", "0.3.0", false),
            ("~1.2.3", "1.2.9", true),
            ("~1.2.3", "1.3.0", false),
            ("~1", "1.9.0", true),
            ("1.x", "1.4.5", true),
            ("1.x", "2.0.0", false),
            ("*", "9.9.9", true),
            ("1.2 - 2.0", "1.5.0", true),
            ("1.2 - 2.0", "2.1.0", false),
            (">=1 <2 || >=3", "3.1.0", true),
            (">=1, <2", "2.1.0", false),
            ("!=1.2", "1.2.4", false),
            ("!=1.2.3", "1.2.4", true),
            ("!=1.2.3", "1.2.4-rc.1", true),
            ("!=1.2", "1.3.0-rc.1", false),
            (">1.2", "1.2.9", false),
            (">1.2", "1.3.0", true),
            ("<=1.2", "1.2.9", true),
            ("=1.2.3", "1.2.3", true),
            ("1.2.3", "1.2.4", false),
        ] {
            assert_eq!(is_compatible(range, version), inside, "{range} {version}");
        }
        for bad in ["", "a", ">=", "1.2.3 foo", "1.2.3,", ">> 1"] {
            assert!(Constraint::parse(bad).is_err(), "{bad}");
        }
    }
}
