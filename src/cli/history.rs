//! `evenkeel history`: the revisions of a release, as helm's history has them.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::args::{ClusterArgs, SourceArgs, Target};
use super::console::Console;
use super::error::CliError;
use super::{Outcome, source};
use crate::cluster::{Cluster, ReadRevision};
use crate::environment::Release;
use crate::manifest::Lifecycle;
use crate::reconcile::Source;

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The release.
    #[arg(value_name = "ENV/RELEASE")]
    pub target: String,
    /// Show this many revisions at most, the newest.
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    pub max: usize,
    /// Where the desired state is read from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which cluster is meant.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// A release that was named on the command line, in its cluster.
pub(super) struct Named {
    pub(super) source: Source,
    pub(super) target: Target,
    pub(super) cluster: Cluster,
    /// The release as Git has it, when that can be read.
    pub(super) release: Option<Release>,
    /// Its life, as its inventory has it.
    pub(super) lifecycle: Option<Lifecycle>,
}

impl Named {
    /// Finds a release by name: in Git, or among the inventories when it has left Git.
    pub(super) async fn find(target: &str, args: &SourceArgs, cluster: &ClusterArgs) -> Result<Self, CliError> {
        let target = Target::parse(target);
        let Some(name) = target.release.clone() else {
            return Err(CliError::user(format!("`{}` names no release", target.environment)).hint("write ENV/RELEASE"));
        };
        let opened = source::open(args)?;
        let whole = Target::parse(&target.environment);
        let environment = source::environment(&opened, args, &whole)?;
        source::deployable(&environment)?;
        let cluster = source::connect(cluster, &environment.cluster).await?;
        let stored = cluster.inventory(&target.environment, &name).await?;
        if stored.is_none() {
            // Only now is it a mistake of the user's.
            source::environment(&opened, args, &target)?;
        }
        let release = environment.release(&name).and_then(|r| r.as_ref().ok()).cloned();
        let lifecycle = stored.and_then(|s| s.content.ok()).and_then(|i| i.lifecycle);
        Ok(Self { source: opened, target, cluster, release, lifecycle })
    }

    /// Helm's name of it and the namespace of its history.
    pub(super) fn helm(&self) -> Result<(String, String), CliError> {
        match (&self.lifecycle, &self.release) {
            (Some(life), _) if !life.name.is_empty() => Ok((life.name.clone(), life.namespace.clone())),
            (_, Some(release)) => Ok((release.release_name.clone(), release.namespace.clone())),
            _ => Err(CliError::user(format!("{} has no history", self.display()))),
        }
    }

    /// `ENV/RELEASE`.
    pub(super) fn display(&self) -> String {
        format!("{}/{}", self.target.environment, self.target.release.as_deref().unwrap_or_default())
    }
}

pub(super) async fn run(args: HistoryArgs, console: &Console) -> Outcome {
    let named = Named::find(&args.target, &args.source, &args.cluster).await?;
    let (name, namespace) = named.helm()?;
    let revisions = named.cluster.revisions(&namespace, &name).await?;
    if revisions.is_empty() {
        return Err(CliError::user(format!("{} has no history: it was never applied", named.display())));
    }
    let shown = &revisions[revisions.len().saturating_sub(args.max)..];
    let rows: Vec<Value> = shown.iter().map(row).collect();
    if console.json() {
        console.value(&json!({
            "environment": named.target.environment, "release": named.target.release, "name": name,
            "namespace": namespace, "held": named.lifecycle.and_then(|l| l.held), "revisions": rows,
        }));
    } else {
        console.text(&table(&rows));
    }
    Ok(0)
}

/// One revision, with helm's keys.
fn row(read: &ReadRevision) -> Value {
    let revision = &read.revision;
    json!({
        "revision": revision.version,
        "updated": revision.info.last_deployed,
        "status": revision.info.status.as_str(),
        "chart": format!("{}-{}", revision.chart_text("name"), revision.chart_text("version")),
        "app_version": revision.chart_text("appVersion"),
        "description": revision.info.description,
    })
}

fn table(rows: &[Value]) -> String {
    const HEAD: [(&str, &str); 6] = [
        ("REVISION", "revision"),
        ("UPDATED", "updated"),
        ("STATUS", "status"),
        ("CHART", "chart"),
        ("APP VERSION", "app_version"),
        ("DESCRIPTION", "description"),
    ];
    let cell = |row: &Value, key: &str| match &row[key] {
        Value::String(text) if key == "updated" => text.chars().take(19).collect(),
        Value::String(text) => text.replace('\n', " "),
        other => other.to_string(),
    };
    let mut text = String::new();
    let width =
        |(title, key): (&str, &str)| rows.iter().map(|r| cell(r, key).len()).max().unwrap_or(0).max(title.len());
    let widths: Vec<usize> = HEAD.iter().map(|column| width(*column)).collect();
    let mut line = |cells: Vec<String>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}")).collect();
        let _ = writeln!(text, "{}", padded.join("  ").trim_end());
    };
    line(HEAD.iter().map(|(title, _)| (*title).to_owned()).collect());
    for row in rows {
        line(HEAD.iter().map(|(_, key)| cell(row, key)).collect());
    }
    text
}
