//! The flags of `helm template`: those that decide what is printed, and those that helm takes and that decide nothing here.

use clap::Args;

use super::given::Given;
use super::postrender::PostRendererArgs;
use crate::cli::chart::source::FetchArgs;
use crate::cli::helm::{self, GlobalArgs};
use crate::template::Limits;

/// Arguments of `template`: helm template's.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct TemplateArgs {
    /// The release's name (may be left out) and the chart: a folder, a .tgz, repo/chart, a URL or oci://….
    #[arg(value_name = "[NAME] CHART", num_args = 0..)]
    pub name_and_chart: Vec<String>,
    /// Values over the chart's own.
    #[command(flatten)]
    pub given: Given,
    /// Only these templates (patterns below the chart).
    #[arg(short, long, value_name = "TEMPLATE")]
    pub show_only: Vec<String>,
    /// Write the templates to files in this folder instead.
    #[arg(long, value_name = "FOLDER", default_value = "", hide_default_value = true)]
    pub output_dir: String,
    /// With --output-dir: in a folder of the release's name.
    #[arg(long)]
    pub release_name: bool,
    /// A program that the manifests go through.
    #[command(flatten)]
    pub post_renderer: PostRendererArgs,
    /// Definitions of custom resources too.
    #[arg(long)]
    pub include_crds: bool,
    /// No hooks.
    #[arg(long)]
    pub no_hooks: bool,
    /// No tests.
    #[arg(long)]
    pub skip_tests: bool,
    /// `.Release.IsUpgrade` instead of `.Release.IsInstall`.
    #[arg(long)]
    pub is_upgrade: bool,
    /// Ask the cluster: its version and API versions for `.Capabilities`, whether it serves every kind, and whether what is there
    /// already belongs to this release.
    #[arg(long)]
    pub validate: bool,
    /// `server` lets `lookup` ask the cluster.
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "client", default_value = "", hide_default_value = true)]
    pub dry_run: String,
    /// `getHostByName` asks the resolver.
    #[arg(long)]
    pub enable_dns: bool,
    /// More API versions for `.Capabilities.APIVersions`.
    #[arg(short, long, value_name = "VERSION", value_delimiter = ',')]
    pub api_versions: Vec<String>,
    /// The Kubernetes version for `.Capabilities.KubeVersion`.
    #[arg(long, value_name = "VERSION", default_value = "", hide_default_value = true)]
    pub kube_version: String,
    /// If set, disables JSON schema validation.
    #[arg(long)]
    pub skip_schema_validation: bool,
    /// A limit of the render, when a chart needs more: fuel (steps), output (bytes) or depth (templates in each other).
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = limit)]
    pub limits: Vec<(String, u64)>,
    /// A template for the release's name.
    #[arg(long, value_name = "TEMPLATE", default_value = "", hide_default_value = true)]
    pub name_template: String,
    /// Fill charts/ first, when something is missing there.
    #[arg(long)]
    pub dependency_update: bool,
    /// What `helm install` needs.
    #[command(flatten)]
    pub install: InstallArgs,
    /// Which version of the chart, and where from.
    #[command(flatten)]
    pub fetch: FetchArgs,
    /// What every helm command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// Flags that `helm template` shares with `helm install`. They are read as helm reads them and change nothing of what is printed, but
/// for the errors that helm has for them.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Taken as helm takes them, without an effect on what is printed")]
pub struct InstallArgs {
    /// Has no effect; may not stand beside a name.
    #[arg(short, long)]
    pub generate_name: bool,
    /// With --validate: what is there already may be anybody's.
    #[arg(long)]
    pub take_ownership: bool,
    /// Labels of the release.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = helm::pairs)]
    pub labels: Vec<Vec<(String, String)>>,
    /// Of `helm install`.
    #[arg(long)]
    pub atomic: bool,
    /// Of `helm install`.
    #[arg(long)]
    pub create_namespace: bool,
    /// Of `helm install`.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub description: String,
    /// Of `helm install`.
    #[arg(long)]
    pub disable_openapi_validation: bool,
    /// Of `helm install`.
    #[arg(long)]
    pub force: bool,
    /// Of `helm install`.
    #[arg(long)]
    pub hide_notes: bool,
    /// Of `helm install`.
    #[arg(long)]
    pub render_subchart_notes: bool,
    /// Of `helm install`.
    #[arg(long)]
    pub replace: bool,
    /// Of `helm install`.
    #[arg(long)]
    pub skip_crds: bool,
    /// Of `helm install`.
    #[arg(long, value_name = "DURATION", value_parser = helm::duration)]
    pub timeout: Option<String>,
    /// Of `helm install`.
    #[arg(long)]
    pub wait: bool,
    /// Of `helm install`.
    #[arg(long)]
    pub wait_for_jobs: bool,
}

/// Labels that helm keeps for itself.
const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

impl InstallArgs {
    /// Helm's error for a label that it keeps for itself.
    pub(super) fn check_labels(&self) -> Result<(), String> {
        let reserved = |(name, _): &(String, String)| SYSTEM_LABELS.contains(&name.as_str());
        if self.labels.iter().flatten().any(reserved) {
            let known = SYSTEM_LABELS.join(" ");
            return Err(format!("user supplied labels contains system reserved label name. System labels: [{known}]"));
        }
        Ok(())
    }
}

/// `NAME=NUMBER`, with a name that there is.
fn limit(text: &str) -> Result<(String, u64), String> {
    let known = || "expected fuel=NUMBER, output=NUMBER or depth=NUMBER".to_owned();
    let (name, number) = text.split_once('=').ok_or_else(known)?;
    if !Limits::default().set(name, 0) {
        return Err(known());
    }
    Ok((name.to_owned(), number.parse().map_err(|_| known())?))
}

/// The limits as they are asked for.
pub(super) fn limits(given: &[(String, u64)]) -> Limits {
    let mut limits = Limits::default();
    for (name, number) in given {
        limits.set(name, *number);
    }
    limits
}
