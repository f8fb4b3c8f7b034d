//! `evenkeel chart …`: what `helm show`, `lint`, `pull`, `dependency`, `package`, `push` and `registry` do, with helm's meaning,
//! output and first line of an error (exit code 1, as helm's); and `docs`, which helm has not.

mod dependency;
mod docs;
mod lint;
mod package;
mod pull;
mod registry;
mod show;
pub(super) mod source;

use std::io::Write;

use clap::{Args, Subcommand};

use super::helm::GlobalArgs;
use crate::chart::ChartError;

pub(super) use dependency::add_missing;
pub(super) use pull::readable;

/// Arguments of `chart`.
#[derive(Debug, Args)]
pub struct ChartArgs {
    /// The command.
    #[command(subcommand)]
    pub command: ChartCommand,
    /// What every helm command takes: of these none has an effect on charts.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// What can be done with charts.
#[derive(Debug, Subcommand)]
pub enum ChartCommand {
    /// Show what a chart holds, as `helm show` does.
    Show(Box<show::ShowArgs>),
    /// Write the table of a chart's values into its README, from the comments in values.yaml.
    Docs(docs::DocsArgs),
    /// Examine charts for possible problems, as `helm lint` does.
    Lint(Box<lint::ChartLintArgs>),
    /// Fetch charts from repositories and registries into files, as `helm pull` does.
    Pull(Box<pull::PullArgs>),
    /// List, resolve and fetch what a chart depends on, as `helm dependency` does.
    #[command(visible_alias = "dep")]
    Dependency(Box<dependency::DependencyArgs>),
    /// Pack charts, as `helm package` does.
    Package(Box<package::PackageArgs>),
    /// Put a packed chart into a registry, as `helm push` does.
    Push(Box<registry::PushArgs>),
    /// Log in to a registry, as `helm registry login` does.
    Login(Box<registry::LoginArgs>),
    /// Forget the login to a registry, as `helm registry logout` does.
    Logout(registry::LogoutArgs),
}

/// Why a command did nothing, in helm's words (without `Error: `).
#[derive(Debug)]
pub(super) struct Refused(pub(in crate::cli) String);

impl From<String> for Refused {
    fn from(message: String) -> Self {
        Self(message)
    }
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<ChartError> for Refused {
    fn from(error: ChartError) -> Self {
        Self(error.helm)
    }
}

/// Runs a command: results to `out`, an error to `err` as helm writes it. Gives the exit code.
///
/// # Errors
/// When `out` or `err` cannot be written.
pub(super) fn run(args: &ChartArgs, out: &mut (dyn Write + Send), err: &mut dyn Write) -> std::io::Result<u8> {
    let done = match &args.command {
        ChartCommand::Show(args) => show::run(args, out),
        ChartCommand::Docs(args) => docs::run(args, out),
        ChartCommand::Lint(args) => lint::run(args, out),
        ChartCommand::Pull(args) => pull::run(args, out),
        ChartCommand::Dependency(args) => dependency::run(args, out),
        ChartCommand::Package(args) => package::run(args, out),
        ChartCommand::Push(args) => registry::push(args),
        ChartCommand::Login(args) => registry::login(args),
        ChartCommand::Logout(args) => registry::logout(args),
    };
    out.flush()?;
    match done {
        Ok(()) => Ok(0),
        Err(Refused(message)) => {
            writeln!(err, "Error: {message}")?;
            Ok(1)
        }
    }
}
