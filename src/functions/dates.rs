//! Times, durations and dates.

use std::any::Any;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::{Clock, Surroundings, fixed, layout};
use crate::template::{FuncError, FunctionTable, Kind, Method, Object, Signature, Type, Value};

const A: Type = Type::Any;
const S: Type = Type::String;
const TIME: Type = Type::Object("time.Time");

/// Go's `time.Time`, with the nanoseconds that a monotonic clock read, where it has any.
#[derive(Debug, Clone, PartialEq)]
struct Time(Zoned, Option<i128>, Place);

/// What Go holds for the zone of a time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// `time.UTC`, which is nil in a time.
    Utc,
    /// `time.Local`
    Local,
    /// A zone of its own, with a name or without.
    Fixed(&'static str),
}

/// The place of a time that was read by a layout in the local zone.
fn place_of(read: &Zoned, layout: &str, text: &str, local: &TimeZone) -> Place {
    if (layout.contains("Z07") && text.ends_with('Z')) || (layout.contains("MST") && text.contains("UTC")) {
        Place::Utc
    } else if read.time_zone() == local || read.offset() == local.to_offset(read.timestamp()) {
        Place::Local
    } else {
        Place::Fixed("")
    }
}

pub(super) fn register(table: &mut FunctionTable, surroundings: &Surroundings) {
    let (clock, zone) = (surroundings.now.clone(), surroundings.zone.clone());
    let monotonic = surroundings.monotonic.map(|read| read.as_nanos());
    let local = move || zone.clone();
    table.add("now", fixed(&[]), {
        let (local, clock) = (local.clone(), clock.clone());
        move |_, _| Ok(Value::object(Time(clock.now().to_zoned(local()), monotonic, Place::Local)))
    });
    let of_clock = clock.clone();
    let in_zone = move |layout: &str, date: &Value, zone: TimeZone| -> Value {
        layout::format(&moment(date, &of_clock).to_zoned(zone), layout).into()
    };
    let named = |name: &str, local: &TimeZone| match name {
        "Local" => local.clone(),
        "" => TimeZone::UTC,
        name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
    };
    {
        let name = "date";
        let (local, in_zone) = (local.clone(), in_zone.clone());
        table.add(name, fixed(&[S, A]), move |_, a| Ok(in_zone(a[0].str(), &a[1], local())));
    }
    for name in ["dateInZone", "date_in_zone"] {
        let (local, in_zone) = (local.clone(), in_zone.clone());
        table.add(name, fixed(&[S, A, S]), move |_, a| Ok(in_zone(a[0].str(), &a[1], named(a[2].str(), &local()))));
    }
    table.add("htmlDate", fixed(&[A]), {
        let (local, in_zone) = (local.clone(), in_zone.clone());
        move |_, a| Ok(in_zone("2006-01-02", &a[0], local()))
    });
    table.add("htmlDateInZone", fixed(&[A, S]), {
        let local = local.clone();
        move |_, a| Ok(in_zone("2006-01-02", &a[0], named(a[1].str(), &local())))
    });
    for name in ["dateModify", "date_modify", "mustDateModify", "must_date_modify"] {
        let must = name.starts_with("must");
        table.add(name, fixed(&[S, TIME]), move |_, a| {
            let Some(Time(time, monotonic, place)) = a[1].downcast() else { return Ok(a[1].clone()) };
            match parse_duration(a[0].str()) {
                Ok(span) => Ok(time.checked_add(span).map_or_else(
                    |_| a[1].clone(),
                    |time| Value::object(Time(time, monotonic.map(|read| read + span.as_nanos()), *place)),
                )),
                Err(error) if must => Err(error.into()),
                Err(_) => Ok(a[1].clone()),
            }
        });
    }
    table.add("toDate", fixed(&[S, S]), {
        let local = local.clone();
        move |_, a| {
            let (layout, text, zone) = (a[0].str(), a[1].str(), local());
            Ok(Value::object(match layout::parse(layout, text, &zone) {
                Ok(time) => {
                    let place = place_of(&time, layout, text, &zone);
                    Time(time, None, place)
                }
                Err(_) => Time(zero(), None, Place::Utc),
            }))
        }
    });
    table.add("mustToDate", fixed(&[S, S]), move |_, a| {
        let (layout, text, zone) = (a[0].str(), a[1].str(), local());
        let time = layout::parse(layout, text, &zone).map_err(FuncError::new)?;
        let place = place_of(&time, layout, text, &zone);
        Ok(Value::object(Time(time, None, place)))
    });
    table.add("unixEpoch", fixed(&[TIME]), |_, a| {
        let seconds = a[0].downcast::<Time>().map_or(0, |time| time.0.timestamp().as_second());
        Ok(seconds.to_string().into())
    });
    let of_clock = clock.clone();
    table.add("ago", fixed(&[A]), move |_, a| {
        let nanos = of_clock.now().duration_since(moment(&a[0], &of_clock)).as_nanos();
        let seconds = (nanos.unsigned_abs() + 500_000_000) / 1_000_000_000;
        let seconds = i128::try_from(seconds).unwrap_or(i128::MAX / 1_000_000_000);
        Ok(go_duration(seconds * 1_000_000_000 * nanos.signum()).into())
    });
    table.add("duration", fixed(&[A]), |_, a| {
        let seconds = match &a[0] {
            Value::String(text) => text.parse().unwrap_or(0),
            Value::Int64(n) => *n,
            _ => 0i64,
        };
        Ok(go_duration(i128::from(seconds.wrapping_mul(1_000_000_000))).into())
    });
    table.add("durationRound", fixed(&[A]), move |_, a| {
        let nanos = match &a[0] {
            Value::String(text) => parse_duration(text).map_or(0, |span| span.as_nanos()),
            Value::Int64(n) => i128::from(*n),
            Value::Object(_) => {
                a[0].downcast::<Time>().map_or(0, |t| clock.now().duration_since(t.0.timestamp()).as_nanos())
            }
            _ => 0,
        };
        Ok(rounded(nanos.unsigned_abs()).into())
    });
}

