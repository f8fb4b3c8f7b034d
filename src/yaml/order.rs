//! The order in which go-yaml writes the keys of a map: digits within a key count as numbers, letters come last.

use std::sync::LazyLock;

use regex::Regex;

#[expect(clippy::unwrap_used, reason = "a constant expression, compiled in a test")]
static LETTER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{L}$").unwrap());
#[expect(clippy::unwrap_used, reason = "a constant expression, compiled in a test")]
static DIGIT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{Nd}$").unwrap());

fn is(class: &Regex, ascii: fn(&char) -> bool, c: char) -> bool {
    if c.is_ascii() { ascii(&c) } else { class.is_match(c.encode_utf8(&mut [0; 4])) }
}

fn is_letter(c: char) -> bool {
    is(&LETTER, char::is_ascii_alphabetic, c)
}

fn is_digit(c: char) -> bool {
    is(&DIGIT, char::is_ascii_digit, c)
}

/// The number that starts at `at`, wrapping as Go's int64 does, and where it ends.
fn number(text: &[char], at: usize, start: i64) -> (i64, usize) {
    let mut end = at;
    let mut value = start;
    while let Some(c) = text.get(end).filter(|c| is_digit(**c)) {
        value = value.wrapping_mul(10).wrapping_add(i64::from(u32::from(*c)) - i64::from(u32::from('0')));
        end += 1;
    }
    (value, end)
}

/// True when go-yaml v2 writes key `a` before key `b`: `a2` before `a10`, `_` and digits before letters.
#[must_use]
pub fn natural_less(a: &str, b: &str) -> bool {
    less(a, b, false)
}

/// True when go-yaml v3 writes key `a` before key `b`: as v2, but letters come first where a number has just ended.
pub(super) fn natural_less_v3(a: &str, b: &str) -> bool {
    less(a, b, true)
}

fn less(a: &str, b: &str, letters_end_numbers: bool) -> bool {
    if let Some((x, y)) = a.bytes().zip(b.bytes()).find(|(x, y)| x != y)
        && x.is_ascii_alphabetic()
        && y.is_ascii_alphabetic()
    {
        return x < y;
    }
    // Most keys share no long prefix; only the characters from the first difference on matter, and the digits before it.
    let (ar, br): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(i) = ar.iter().zip(&br).position(|(x, y)| x != y) else { return ar.len() < br.len() };
    let (x, y) = (ar[i], br[i]);
    let (xl, yl) = (is_letter(x), is_letter(y));
    if xl && yl {
        return x < y;
    }
    if xl || yl {
        let in_number = letters_end_numbers && ar[..i].last().is_some_and(|c| is_digit(*c));
        return if in_number { xl } else { yl };
    }
    // A zero inside of a number is no leading zero.
    let inside = (x == '0' || y == '0') && ar[..i].iter().rev().take_while(|c| is_digit(**c)).any(|c| *c != '0');
    let start = i64::from(inside);
    let ((xn, xe), (yn, ye)) = (number(&ar, i, start), number(&br, i, start));
    if xn != yn {
        return xn < yn;
    }
    if xe != ye {
        return xe < ye;
    }
    x < y
}

/// Sorts keys as go-yaml does. A merge sort of our own, because Go's rule is no total order for numbers that overflow, which
/// the standard library's sort may answer with a panic.
pub(super) fn sort(keys: &mut Vec<&str>, less: fn(&str, &str) -> bool) {
    if keys.len() < 2 {
        return;
    }
    let mut right = keys.split_off(keys.len() / 2);
    sort(keys, less);
    sort(&mut right, less);
    let left = std::mem::take(keys);
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(l), Some(r)) = (left.peek(), right.peek()) {
        let next = if less(r, l) { right.next() } else { left.next() };
        keys.extend(next);
    }
    keys.extend(left);
    keys.extend(right);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_as_numbers() {
        let mut keys = vec!["b", "a10", "a2", "A", "_", "a", "1", "a1b", "a1", "aa", "Z", "é", "a01", "a-b", "a_b"];
        sort(&mut keys, natural_less);
        assert_eq!(keys, ["_", "1", "A", "Z", "a", "a-b", "a_b", "a1", "a1b", "a01", "a2", "a10", "aa", "b", "é"]);
        assert!(is_letter('ß') && !is_letter('1') && is_digit('٣'));
    }
}
