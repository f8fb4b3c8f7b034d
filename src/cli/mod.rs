//! Arguments, configuration and one file a command; the only place that prints and that reads the process's environment.

mod apply;
mod approve;
mod args;
mod chart;
mod console;
mod demo;
mod diff;
mod drift;
mod error;
mod explain;
mod files;
mod helm;
mod history;
mod lint;
mod lock;
mod log;
mod mask;
mod render;
mod rollback;
mod run;
mod sandbox;
mod source;
mod status;
mod template;
mod test;
mod uninstall;
mod why;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

pub use args::{Cli, Command};
pub use error::CliError;

use console::Console;

/// A finished command: its exit code, or why it failed.
type Outcome = Result<u8, CliError>;

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    let given: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let cli = match read() {
        Ok(cli) => cli,
        Err(error) => {
            if let Some(line) = helm::told(&error, &command(), &given) {
                Console::new(args::Output::Text, args::Color::Auto).note(&format!("Error: {line}"));
                return ExitCode::FAILURE;
            }
            // clap prints help to standard output with 0, and errors with their nearest valid name to standard error with 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let console = Console::new(cli.common.output, cli.common.color);
    match dispatch(cli, &console) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            console.error(&error);
            ExitCode::from(error.code)
        }
    }
}

/// The arguments of this process.
fn read() -> Result<Cli, clap::Error> {
    if std::env::args_os().nth(1).is_some_and(|word| word == "template") {
        let alone = helm::as_helm_reads(args::TemplateAlone::command()).try_get_matches();
        // What is wrong, and help, are told by the whole command line.
        if let Ok(alone) = alone.and_then(|matches| args::TemplateAlone::from_arg_matches(&matches)) {
            return Ok(alone.into());
        }
    }
    command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches))
}

fn dispatch(cli: Cli, console: &Console) -> Outcome {
    let verbose = cli.common.verbose;
    if cli.common.output == args::Output::Markdown && !matches!(cli.command, Command::Diff(_)) {
        return Err(CliError::user("`--output markdown` is for `diff` alone").hint("write `--output json`"));
    }
    match cli.command {
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut command(), "evenkeel", &mut console.raw());
            Ok(0)
        }
        Command::Render(args) => {
            log::start(verbose, args::LogFormat::Text);
            render::run(&args, console)
        }
        Command::Template(args) => Ok(template::run(&args, &mut console.raw(), &mut std::io::stderr())?),
        Command::Chart(args) => Ok(chart::run(&args, &mut console.raw(), &mut std::io::stderr())?),
        Command::Lint(args) => {
            log::start(verbose, args::LogFormat::Text);
            lint::run(&args, console)
        }
        Command::Lock(args) => {
            log::start(verbose, args::LogFormat::Text);
            lock::run(&args, console)
        }
        Command::Explain(args) => {
            log::start(verbose, args::LogFormat::Text);
            explain::run(&args, console)
        }
        Command::Diff(args) => on_runtime(verbose, diff::run(args, console)),
        Command::Apply(args) => on_runtime(verbose, apply::run(args, console)),
        Command::Approve(args) => on_runtime(verbose, approve::run(args, console)),
        Command::Drift(args) => on_runtime(verbose, drift::run(args, console)),
        Command::Status(args) => on_runtime(verbose, status::run(args, console)),
        Command::Why(args) => on_runtime(verbose, why::run(args, console)),
        Command::History(args) => on_runtime(verbose, history::run(args, console)),
        Command::Rollback(args) => on_runtime(verbose, rollback::run(args, console)),
        Command::Uninstall(args) => on_runtime(verbose, uninstall::run(args, console)),
        Command::Test(args) => on_runtime(verbose, test::run(args, console)),
        Command::Sandbox(args) => on_runtime(verbose, sandbox::run(args, console)),
        Command::Demo(args) => {
            log::start_quiet(verbose);
            runtime()?.block_on(demo::run(args, console))
        }
        Command::Run(args) => {
            // A daemon that says nothing is hard to trust: its log starts one level up.
            log::start(verbose.saturating_add(1), args.log_format);
            runtime()?.block_on(run::run(*args, console))
        }
    }
}

fn on_runtime(verbose: u8, command: impl Future<Output = Outcome>) -> Outcome {
    log::start(verbose, args::LogFormat::Text);
    runtime()?.block_on(command)
}

fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::internal(format!("the runtime cannot start: {e}")))
}

/// The arguments as clap sees them, for the documentation's tests.
#[must_use]
pub fn command() -> clap::Command {
    helm::as_helm_reads(Cli::command())
}

/// Reads arguments without running anything, for the documentation's tests.
///
/// # Errors
/// What clap says about them.
pub fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command().try_get_matches_from(args)?)
}

/// Cancelled at the first Ctrl-C or SIGTERM: the object in hand is finished and the inventory written. A second one ends
/// the process at once.
fn interruption() -> tokio_util::sync::CancellationToken {
    let token = tokio_util::sync::CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        for _ in 0..2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if cancel.is_cancelled() {
                abort();
            }
            tracing::info!("stopping: the object in hand is finished first");
            cancel.cancel();
        }
    });
    token
}

#[expect(clippy::disallowed_methods, reason = "the second signal asks for exactly this")]
fn abort() -> ! {
    std::process::exit(130)
}