/// The time that an argument stands for: a time, seconds since the epoch, and for anything else now.
fn moment(value: &Value, clock: &Clock) -> Timestamp {
    match value {
        Value::Int64(n) | Value::Int(n) => Timestamp::from_second(*n).unwrap_or_else(|_| clock.now()),
        Value::Int32(n) => Timestamp::from_second(i64::from(*n)).unwrap_or_else(|_| clock.now()),
        other => other.downcast::<Time>().map_or_else(|| clock.now(), |time| time.0.timestamp()),
    }
}

/// RFC 3339 with as many decimals as there are.
const RFC3339: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// The time of a TOML text, where a zone is left out in UTC.
pub(super) fn from_toml(text: &str) -> Option<Value> {
    let layouts = [
        (RFC3339, ""),
        ("2006-01-02T15:04:05.999999999", "datetime-local"),
        ("2006-01-02", "date-local"),
        ("15:04:05.999999999", "time-local"),
    ];
    let (time, layout, name) = layouts
        .iter()
        .find_map(|(layout, name)| Some((layout::parse(layout, text, &TimeZone::UTC).ok()?, layout, name)))?;
    // Go reads an hour of one digit; TOML has none.
    let marks = layout.bytes().zip(text.bytes()).take_while(|(wanted, _)| !matches!(wanted, b'.' | b'Z'));
    if marks.into_iter().any(|(wanted, found)| !wanted.is_ascii_digit() && found != wanted) {
        return None;
    }
    let place = if text.ends_with('Z') { Place::Utc } else { Place::Fixed(name) };
    Some(Value::object(Time(time, None, place)))
}

/// A time as TOML has it.
pub(super) fn toml(value: &Value) -> Option<String> {
    value.downcast::<Time>().map(|time| layout::format(&time.0, RFC3339))
}

