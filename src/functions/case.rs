//! Letters' cases and categories as Go's `unicode` has them: one character for one, by the general category alone.

use std::sync::LazyLock;

use regex::Regex;

/// Go's `unicode.ToUpper`.
pub(super) fn upper(c: char) -> char {
    match u32::from(c) {
        // Letters with an iota below: their full upper case is two letters, their simple one is the title case.
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => plus(c, 8),
        0x1fb3 | 0x1fc3 | 0x1ff3 => plus(c, 9),
        _ => single(c.to_uppercase(), c),
    }
}

/// Go's `unicode.ToLower`.
pub(super) fn lower(c: char) -> char {
    if c == 'İ' { 'i' } else { single(c.to_lowercase(), c) }
}

/// Go's `unicode.ToTitle`.
pub(super) fn titled(c: char) -> char {
    match c {
        'Ǆ' | 'ǅ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǈ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǋ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǲ' | 'ǳ' => 'ǲ',
        // Georgian letters have an upper case for headlines alone.
        '\u{10d0}'..='\u{10ff}' => c,
        _ => upper(c),
    }
}

/// The other case where it is one character.
fn single(mut cased: impl Iterator<Item = char>, c: char) -> char {
    match (cased.next(), cased.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn plus(c: char, distance: u32) -> char {
    char::from_u32(u32::from(c) + distance).unwrap_or(c)
}

/// Go's `unicode.IsUpper`.
pub(super) fn is_upper(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { c.is_uppercase() && is(c, &UPPER) }
}

/// Go's `unicode.IsLower`.
pub(super) fn is_lower(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_lowercase() } else { c.is_lowercase() && is(c, &LOWER) }
}

/// Go's `unicode.IsTitle`.
pub(super) fn is_title(c: char) -> bool {
    !c.is_ascii() && is(c, &TITLE)
}

/// Go's `unicode.IsPunct`.
pub(super) fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
    } else {
        is(c, &PUNCTUATION)
    }
}

type Category = LazyLock<Option<Regex>>;

static UPPER: Category = LazyLock::new(|| Regex::new(r"\p{Lu}").ok());
static LOWER: Category = LazyLock::new(|| Regex::new(r"\p{Ll}").ok());
static TITLE: Category = LazyLock::new(|| Regex::new(r"\p{Lt}").ok());
static PUNCTUATION: Category = LazyLock::new(|| Regex::new(r"\p{P}").ok());

fn is(c: char, category: &Category) -> bool {
    category.as_ref().is_some_and(|category| category.is_match(c.encode_utf8(&mut [0; 4])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_for_one() {
        for (c, up, low, title) in [
            ('ß', 'ß', 'ß', 'ß'),
            ('ᾳ', 'ᾼ', 'ᾳ', 'ᾼ'),
            ('İ', 'İ', 'i', 'İ'),
            ('ǆ', 'Ǆ', 'ǆ', 'ǅ'),
            ('a', 'A', 'a', 'A'),
        ] {
            assert_eq!((upper(c), lower(c), titled(c)), (up, low, title), "{c}");
        }
        assert!(is_punctuation('«') && !is_punctuation('+') && is_title('ǅ') && !is_upper('Ⅷ'));
    }
}
