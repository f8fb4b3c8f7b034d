//! The command line as clap reads it. What the names mean is fixed; more may be added.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Keeps Kubernetes clusters equal to a Git repository of environment folders.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 110)]
pub struct Cli {
    /// Flags of all commands.
    #[command(flatten)]
    pub common: Common,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The command line of the one command that is started thousands of times in a row, a part of [`Cli`]: to put together all commands
/// for it would take a quarter of a small chart's time.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, propagate_version = true, disable_help_subcommand = true)]
pub(super) struct TemplateAlone {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: OnlyTemplate,
}

#[derive(Debug, Subcommand)]
enum OnlyTemplate {
    Template(Box<super::template::TemplateArgs>),
}

impl From<TemplateAlone> for Cli {
    fn from(TemplateAlone { common, command: OnlyTemplate::Template(args) }: TemplateAlone) -> Self {
        Self { common, command: Command::Template(args) }
    }
}

/// Flags of all commands.
#[derive(Debug, Args)]
pub struct Common {
    /// What to print: text for people, or JSON with a documented schema (docs/output.md).
    #[arg(long, global = true, value_enum, default_value_t = Output::Text, help_heading = "Output")]
    pub output: Output,
    /// When to colour text.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Output")]
    pub color: Color,
    /// Say more on standard error (-v: what is done, -vv: every request).
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For reviews (`diff` alone).
    Markdown,
}

/// When text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Render a chart as `helm template` does, byte for byte.
    Template(Box<super::template::TemplateArgs>),
    /// Look into charts, fetch, build and pack them, with helm's meaning.
    Chart(Box<super::chart::ChartArgs>),
    /// Print the manifests of an environment or a release (secret values masked).
    Render(RenderArgs),
    /// Check everything that needs no cluster: specs, charts, templates, manifests, values that nobody reads. Exit: 0 nothing, 1
    /// something, 2 error.
    Lint(LintArgs),
    /// Write down which version of a chart from elsewhere a release uses, with its digest (release.lock).
    Lock(Box<super::lock::LockArgs>),
    /// Say which layer, file and line each value comes from, and what it overrode.
    Explain(ExplainArgs),
    /// Show what applying would change. Exit: 0 nothing, 1 something, 2 error.
    Diff(DiffArgs),
    /// Bring the cluster to what Git says, once.
    Apply(ApplyArgs),
    /// Let what `onCommit: plan` holds back be applied, while it is what its digest says.
    Approve(ApproveArgs),
    /// Report what others changed in the cluster. Exit: 0 nothing, 1 something, 2 error.
    Drift(LiveArgs),
    /// Show the state of every release.
    Status(LiveArgs),
    /// Say what state a release is in, since when, what it waits for, and what would unblock it.
    Why(WhyArgs),
    /// List the revisions of a release, as `helm history` does.
    History(super::history::HistoryArgs),
    /// Take a release back to an earlier revision. What Git says of it is not applied again until a commit changes it.
    Rollback(super::rollback::RollbackArgs),
    /// Delete a release's objects and its history. It stays away until a commit changes it.
    Uninstall(super::uninstall::UninstallArgs),
    /// Run the tests of a release (hooks of the event `test`). Exit: 0 all passed, 1 one failed, 2 error.
    Test(super::test::TestArgs),
    /// Follow a repository and keep the cluster equal to it.
    Run(Box<RunArgs>),
    /// Serve an in-memory Kubernetes API on loopback.
    Sandbox(super::sandbox::SandboxArgs),
    /// See it work: a repository, a sandbox cluster and the daemon, in half a minute.
    Demo(DemoArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Where the desired state is read from.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// The repository: a folder in a Git work tree, or any folder.
    #[arg(short = 'C', long = "repo", value_name = "PATH", default_value = ".", help_heading = "Source")]
    pub repo: PathBuf,
    /// The folder of the environments, from the repository's root.
    #[arg(long, default_value = "environments", help_heading = "Source")]
    pub path: String,
    /// A Git revision to read instead of the working folder.
    #[arg(long, value_name = "REV", help_heading = "Source")]
    pub rev: Option<String>,
    /// Take charts that are not in the repository from the cache alone.
    #[arg(long, help_heading = "Source")]
    pub offline: bool,
}

/// Which cluster is meant.
#[derive(Debug, Clone, Default, Args)]
pub struct ClusterArgs {
    /// The kubeconfig (default: KUBECONFIG, ~/.kube/config, then the pod's own credentials).
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,
}

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// An environment, or one release of it.
    #[arg(value_name = "ENV[/RELEASE]")]
    pub target: String,
    /// Only the releases of a group of the environment's `order`; may be given several times.
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Where the desired state is read from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of `lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// An environment, or one release of it (default: all environments).
    #[arg(value_name = "ENV[/RELEASE]")]
    pub target: Option<String>,
    /// Notes count, and a chart of the repository has to have a README, a schema of its values and notes.
    #[arg(long)]
    pub strict: bool,
    /// Where the desired state is read from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The release.
    #[arg(value_name = "ENV/RELEASE")]
    pub target: String,
    /// A values key such as `image.tag` (default: all of them).
    pub key: Option<String>,
    /// Also list the values that only the chart sets.
    #[arg(long)]
    pub all: bool,
    /// Where the desired state is read from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of the commands that look at a cluster.
#[derive(Debug, Args)]
pub struct LiveArgs {
    /// An environment, or one release of it.
    #[arg(value_name = "ENV[/RELEASE]")]
    pub target: String,
    /// Only the releases of a group of the environment's `order`; may be given several times.
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Where the desired state is read from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which cluster is meant.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// What is compared with what.
    #[command(flatten)]
    pub live: LiveArgs,
    /// Show live and desired beside each other.
    #[arg(long)]
    pub side_by_side: bool,
    /// The columns of --side-by-side.
    #[arg(long, value_name = "COLUMNS", default_value_t = 160, requires = "side_by_side")]
    pub width: u16,
}

/// Arguments of `approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The environment.
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// The digest that `diff`, `status` and `why` show, or the first eight digits of it or more.
    #[arg(value_name = "DIGEST")]
    pub digest: String,
    /// Where the desired state is read from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which cluster is meant.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Arguments of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The release.
    #[arg(value_name = "ENV/RELEASE")]
    pub target: String,
    /// Where the desired state is read from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which cluster is meant.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// What is compared with what.
    #[command(flatten)]
    pub live: LiveArgs,
    /// Do not wait for the last stage to become ready.
    #[arg(long)]
    pub no_wait: bool,
    /// Apply what Git says of the named release although it was rolled back from, or uninstalled.
    #[arg(long)]
    pub resume: bool,
    /// Plan again whenever a file of the working folder is saved, until interrupted (shows the plan; applies nothing).
    #[arg(long, conflicts_with = "rev")]
    pub watch: bool,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The repository: a URL, a local repository, or a working folder.
    #[arg(short = 'C', long, value_name = "URL|PATH")]
    pub repo: String,
    /// The branch to follow.
    #[arg(long, default_value = "main")]
    pub branch: String,
    /// The folder of the environments.
    #[arg(long, default_value = "environments")]
    pub path: String,
    /// An environment to reconcile; may be given several times (default: all that are not abstract).
    #[arg(long = "environment", value_name = "ENV")]
    pub environments: Vec<String>,
    /// How often to ask the remote for news.
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    pub poll: Duration,
    /// Follow the working folder instead of a branch: every saved file is a new input.
    #[arg(long)]
    pub watch: bool,
    /// Where to serve health, metrics and the API.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// How the log is written.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// A URL that alerts are posted to as JSON.
    #[arg(long, value_name = "URL", env = "EVENKEEL_WEBHOOK", hide_env_values = true)]
    pub webhook: Option<String>,
    /// A file with the secret that signs what is posted.
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub webhook_secret_file: Option<PathBuf>,
    /// Where clones are kept (default: the user's cache folder).
    #[arg(long, value_name = "FOLDER")]
    pub cache: Option<PathBuf>,
    /// Which cluster is meant.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Leave everything running at the end, until Ctrl-C.
    #[arg(long)]
    pub keep: bool,
}