/// Go's zero time.
fn zero() -> Zoned {
    jiff::civil::date(1, 1, 1).to_zoned(TimeZone::UTC).unwrap_or_default()
}

fn rounded(nanos: u128) -> String {
    const SECOND: u128 = 1_000_000_000;
    for (unit, name) in [
        (SECOND * 3600 * 24 * 365, "y"),
        (SECOND * 3600 * 24 * 30, "mo"),
        (SECOND * 3600 * 24, "d"),
        (SECOND * 3600, "h"),
        (SECOND * 60, "m"),
        (SECOND, "s"),
    ] {
        if nanos > unit {
            return format!("{}{name}", nanos / unit);
        }
    }
    "0s".to_owned()
}

/// Go's `Duration.String`.
fn go_duration(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let decimals = |value: u128, unit: u128| {
        let fraction = format!("{:0width$}", value % unit, width = unit.ilog10() as usize);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() || unit == 1 { String::new() } else { format!(".{fraction}") };
        format!("{}{point}", value / unit)
    };
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000 {
        return format!("{sign}{nanos}ns");
    }
    if nanos < 1_000_000 {
        return format!("{sign}{}µs", decimals(nanos, 1_000));
    }
    if nanos < 1_000_000_000 {
        return format!("{sign}{}ms", decimals(nanos, 1_000_000));
    }
    let seconds = decimals(nanos % 60_000_000_000, 1_000_000_000);
    let minutes = nanos / 60_000_000_000;
    if minutes == 0 {
        format!("{sign}{seconds}s")
    } else if minutes < 60 {
        format!("{sign}{minutes}m{seconds}s")
    } else {
        format!("{sign}{}h{}m{seconds}s", minutes / 60, minutes % 60)
    }
}

/// Go's `ParseDuration`.
///
/// # Errors
/// In Go's words.
pub fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanos = 0f64;
    let mut whole = 0i128;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        if number.is_empty() || number == "." || number.matches('.').count() > 1 {
            return Err(invalid());
        }
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, left) = after.split_at(end);
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            unit => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
        };
        let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
        let integer: i128 = if integer.is_empty() { 0 } else { integer.parse().map_err(|_| invalid())? };
        whole = integer.checked_mul(scale).and_then(|n| whole.checked_add(n)).ok_or_else(invalid)?;
        if !fraction.is_empty() {
            #[expect(clippy::cast_precision_loss, reason = "a fraction of a unit is below 2^42 nanoseconds")]
            let part = format!("0.{fraction}").parse::<f64>().unwrap_or(0.0) * scale as f64;
            nanos += part.trunc();
        }
        rest = left;
    }
    #[expect(clippy::cast_possible_truncation, reason = "fractions of units, each below an hour")]
    let total = whole + nanos as i128;
    let total = i64::try_from(total).map_err(|_| invalid())?;
    Ok(SignedDuration::from_nanos(if negative { -total } else { total }))
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// Go's fields have names that templates cannot see; `printf` prints them by verbs that a time does not answer itself.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        let timestamp = self.0.timestamp();
        let place = match self.2 {
            Place::Utc => Value::Nil,
            Place::Local => Value::object(Location { name: "UTC", offset: None }),
            Place::Fixed(name) => Value::object(Location { name, offset: Some(self.0.offset().seconds()) }),
        };
        let nanos = u64::try_from(timestamp.subsec_nanosecond().rem_euclid(1_000_000_000)).unwrap_or(0);
        let seconds = timestamp.as_nanosecond().div_euclid(1_000_000_000) + i128::from(TO_YEAR_1);
        vec![
            ("wall", Value::Uint64(nanos)),
            ("ext", Value::Int64(i64::try_from(seconds).unwrap_or(i64::MAX))),
            ("loc", place),
        ]
    }

    fn field_type(&self, name: &str) -> Type {
        match name {
            "wall" => Type::Uint64,
            "ext" => Type::Int64,
            _ => Type::Object("*time.Location"),
        }
    }

    fn go_string(&self) -> Option<String> {
        let time = &self.0;
        let month = layout::MONTHS.get(usize::try_from(time.month() - 1).unwrap_or(0)).copied().unwrap_or_default();
        let place = match self.2 {
            Place::Utc => "time.UTC".to_owned(),
            Place::Local => "time.Local".to_owned(),
            Place::Fixed(name) => format!("time.Location({name:?})"),
        };
        Some(format!(
            "time.Date({}, time.{month}, {}, {}, {}, {}, {}, {place})",
            time.year(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.subsec_nanosecond()
        ))
    }

    fn methods(&self) -> &'static [Method] {
        METHODS
    }

    fn string(&self) -> Option<String> {
        let mut text = match self.2 {
            Place::Fixed(name) if !name.is_empty() => {
                format!("{} {name}", layout::format(&self.0, "2006-01-02 15:04:05.999999999 -0700"))
            }
            _ => layout::format(&self.0, "2006-01-02 15:04:05.999999999 -0700 MST"),
        };
        if let Some(read) = self.1 {
            let sign = if read < 0 { '-' } else { '+' };
            let read = read.unsigned_abs();
            text.push_str(&format!(" m={sign}{}.{:09}", read / 1_000_000_000, read % 1_000_000_000));
        }
        Some(text)
    }

    fn json(&self) -> Option<serde_json::Value> {
        Some(layout::format(&self.0, "2006-01-02T15:04:05.999999999Z07:00").into())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Self>() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Seconds from Go's zero time to the epoch.
const TO_YEAR_1: i64 = 62_135_596_800;

/// Go's `*time.Location` as a time holds it: a zone of one offset, or without any, as the local one is where none is set.
#[derive(Debug)]
struct Location {
    name: &'static str,
    offset: Option<i32>,
}

/// A struct that only `printf` sees.
#[derive(Debug)]
struct Inner(&'static str, Vec<(&'static str, Value)>);

