//! What the commands read and which cluster they mean: arguments become a source and a connection.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::args::{ClusterArgs, SourceArgs, Target};
use super::error::CliError;
use crate::cluster::{Cluster, ConnectOptions};
use crate::diagnostic::nearest;
use crate::environment::{self, Environment};
use crate::git::{Folder, Repository};
use crate::reconcile::{Charts, Source, WORKING_FOLDER};
use crate::sops::{KeySource, Keys};
use crate::tree::Once;

/// Opens the working folder, or the revision that was asked for.
pub(super) fn open(args: &SourceArgs) -> Result<Source, CliError> {
    match &args.rev {
        None => {
            let folder = Folder::open(&args.repo).map_err(|e| CliError::user(e.to_string()))?;
            Ok(Source {
                tree: Arc::new(Once::new(Arc::new(folder))),
                revision: WORKING_FOLDER.to_owned(),
                time: Timestamp::now(),
                charts: charts(args.offline),
                keys: keys(),
            })
        }
        Some(revision) => {
            let repository = Repository::open(&args.repo).map_err(|e| CliError::user(e.to_string()))?;
            let snapshot = repository.snapshot(revision).map_err(|e| CliError::user(e.to_string()))?;
            let (revision, time) = (snapshot.revision().id.clone(), snapshot.revision().time);
            let charts = charts(args.offline);
            Ok(Source { tree: Arc::new(snapshot), revision, time, charts, keys: keys() })
        }
    }
}

/// Narrows a target down to the releases of groups.
pub(super) fn limit(target: &mut Target, environment: &Environment, groups: &[String]) -> Result<(), CliError> {
    if groups.is_empty() {
        return Ok(());
    }
    if target.release.is_some() {
        return Err(CliError::user("`--group` is about an environment, not about one release").hint("write ENV alone"));
    }
    for group in groups {
        if !environment.order.contains(group) {
            let error = CliError::user(format!("environment `{}` has no group `{group}`", environment.name));
            let hint = "groups stand in `order` of environment.yaml";
            return Err(if environment.order.is_empty() {
                error.hint(hint)
            } else {
                suggest(error, group, &environment.order)
            });
        }
    }
    let chosen = environment.groups.iter().filter(|(_, group)| groups.contains(group));
    target.of_groups = Some(chosen.map(|(release, _)| release.clone()).collect());
    Ok(())
}

/// Makes sure that an environment of the target's name is there; what is wrong with it is not asked.
pub(super) fn known(source: &Source, args: &SourceArgs, target: &Target) -> Result<(), CliError> {
    let root = args.path.trim_matches('/');
    let names = environment::discover(source.tree.as_ref(), root)?;
    if !names.contains(&target.environment) {
        let error = CliError::user(format!("there is no environment `{}` in `{root}`", target.environment));
        return Err(suggest(error, &target.environment, &names));
    }
    // A release can only be looked for where the environment can be read.
    if let (Some(release), Ok(environment)) =
        (&target.release, environment::load(source.tree.as_ref(), root, &target.environment, &source.keys))
        && environment.release(release).is_none()
    {
        let names: Vec<String> = environment.stages.iter().flatten().cloned().collect();
        let error = CliError::user(format!("environment `{}` has no release `{release}`", target.environment));
        return Err(suggest(error, release, &names));
    }
    Ok(())
}

/// Where charts come from that are not in the repository: helm's files and our cache.
pub(super) fn charts(offline: bool) -> Charts {
    let place = super::chart::source::PlaceArgs { offline, ..Default::default() };
    Charts::new(place.settings())
}

