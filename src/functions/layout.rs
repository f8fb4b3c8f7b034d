//! Go's time layouts (`2006-01-02T15:04:05Z07:00`), to print and to read.

use jiff::Zoned;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A piece of a layout. Longer spellings stand before their prefixes.
const PIECES: &[&str] = &[
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "__2",
    "_2",
    "002",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "PM",
    "pm",
    "-07:00:00",
    "-070000",
    "-07:00",
    "-0700",
    "-07",
    "Z07:00:00",
    "Z070000",
    "Z07:00",
    "Z0700",
    "Z07",
    "1",
    "2",
    "3",
    "4",
    "5",
];

/// The next piece of a layout: the text before it, the piece, the text behind.
fn next_piece(layout: &str) -> (&str, &str, &str) {
    for (at, c) in layout.char_indices() {
        let rest = &layout[at..];
        if let Some(piece) = PIECES.iter().find(|piece| rest.starts_with(**piece)) {
            let lower_follows = rest[piece.len()..].starts_with(|c: char| c.is_ascii_lowercase());
            // `_2006` is an underscore before a year, `Janus` and `Monk` are words.
            if (*piece == "_2" && rest.starts_with("_2006")) || (matches!(*piece, "Jan" | "Mon") && lower_follows) {
                continue;
            }
            return (&layout[..at], &rest[..piece.len()], &rest[piece.len()..]);
        }
        if c == '.' || c == ',' {
            let digits = &rest[1..];
            let run = |digit| digits.len() - digits.trim_start_matches(digit).len();
            let count = run('0').max(run('9'));
            if count > 0 && !digits[count..].starts_with(|c: char| c.is_ascii_digit()) {
                return (&layout[..at], &rest[..=count], &rest[count + 1..]);
            }
        }
    }
    (layout, "", "")
}

/// Prints a time.
pub(super) fn format(time: &Zoned, layout: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let (before, piece, after) = next_piece(rest);
        out.push_str(before);
        if !piece.is_empty() {
            out.push_str(&printed(time, piece));
        }
        rest = after;
    }
    out
}

fn name(names: &'static [&'static str], index: i8) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

fn printed(time: &Zoned, piece: &str) -> String {
    let month = name(&MONTHS, time.month() - 1);
    let day = name(&DAYS, time.weekday().to_sunday_zero_offset());
    let hour12 = if time.hour() % 12 == 0 { 12 } else { time.hour() % 12 };
    match piece {
        "January" => month.to_owned(),
        "Jan" => month[..3].to_owned(),
        "1" => time.month().to_string(),
        "01" => format!("{:02}", time.month()),
        "Monday" => day.to_owned(),
        "Mon" => day[..3].to_owned(),
        "2" => time.day().to_string(),
        "_2" => format!("{:2}", time.day()),
        "02" => format!("{:02}", time.day()),
        "__2" => format!("{:3}", time.day_of_year()),
        "002" => format!("{:03}", time.day_of_year()),
        "15" => format!("{:02}", time.hour()),
        "3" => hour12.to_string(),
        "03" => format!("{hour12:02}"),
        "4" => time.minute().to_string(),
        "04" => format!("{:02}", time.minute()),
        "5" => time.second().to_string(),
        "05" => format!("{:02}", time.second()),
        "2006" => format!("{:04}", time.year()),
        "06" => format!("{:02}", time.year().rem_euclid(100)),
        "PM" => if time.hour() >= 12 { "PM" } else { "AM" }.to_owned(),
        "pm" => if time.hour() >= 12 { "pm" } else { "am" }.to_owned(),
        "MST" => zone_name(time),
        piece if piece.starts_with(['.', ',']) => fraction(time, piece),
        piece => offset(time.offset().seconds(), piece),
    }
}

/// The zone's abbreviation, `UTC` for the universal time.
pub(super) fn zone_name(time: &Zoned) -> String {
    let zone = time.time_zone();
    let name = zone.to_offset_info(time.timestamp()).abbreviation().to_owned();
    // A zone that is no more than an offset has no abbreviation, and the offset stands.
    if zone.iana_name().is_none() && name.starts_with(['+', '-']) {
        offset(time.offset().seconds(), "-0700")
    } else {
        name
    }
}