/// `ENV` or `ENV/RELEASE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The environment.
    pub environment: String,
    /// One release, or all.
    pub release: Option<String>,
    /// The releases of the groups that were asked for, when any were.
    pub of_groups: Option<BTreeSet<String>>,
}

impl Target {
    /// Reads `ENV[/RELEASE]`.
    #[must_use]
    pub(super) fn parse(text: &str) -> Self {
        match text.trim_end_matches('/').split_once('/') {
            Some((environment, release)) => {
                Self { environment: environment.to_owned(), release: Some(release.to_owned()), of_groups: None }
            }
            None => Self { environment: text.trim_end_matches('/').to_owned(), release: None, of_groups: None },
        }
    }

    /// Whether a release is meant.
    #[must_use]
    pub(super) fn includes(&self, release: &str) -> bool {
        self.release.as_deref().is_none_or(|only| only == release)
            && self.of_groups.as_ref().is_none_or(|some| some.contains(release))
    }

    /// Whether the whole environment is meant.
    #[must_use]
    pub(super) fn is_whole(&self) -> bool {
        self.release.is_none() && self.of_groups.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn targets_are_environments_or_releases() {
        let whole = Target { environment: "production".into(), release: None, of_groups: None };
        assert_eq!(Target::parse("production"), whole);
        assert_eq!(Target::parse("a/b").release.as_deref(), Some("b"));
        assert_eq!(Target::parse("a/").release, None);
    }
}
