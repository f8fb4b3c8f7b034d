//! The few styles of our text.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// What went well, or is new.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What needs a look.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// What went wrong, or goes away.
pub const BAD: Style = AnsiColor::Red.on_default();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();
/// Names.
pub const NAME: Style = Style::new().bold();

/// `text` in `style`.
pub fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