fn fraction(time: &Zoned, piece: &str) -> String {
    let digits = format!("{:09}", time.subsec_nanosecond());
    let wanted = piece.len() - 1;
    let mut shown: String = digits.chars().chain(std::iter::repeat('0')).take(wanted).collect();
    if piece.ends_with('9') {
        shown.truncate(shown.trim_end_matches('0').len());
        if shown.is_empty() {
            return String::new();
        }
    }
    format!("{}{shown}", &piece[..1])
}

fn offset(seconds: i32, piece: &str) -> String {
    if piece.starts_with('Z') && seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match &piece[1..] {
        "07" => format!("{sign}{hours:02}"),
        "0700" => format!("{sign}{hours:02}{minutes:02}"),
        "07:00" => format!("{sign}{hours:02}:{minutes:02}"),
        "070000" => format!("{sign}{hours:02}{minutes:02}{rest:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}:{rest:02}"),
    }
}

/// Reads a time; where the layout has no zone, it is in `zone`.
///
/// # Errors
/// Go's text of the error.
pub(super) fn parse(layout: &str, text: &str, zone: &TimeZone) -> Result<Zoned, String> {
    let failed = |piece: &str, rest: &str| {
        let (text, layout, rest, piece) = (quoted(text), quoted(layout), quoted(rest), quoted(piece));
        format!("parsing time {text} as {layout}: cannot parse {rest} as {piece}")
    };
    let range = |what: &str| format!("parsing time {}: {what} out of range", quoted(text));
    let within =
        |n: i8, low: i8, high: i8, what: &str| if (low..=high).contains(&n) { Ok(()) } else { Err(range(what)) };
    let (mut has_month, mut has_day, mut year_day): (bool, bool, Option<i16>) = (false, false, None);
    let (mut year, mut month, mut day) = (0i16, 1i8, 1i8);
    let (mut hour, mut minute, mut second, mut nanos) = (0i8, 0i8, 0i8, 0i32);
    let (mut afternoon, mut shift, mut utc) = (None, None, false);
    let mut abbreviation = None;
    let (mut rest_layout, mut rest) = (layout, text);
    loop {
        let (before, piece, after) = next_piece(rest_layout);
        rest = skip(rest, before).map_err(|left| failed(before, left))?;
        if piece.is_empty() {
            break;
        }
        let at = rest;
        let mut number = |min: usize, max: usize| -> Result<i16, String> {
            let digits = rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
            if digits < min {
                return Err(failed(piece, at));
            }
            let (found, left) = rest.split_at(digits);
            rest = left;
            found.parse().map_err(|_| failed(piece, at))
        };
        let small = |n: i16| i8::try_from(n).unwrap_or(i8::MAX);
        match piece {
            "2006" => year = number(4, 4)?,
            "06" => {
                let short = number(2, 2)?;
                year = if short >= 69 { 1900 + short } else { 2000 + short };
            }
            "01" | "1" => {
                month = small(number(piece.len(), 2)?);
                within(month, 1, 12, "month")?;
                has_month = true;
            }
            "02" | "2" => {
                day = small(number(piece.len(), 2)?);
                has_day = true;
            }
            "002" | "__2" => {
                if piece == "__2" {
                    let spaces = rest.bytes().take(2).take_while(|byte| *byte == b' ').count();
                    rest = &rest[spaces..];
                }
                let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
                if digits < 1 || (piece == "002" && digits < 3) {
                    return Err(failed(piece, at));
                }
                year_day = rest[..digits].parse().ok();
                rest = &rest[digits..];
            }
            "_2" => {
                rest = rest.strip_prefix(' ').unwrap_or(rest);
                let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
                day = rest[..digits].parse().map_err(|_| failed(piece, at))?;
                rest = &rest[digits..];
                has_day = true;
            }
            "15" => {
                hour = small(number(1, 2)?);
                within(hour, 0, 23, "hour")?;
            }
            "03" | "3" => {
                hour = small(number(piece.len(), 2)?);
                within(hour, 0, 12, "hour")?;
            }
            "04" | "4" => {
                minute = small(number(piece.len(), 2)?);
                within(minute, 0, 59, "minute")?;
            }
            "05" | "5" => {
                second = small(number(piece.len(), 2)?);
                within(second, 0, 59, "second")?;
                // Go takes a fraction here even where the layout has none.
                if !after.starts_with(['.', ',']) {
                    let digits =
                        rest.strip_prefix(['.', ',']).map_or(0, |f| f.bytes().take_while(u8::is_ascii_digit).count());
                    if digits > 0 {
                        nanos = nanoseconds(&rest[1..=digits]);
                        rest = &rest[digits + 1..];
                    }
                }
            }
            "January" | "Jan" => {
                let wanted = |name: &str| if piece == "Jan" { name[..3].to_owned() } else { name.to_owned() };
                let found = MONTHS.iter().position(|name| starts_with(rest, &wanted(name)));
                let found = found.ok_or_else(|| failed(piece, at))?;
                rest = &rest[wanted(MONTHS[found]).len()..];
                month = i8::try_from(found + 1).unwrap_or(1);
                has_month = true;
            }
            "Monday" | "Mon" => {
                let wanted = |name: &str| if piece == "Mon" { name[..3].to_owned() } else { name.to_owned() };
                let found =
                    DAYS.iter().find(|name| starts_with(rest, &wanted(name))).ok_or_else(|| failed(piece, at))?;
                rest = &rest[wanted(found).len()..];
            }
            "PM" | "pm" => {
                afternoon = match rest.get(..2).map(str::to_ascii_uppercase).as_deref() {
                    Some("PM") => Some(true),
                    Some("AM") => Some(false),
                    _ => return Err(failed(piece, at)),
                };
                rest = &rest[2..];
            }
            "MST" => {
                let letters = rest.bytes().take_while(u8::is_ascii_uppercase).count();
                if !(3..=5).contains(&letters) {
                    return Err(failed(piece, at));
                }
                utc = &rest[..letters] == "UTC";
                abbreviation = Some(&rest[..letters]);
                rest = &rest[letters..];
            }
            piece if piece.starts_with(['.', ',']) => {
                let digits =
                    rest.strip_prefix(['.', ',']).map_or(0, |f| f.bytes().take_while(u8::is_ascii_digit).count());
                if digits == 0 && piece.ends_with('9') {
                    rest_layout = after;
                    continue;
                }
                if digits == 0 || (piece.ends_with('0') && digits != piece.len() - 1) {
                    return Err(failed(piece, at));
                }
                nanos = nanoseconds(&rest[1..=digits]);
                rest = &rest[digits + 1..];
            }
            piece if piece.starts_with('Z') && rest.starts_with('Z') => {
                utc = true;
                rest = &rest[1..];
            }
            piece if piece.starts_with(['Z', '-']) => {
                let width = piece.len();
                let part = rest.get(..width).ok_or_else(|| failed(piece, at))?;
                shift = Some(read_offset(part, piece).map_err(|beyond| match beyond {
                    Some(what) => range(what),
                    None => failed(piece, at),
                })?);
                rest = &rest[width..];
            }
            piece => return Err(failed(piece, at)),
        }
        rest_layout = after;
    }
    if !rest.is_empty() {
        return Err(format!("parsing time {}: extra text: {}", quoted(text), quoted(rest)));
    }
    match afternoon {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    if let Some(number) = year_day {
        let date = Date::new(year, 1, 1).ok().filter(|first| number >= 1 && number <= first.days_in_year());
        let date = date.and_then(|first| first.with().day_of_year(number).build().ok());
        let date = date.ok_or_else(|| range("day-of-year"))?;
        let differs = |what: &str| format!("parsing time {}: day-of-year does not match {what}", quoted(text));
        if has_month && month != date.month() {
            return Err(differs("month"));
        }
        if has_day && day != date.day() {
            return Err(differs("day"));
        }
        (month, day) = (date.month(), date.day());
    }
    let date = Date::new(year, month, day).map_err(|_| range("day"))?;
    let time = Time::new(hour, minute, second, nanos).map_err(|_| {
        range(if hour > 23 {
            "hour"
        } else if minute > 59 {
            "minute"
        } else {
            "second"
        })
    })?;
    let moment = DateTime::from_parts(date, time);
    let local = moment.to_zoned(zone.clone()).map_err(|error| error.to_string())?;
    let zone = match (shift, abbreviation) {
        _ if utc => TimeZone::UTC,
        (Some(seconds), _) if local.offset().seconds() == seconds => return Ok(local),
        (Some(seconds), _) => TimeZone::fixed(Offset::from_seconds(seconds).map_err(|_| range("zone"))?),
        // An abbreviation that the local zone does not have is a zone of its own, without an offset.
        (None, Some(name)) if zone_name(&local) != name => {
            TimeZone::posix(&format!("{name}0")).map_err(|error| error.to_string())?
        }
        (None, _) => return Ok(local),
    };
    moment.to_zoned(zone).map_err(|error| error.to_string())
}

/// Takes what a layout has between its pieces off a text; any number of spaces stand for any other. The error is what was left
/// where the two part.
fn skip<'t>(mut text: &'t str, layout: &str) -> Result<&'t str, &'t str> {
    let mut wanted = layout.chars().peekable();
    while let Some(c) = wanted.next() {
        if c == ' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return Err(text);
            }
            while wanted.peek() == Some(&' ') {
                wanted.next();
            }
            text = text.trim_start_matches(' ');
        } else {
            text = text.strip_prefix(c).ok_or(text)?;
        }
    }
    Ok(text)
}