impl Object for Inner {
    fn type_name(&self) -> &'static str {
        self.0
    }

    fn kind(&self) -> Kind {
        if self.0.starts_with('*') { Kind::Ptr } else { Kind::Struct }
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.1.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for Location {
    fn type_name(&self) -> &'static str {
        "*time.Location"
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn field_type(&self, name: &str) -> Type {
        if name == "cacheZone" { Type::Object("*time.zone") } else { Type::Any }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let list = |item: Option<Value>| Value::list(item.into_iter().collect());
        let zone = |type_name, offset: i32| {
            let fields =
                vec![("name", self.name.into()), ("offset", Value::Int(i64::from(offset))), ("isDST", false.into())];
            Value::object(Inner(type_name, fields))
        };
        let change = || {
            let fields = vec![
                ("when", Value::Int64(i64::MIN)),
                ("index", Value::Uint8(0)),
                ("isstd", false.into()),
                ("isutc", false.into()),
            ];
            Value::object(Inner("time.zoneTrans", fields))
        };
        let (start, end) = if self.offset.is_some() { (i64::MIN, i64::MAX) } else { (0, 0) };
        vec![
            ("name", self.name.into()),
            ("zone", list(self.offset.map(|offset| zone("time.zone", offset)))),
            ("tx", list(self.offset.map(|_| change()))),
            ("extend", "".into()),
            ("cacheStart", Value::Int64(start)),
            ("cacheEnd", Value::Int64(end)),
            ("cacheZone", self.offset.map_or(Value::Nil, |offset| zone("*time.zone", offset))),
        ]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Go's `time.Month` and `time.Weekday`: numbers with names.
#[derive(Debug)]
struct Named {
    type_name: &'static str,
    name: &'static str,
    number: i64,
}

impl Named {
    fn month(time: &Zoned) -> Self {
        let number = i64::from(time.month());
        let name = layout::MONTHS.get(usize::try_from(number - 1).unwrap_or(0)).copied().unwrap_or_default();
        Self { type_name: "time.Month", name, number }
    }

    fn weekday(time: &Zoned) -> Self {
        let number = i64::from(time.weekday().to_sunday_zero_offset());
        let name = layout::DAYS.get(usize::try_from(number).unwrap_or(0)).copied().unwrap_or_default();
        Self { type_name: "time.Weekday", name, number }
    }
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn kind(&self) -> Kind {
        Kind::Int
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn methods(&self) -> &'static [Method] {
        &[Method { name: "String", signature: NONE, call: |_, v, _| Ok(v.to_string().into()) }]
    }

    fn string(&self) -> Option<String> {
        Some(self.name.to_owned())
    }

    fn json(&self) -> Option<serde_json::Value> {
        Some(self.number.into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn compared(one: &Value, other: &Value) -> Option<std::cmp::Ordering> {
    Some(one.downcast::<Time>()?.0.timestamp().cmp(&other.downcast::<Time>()?.0.timestamp()))
}

/// Years, months and days later; what is beyond the end of a month goes on into the next, as in Go.
fn add_date(time: &Zoned, [years, months, days]: [&Value; 3]) -> Zoned {
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let month = (i64::from(time.year()) + number(years)) * 12 + i64::from(time.month()) - 1 + number(months);
    let first = i16::try_from(month.div_euclid(12)).ok().zip(i8::try_from(month.rem_euclid(12) + 1).ok());
    let date = first.and_then(|(year, month)| jiff::civil::Date::new(year, month, 1).ok());
    let later = date.and_then(|date| {
        let days = jiff::Span::new().try_days(number(days) + i64::from(time.day()) - 1).ok()?;
        date.checked_add(days).ok()
    });
    later
        .and_then(|date| date.to_datetime(time.time()).to_zoned(time.time_zone().clone()).ok())
        .unwrap_or_else(|| time.clone())
}

const NONE: Signature = Signature::new(&[]);

fn own(value: &Value, read: impl Fn(&Zoned) -> Value) -> Value {
    value.downcast::<Time>().map(|time| read(&time.0)).unwrap_or_default()
}

static METHODS: &[Method] = &[
    Method {
        name: "Format",
        signature: Signature::new(&[S]),
        call: |_, v, a| Ok(own(v, |t| layout::format(t, a[0].str()).into())),
    },
    Method { name: "Unix", signature: NONE, call: |_, v, _| Ok(own(v, |t| Value::Int64(t.timestamp().as_second()))) },
    Method {
        name: "UnixNano",
        signature: NONE,
        call: |_, v, _| Ok(own(v, |t| Value::Int64(i64::try_from(t.timestamp().as_nanosecond()).unwrap_or(i64::MAX)))),
    },
    Method { name: "Year", signature: NONE, call: |_, v, _| Ok(own(v, |t| Value::Int(i64::from(t.year())))) },
    Method { name: "Day", signature: NONE, call: |_, v, _| Ok(own(v, |t| Value::Int(i64::from(t.day())))) },
    Method { name: "Hour", signature: NONE, call: |_, v, _| Ok(own(v, |t| Value::Int(i64::from(t.hour())))) },
    Method { name: "Minute", signature: NONE, call: |_, v, _| Ok(own(v, |t| Value::Int(i64::from(t.minute())))) },
    Method { name: "Month", signature: NONE, call: |_, v, _| Ok(own(v, |t| Value::object(Named::month(t)))) },
    Method { name: "Weekday", signature: NONE, call: |_, v, _| Ok(own(v, |t| Value::object(Named::weekday(t)))) },
    Method { name: "YearDay", signature: NONE, call: |_, v, _| Ok(own(v, |t| Value::Int(i64::from(t.day_of_year())))) },
    Method {
        name: "Nanosecond",
        signature: NONE,
        call: |_, v, _| Ok(own(v, |t| Value::Int(i64::from(t.subsec_nanosecond())))),
    },
    Method {
        name: "UnixMilli",
        signature: NONE,
        call: |_, v, _| Ok(own(v, |t| Value::Int64(t.timestamp().as_millisecond()))),
    },
    Method {
        name: "UnixMicro",
        signature: NONE,
        call: |_, v, _| Ok(own(v, |t| Value::Int64(t.timestamp().as_microsecond()))),
    },
    Method {
        name: "IsZero",
        signature: NONE,
        call: |_, v, _| Ok(own(v, |t| (t.timestamp() == zero().timestamp()).into())),
    },
    Method {
        name: "Before",
        signature: Signature::new(&[TIME]),
        call: |_, v, a| Ok(compared(v, &a[0]).is_some_and(std::cmp::Ordering::is_lt).into()),
    },
    Method {
        name: "After",
        signature: Signature::new(&[TIME]),
        call: |_, v, a| Ok(compared(v, &a[0]).is_some_and(std::cmp::Ordering::is_gt).into()),
    },
    Method {
        name: "Equal",
        signature: Signature::new(&[TIME]),
        call: |_, v, a| Ok(compared(v, &a[0]).is_some_and(std::cmp::Ordering::is_eq).into()),
    },
    Method {
        name: "Compare",
        signature: Signature::new(&[TIME]),
        call: |_, v, a| Ok(Value::Int(compared(v, &a[0]).map_or(0, |order| order as i64))),
    },
    Method {
        name: "AddDate",
        signature: Signature::new(&[Type::Int, Type::Int, Type::Int]),
        call: |_, v, a| {
            let place = v.downcast::<Time>().map_or(Place::Utc, |time| time.2);
            Ok(own(v, |t| Value::object(Time(add_date(t, [&a[0], &a[1], &a[2]]), None, place))))
        },
    },
    Method { name: "Second", signature: NONE, call: |_, v, _| Ok(own(v, |t| Value::Int(i64::from(t.second())))) },
    Method {
        name: "UTC",
        signature: NONE,
        call: |_, v, _| Ok(own(v, |t| Value::object(Time(t.with_time_zone(TimeZone::UTC), None, Place::Utc)))),
    },
    Method {
        name: "String",
        signature: NONE,
        call: |_, v, _| Ok(v.downcast::<Time>().and_then(Object::string).unwrap_or_default().into()),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_now_tells_its_monotonic_clock() {
        let time = jiff::civil::date(2024, 5, 6).at(7, 8, 9, 120_000_000).to_zoned(TimeZone::UTC).unwrap();
        let printed = |read| Time(time.clone(), read, Place::Utc).string().unwrap();
        assert_eq!(printed(None), "2024-05-06 07:08:09.12 +0000 UTC");
        assert_eq!(printed(Some(40_378_390)), "2024-05-06 07:08:09.12 +0000 UTC m=+0.040378390");
        assert_eq!(printed(Some(-3_600_000_000_001)), "2024-05-06 07:08:09.12 +0000 UTC m=-3600.000000001");
    }

    #[test]
    fn a_zone_of_one_offset_prints_as_gos() {
        let zone = Value::object(Location { name: "", offset: Some(7200) });
        let text = "&{ [{ 7200 false}] [{-9223372036854775808 0 false false}]  -9223372036854775808 9223372036854775807 0xc000000000}";
        assert_eq!(zone.to_string(), text);
        assert_eq!(Value::object(Location { name: "UTC", offset: None }).to_string(), "&{UTC [] []  0 0 <nil>}");
    }

    #[test]
    fn durations_are_gos() {
        for (text, printed) in [
            ("1h15m30.918s", "1h15m30.918s"),
            ("1.5h", "1h30m0s"),
            ("-2m", "-2m0s"),
            ("150ms", "150ms"),
            ("1us", "1µs"),
            ("0", "0s"),
            ("95s", "1m35s"),
        ] {
            assert_eq!(go_duration(parse_duration(text).unwrap().as_nanos()), printed, "{text}");
        }
        assert_eq!(parse_duration("5").unwrap_err(), "time: missing unit in duration \"5\"");
        assert_eq!(parse_duration("5x").unwrap_err(), "time: unknown unit \"x\" in duration \"5x\"");
        assert_eq!(rounded(7_805_000_000_000), "2h");
    }
}
