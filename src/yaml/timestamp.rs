//! Which plain texts go-yaml takes for a timestamp. Their values stay texts, but such a text is quoted when it is written.

/// True when Go's `time.Parse` takes the text in one of go-yaml's four layouts: a date; a date and a time after a space; or a
/// date, `T` or `t`, a time and a zone. Month, day, hour, minute and second may have one digit.
pub(super) fn is_timestamp(text: &str) -> bool {
    date(text).is_some_and(|(rest, separator_needed)| {
        rest.is_empty()
            || (separator_needed
                && match rest.split_at_checked(1) {
                    Some((" ", clock)) => time(clock) == Some(""),
                    Some(("T" | "t", clock)) => time(clock).is_some_and(zone),
                    _ => false,
                })
    })
}

/// `2006-1-2`, and what follows.
fn date(text: &str) -> Option<(&str, bool)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits != 4 {
        return None;
    }
    let year: u32 = text[..4].parse().ok()?;
    let (month, rest) = number(text[4..].strip_prefix('-')?)?;
    let (day, rest) = number(rest.strip_prefix('-')?)?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    (1..=days).contains(&day).then_some((rest, true))
}

/// `15:4:5` with an optional fraction, and what follows.
fn time(text: &str) -> Option<&str> {
    let (hour, rest) = number(text)?;
    let (minute, rest) = number(rest.strip_prefix(':')?)?;
    let (second, rest) = number(rest.strip_prefix(':')?)?;
    if hour >= 24 || minute >= 60 || second >= 60 {
        return None;
    }
    let Some(fraction) = rest.strip_prefix(['.', ',']) else { return Some(rest) };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    Some(if digits == 0 { rest } else { &fraction[digits..] })
}

/// `Z` or `+07:00`, and nothing else.
fn zone(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|d| d.is_ascii_digit()) => {
            (h1 - b'0') * 10 + (h2 - b'0') <= 24 && (m1 - b'0') * 10 + (m2 - b'0') < 60
        }
        _ => false,
    }
}

/// One or two digits.
fn number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    Some((text[..digits].parse().ok()?, &text[digits..]))
}
