//! The log: to standard error, as text or as one JSON object a line.

use tracing_subscriber::EnvFilter;

use super::args::LogFormat;

/// Starts the log for a command that tells its own story: only what went wrong, unless more is asked for.
pub(super) fn start_quiet(verbose: u8) {
    if verbose > 0 {
        return start(verbose, LogFormat::Text);
    }
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("error")).with_writer(std::io::stderr);
    drop(builder.with_ansi(false).with_target(false).try_init());
}

/// Starts the log; `verbose` 0 shows warnings, 1 what is done, 2 and more every detail. Later calls change nothing.
pub(super) fn start(verbose: u8, format: LogFormat) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    // The libraries' own news are ours only when they are bad, or asked for.
    let filter = EnvFilter::new(format!("warn,evenkeel={level}"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = match format {
        LogFormat::Text => {
            use std::io::IsTerminal as _;
            builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).with_ansi(false).try_init(),
    };
    drop(result);
}