/// What opens files of secrets: the age keys where SOPS looks for them, too.
#[expect(clippy::disallowed_methods, reason = "the command line is where the process's environment is read")]
pub(super) fn keys() -> Keys {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let file = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        })
    };
    let not_set = || Err("not set".to_owned());
    let mut sources = vec![KeySource {
        name: "SOPS_AGE_KEY".to_owned(),
        text: variable("SOPS_AGE_KEY").map_or_else(not_set, |text| Ok(text.to_string_lossy().into_owned())),
    }];
    sources.push(match variable("SOPS_AGE_KEY_FILE").map(PathBuf::from) {
        Some(path) => KeySource { name: format!("SOPS_AGE_KEY_FILE ({})", path.display()), text: file(&path) },
        None => KeySource { name: "SOPS_AGE_KEY_FILE".to_owned(), text: not_set() },
    });
    if let Some(path) = config_folder().map(|folder| folder.join("sops/age/keys.txt")) {
        sources.push(KeySource { name: path.display().to_string(), text: file(&path) });
    }
    if variable("SOPS_AGE_KEY_CMD").is_some() {
        sources
            .push(KeySource { name: "SOPS_AGE_KEY_CMD".to_owned(), text: Err("evenkeel runs no commands".to_owned()) });
    }
    Keys::read(sources)
}

/// Go's `os.UserConfigDir`, as SOPS asks it.
#[expect(clippy::disallowed_methods, reason = "the command line is where the process's environment is read")]
fn config_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let below_home = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
    variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(below_home)))
}

/// Reads the environment that a target names; an unknown name is an error with the nearest one.
pub(super) fn environment(source: &Source, args: &SourceArgs, target: &Target) -> Result<Environment, CliError> {
    let root = args.path.trim_matches('/');
    let names = environment::discover(source.tree.as_ref(), root)?;
    if !names.contains(&target.environment) {
        let error = CliError::user(format!("there is no environment `{}` in `{root}`", target.environment));
        return Err(suggest(error, &target.environment, &names));
    }
    let environment = environment::load(source.tree.as_ref(), root, &target.environment, &source.keys)?;
    if let Some(release) = &target.release
        && environment.release(release).is_none()
    {
        let names: Vec<String> = environment.stages.iter().flatten().cloned().collect();
        let error = CliError::user(format!("environment `{}` has no release `{release}`", target.environment));
        return Err(suggest(error, release, &names));
    }
    Ok(environment)
}

fn suggest(error: CliError, name: &str, names: &[String]) -> CliError {
    if let Some(near) = nearest(name, names.iter().map(String::as_str)) {
        return error.hint(format!("did you mean `{near}`?"));
    }
    if names.is_empty() {
        return error.hint("an environment is a folder with an environment.yaml; see -C/--repo and --path");
    }
    error.hint(format!("there are: {}", names.join(", ")))
}

/// An abstract environment is never compared with a cluster.
pub(super) fn deployable(environment: &Environment) -> Result<(), CliError> {
    if environment.is_abstract {
        let text = format!("environment `{}` is abstract: a layer that is never deployed", environment.name);
        return Err(CliError::user(text));
    }
    Ok(())
}

/// Connects to the cluster of an environment; what the command line names comes before what the environment says.
pub(super) async fn connect(args: &ClusterArgs, target: &environment::Target) -> Result<Cluster, CliError> {
    Ok(Cluster::connect(connect_options(args, target)).await?)
}

/// How to reach the cluster of an environment.
pub(super) fn connect_options(args: &ClusterArgs, target: &environment::Target) -> ConnectOptions {
    let context = match target {
        _ if args.context.is_some() => args.context.clone(),
        environment::Target::Context(name) => Some(name.clone()),
        _ => None,
    };
    let in_cluster =
        matches!(target, environment::Target::InCluster) && args.kubeconfig.is_none() && args.context.is_none();
    ConnectOptions { kubeconfig: args.kubeconfig.clone(), context, in_cluster, ..ConnectOptions::default() }
}

/// The folder for clones: the user's cache folder.
#[expect(clippy::disallowed_methods, reason = "the command line is where the process's environment is read")]
pub(super) fn cache_folder() -> PathBuf {
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("evenkeel")
}
