//! What was measured, beside what was promised.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// What a figure has to be.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// It is stated.
    Nothing,
    Below(f64),
    AtMost(f64),
    AtLeast(f64),
}

impl Wanted {
    fn met(self, value: f64) -> Option<bool> {
        match self {
            Self::Nothing => None,
            Self::Below(limit) => Some(value < limit),
            Self::AtMost(limit) => Some(value <= limit),
            Self::AtLeast(limit) => Some(value >= limit),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Below(limit) => format!("below {limit}"),
            Self::AtMost(limit) => format!("{limit}"),
            Self::AtLeast(limit) => format!("at least {limit}"),
        }
    }
}

struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    wanted: Wanted,
}

/// Every figure in the order of measuring. Displays as a table.
#[derive(Default)]
pub(crate) struct Figures {
    all: Vec<Figure>,
    histograms: Vec<(String, Vec<Duration>)>,
}

impl Figures {
    /// Adds one; it is told at once, since the whole takes minutes.
    pub(super) fn add(&mut self, what: &str, value: f64, unit: &'static str, wanted: Wanted) {
        tell(&format!("{what}: {} {unit}", rounded(value)));
        self.all.push(Figure { what: what.to_owned(), value, unit, wanted });
    }

    /// Adds the median and the 99th percentile of times, with what they have to be below in milliseconds, and their histogram.
    pub(super) fn add_times(&mut self, what: &str, times: &[Duration], [median, late]: [Option<f64>; 2]) {
        let mut times = times.to_vec();
        times.sort();
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
        let wanted = |limit: Option<f64>| limit.map_or(Wanted::Nothing, Wanted::Below);
        self.add(&format!("{what}: p50"), at(50), "ms", wanted(median));
        self.add(&format!("{what}: p99"), at(99), "ms", wanted(late));
        self.add(&format!("{what}: longest"), at(100), "ms", Wanted::Nothing);
        self.histograms.push((what.to_owned(), times));
    }

    /// The figure whose name begins so.
    pub(crate) fn value(&self, what: &str) -> Option<f64> {
        self.all.iter().find(|figure| figure.what.starts_with(what)).map(|figure| figure.value)
    }

    /// The figures for machines.
    pub(crate) fn json(&self) -> Value {
        let figure = |f: &Figure| json!({"figure": f.what, "value": f.value, "unit": f.unit, "wanted": f.wanted.text(), "met": f.wanted.met(f.value)});
        Value::Array(self.all.iter().map(figure).collect())
    }
}

/// To standard error: the table alone goes to standard output.
fn tell(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Three digits that count.
fn rounded(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 || large.fract() == 0.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, times) in &self.histograms {
            writeln!(f, "{what}")?;
            // 1 ms, 2 ms, 4 ms …
            let bucket = |time: &Duration| time.as_millis().max(1).ilog2();
            for at in times.first().map_or(0, bucket)..=times.last().map_or(0, bucket) {
                let count = times.iter().filter(|time| bucket(time) == at).count();
                writeln!(f, "  below {:>5} ms {count:>5} {}", 2_u32.pow(at + 1), "#".repeat(count.min(100)))?;
            }
        }
        writeln!(f, "| figure | measured | wanted | |\n|---|---|---|---|")?;
        for Figure { what, value, unit, wanted } in &self.all {
            let met = match wanted.met(*value) {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            writeln!(f, "| {what} | {} {unit} | {} | {met} |", rounded(*value), wanted.text())?;
        }
        Ok(())
    }
}