/// As Go's `time` quotes a text in its errors.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='\u{7f}' => out.push(c),
            c => out.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\x{byte:02x}"))),
        }
    }
    out.push('"');
    out
}

fn starts_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

fn nanoseconds(digits: &str) -> i32 {
    let nine: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
    nine.parse().unwrap_or(0)
}

/// Seconds of an offset that is written as the layout's piece is; else what of it is out of range, if that is what is wrong.
fn read_offset(text: &str, shape: &str) -> Result<i32, Option<&'static str>> {
    let (text, shape) = (text.as_bytes(), shape.as_bytes());
    let mut wrong = text.iter().zip(shape).any(|(found, wanted)| *wanted == b':' && *found != b':');
    if wrong {
        return Err(None);
    }
    let digits: Vec<u8> = text.iter().zip(shape).skip(1).filter(|(_, at)| **at != b':').map(|(c, _)| *c).collect();
    let (mut seconds, mut beyond) = (0, None);
    let names = ["time zone offset hour", "time zone offset minute", "time zone offset second"];
    for ((pair, name), (most, scale)) in digits.chunks(2).zip(names).zip([(24, 3600), (60, 60), (60, 1)]) {
        if !pair.iter().all(u8::is_ascii_digit) {
            wrong = true;
            break;
        }
        let number = pair.iter().fold(0, |number, digit| number * 10 + i32::from(digit - b'0'));
        if number > most {
            beyond = Some(name);
        }
        seconds += number * scale;
    }
    match text.first() {
        _ if beyond.is_some() => Err(beyond),
        Some(b'+') if !wrong => Ok(seconds),
        Some(b'-') if !wrong => Ok(-seconds),
        _ => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads() {
        let time = parse("2006-01-02T15:04:05Z07:00", "2024-02-03T04:05:06.5+01:00", &TimeZone::UTC).unwrap();
        for (layout, text) in [
            ("2006-01-02T15:04:05Z07:00", "2024-02-03T04:05:06+01:00"),
            ("Mon Jan _2 3:04PM 06", "Sat Feb  3 4:05AM 24"),
            ("Monday, January 2", "Saturday, February 3"),
            ("20060102150405.000", "20240203040506.500"),
            ("05.999", "06.5"),
            ("002", "034"),
            ("Janus", "Janus"),
        ] {
            assert_eq!(format(&time, layout), text, "{layout}");
        }
        assert_eq!(
            parse("2006-01-02", "x", &TimeZone::UTC).unwrap_err(),
            "parsing time \"x\" as \"2006-01-02\": cannot parse \"x\" as \"2006\""
        );
        assert_eq!(
            parse("2006-01-02", "2024-13-01", &TimeZone::UTC).unwrap_err(),
            "parsing time \"2024-13-01\": month out of range"
        );
    }
}
