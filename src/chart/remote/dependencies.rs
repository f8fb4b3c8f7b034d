//! Fills a chart's `charts/` folder with what it depends on and keeps `Chart.lock`, with helm's words on the way (helm:
//! `downloader.Manager`).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::locate::Place;
use super::{Fetched, Remote, RemoteError, write_file};
use crate::chart::repository::{
    Index, Lock, Reference, RepositoryEntry, hash_dependencies, hash_dependencies_v2, is_oci,
};
use crate::chart::version::{Constraint, Version};
use crate::chart::{Chart, Dependency, io};

/// Repositories beside helm's list, while dependencies are resolved.
const UNMANAGED: &str = "helm-manager-";

/// What is done to a chart's dependencies.
#[derive(Debug)]
pub struct Dependencies<'a> {
    /// Where charts come from.
    pub remote: &'a Remote,
    /// The chart's folder.
    pub chart: &'a Path,
    /// Whether indexes in the cache are good enough.
    pub skip_refresh: bool,
    /// The time, as a new lock says it (RFC 3339).
    pub now: String,
}

type Indexes = BTreeMap<String, Index>;

impl Dependencies<'_> {
    /// Resolves what `Chart.yaml` asks for, fetches it, and writes the lock (`helm dependency update`).
    ///
    /// # Errors
    /// With helm's message.
    pub async fn update(&self, out: &mut (dyn Write + Send), pulled: &dyn Fn(&Fetched)) -> Result<(), RemoteError> {
        let chart = self.load()?;
        let Some(mut wanted) = chart.metadata.dependencies.clone() else { return Ok(()) };
        let entries = self.remote.repositories()?;
        let names = self.names(&mut wanted, &entries)?;
        let mut indexes = Indexes::new();
        let unmanaged: Vec<&Dependency> = wanted
            .iter()
            .filter(|dependency| !dependency.repository.is_empty() && !names.contains_key(&dependency.name))
            .collect();
        let mut fresh = BTreeMap::new();
        if !self.skip_refresh && !unmanaged.is_empty() {
            say(out, "Getting updates for unmanaged Helm repositories...\n")?;
        }
        for dependency in unmanaged {
            let url = &dependency.repository;
            let place = self.remote.place_at(url)?;
            self.refresh(&place, url, None, &mut indexes, out).await?;
            fresh.insert(
                dependency.name.clone(),
                format!("{UNMANAGED}{}", crate::chart::repository::sha256(url.as_bytes())),
            );
        }
        self.refresh_list(&entries, &mut indexes, out).await?;
        let mut locked = self.resolve(&wanted, &names, &fresh, &indexes).await?;
        self.download(&mut locked, out, pulled).await?;
        let digest = hash_dependencies(Some(&wanted), &locked);
        if chart.lock.as_ref().is_some_and(|lock| lock.digest == digest) {
            return Ok(());
        }
        let lock = Lock { generated: self.now.clone(), digest, dependencies: locked };
        let name = if chart.metadata.api_version == "v1" { "requirements.lock" } else { "Chart.lock" };
        save(&self.chart.join(name), lock.to_yaml().as_bytes())
    }

    /// Fetches what the lock names; without one, does what [`Self::update`] does (`helm dependency build`).
    ///
    /// # Errors
    /// With helm's message.
    pub async fn build(&self, out: &mut (dyn Write + Send), pulled: &dyn Fn(&Fetched)) -> Result<(), RemoteError> {
        let chart = self.load()?;
        let Some(lock) = chart.lock.clone() else { return self.update(out, pulled).await };
        let mut wanted = chart.metadata.dependencies.clone();
        let first = chart.metadata.api_version == "v1";
        let old = hash_dependencies_v2(wanted.as_deref());
        let entries = self.remote.repositories()?;
        self.names(wanted.as_deref_mut().unwrap_or_default(), &entries)?;
        if hash_dependencies(wanted.as_deref(), &lock.dependencies) != lock.digest && !(first && old == lock.digest) {
            let (lock, file) =
                if first { ("requirements.lock", "requirements.yaml") } else { ("Chart.lock", "Chart.yaml") };
            return Err(RemoteError::invalid(format!(
                "the lock file ({lock}) is out of sync with the dependencies file ({file}). Please update the dependencies"
            )));
        }
        let missing: Vec<&str> = lock
            .dependencies
            .iter()
            .map(|dependency| dependency.repository.as_str())
            .filter(|url| !url.is_empty() && !url.starts_with("file://") && !is_oci(url))
            .filter(|url| !entries.iter().any(|entry| same_url(&entry.url, url)))
            .collect();
        if !missing.is_empty() {
            return Err(RemoteError::invalid(format!(
                "no repository definition for {}. Please add the missing repos via 'helm repo add'",
                missing.join(", ")
            )));
        }
        self.refresh_list(&entries, &mut Indexes::new(), out).await?;
        let mut locked = lock.dependencies;
        self.download(&mut locked, out, pulled).await
    }

    fn load(&self) -> Result<Chart, RemoteError> {
        let shown = self.chart.display();
        let meta = fs::metadata(self.chart).map_err(|_| {
            RemoteError::invalid(format!("could not find {shown}: stat {shown}: no such file or directory"))
        })?;
        if !meta.is_dir() {
            return Err(RemoteError::invalid("only unpacked charts can be updated"));
        }
        io::load_alone(self.chart).map_err(|error| RemoteError::invalid(error.helm))
    }

    /// The names of the repositories of helm's list that dependencies come from; `@name` becomes the URL.
    fn names(
        &self,
        wanted: &mut [Dependency],
        entries: &[RepositoryEntry],
    ) -> Result<BTreeMap<String, String>, RemoteError> {
        let mut names = BTreeMap::new();
        let mut missing = Vec::new();
        for dependency in wanted {
            let url = dependency.repository.clone();
            if url.is_empty() {
                continue;
            }
            if url.starts_with("file://") {
                self.local(&url)?;
                names.insert(dependency.name.clone(), url);
                continue;
            }
            if is_oci(&url) {
                names.insert(dependency.name.clone(), url);
                continue;
            }
            let alias = url.strip_prefix('@').or_else(|| url.strip_prefix("alias:"));
            let found = entries
                .iter()
                .find(|entry| alias.map_or_else(|| same_url(&entry.url, &url), |alias| entry.name == alias));
            match found {
                Some(entry) => {
                    if alias.is_some() {
                        dependency.repository.clone_from(&entry.url);
                    }
                    names.insert(dependency.name.clone(), entry.name.clone());
                }
                None if url.contains("://") || url.starts_with('/') => {}
                None => missing.push(url),
            }
        }
        if missing.is_empty() {
            return Ok(names);
        }
        let mut message =
            format!("no repository definition for {}. Please add them via 'helm repo add'", missing.join(", "));
        if missing.iter().any(|name| !name.contains("//") && !name.starts_with('@') && !name.starts_with("alias:")) {
            message.push_str(
                "\nNote that repositories must be URLs or aliases. For example, to refer to the \"example\"\n\
                 repository, use \"https://charts.example.com/\" or \"@example\" instead of\n\
                 \"example\". Don't forget to add the repo, too ('helm repo add').",
            );
        }
        Err(RemoteError::invalid(message))
    }

    /// The folder that a `file://` repository (or a path) names.
    fn local(&self, repository: &str) -> Result<PathBuf, RemoteError> {
        let path = repository.strip_prefix("file://").unwrap_or(repository);
        let path = cleaned(&if path.starts_with('/') { PathBuf::from(path) } else { self.chart.join(path) });
        if path.exists() {
            return Ok(path);
        }
        Err(RemoteError::invalid(format!("directory {} not found", path.display())))
    }

    async fn refresh_list(
        &self,
        entries: &[RepositoryEntry],
        indexes: &mut Indexes,
        out: &mut (dyn Write + Send),
    ) -> Result<(), RemoteError> {
        if self.skip_refresh || entries.is_empty() {
            for entry in entries {
                // What is not there is told when it is needed.
                if let Ok(index) = self.remote.index(&self.remote.place(entry)).await {
                    indexes.insert(entry.name.clone(), index);
                }
            }
            return Ok(());
        }
        say(out, "Hang tight while we grab the latest from your chart repositories...\n")?;
        for entry in entries {
            self.refresh(&self.remote.place(entry), &entry.url, Some(&entry.name), indexes, out).await?;
        }
        say(out, "Update Complete. ⎈Happy Helming!⎈\n")
    }

    async fn refresh(
        &self,
        place: &Place,
        url: &str,
        name: Option<&str>,
        indexes: &mut Indexes,
        out: &mut (dyn Write + Send),
    ) -> Result<(), RemoteError> {
        let url = crate::chart::repository::masked(url);
        let shown = name.unwrap_or(&url);
        let key = name.map_or_else(
            || format!("{UNMANAGED}{}", crate::chart::repository::sha256(place.url.as_bytes())),
            str::to_owned,
        );
        let text = match self.remote.index(place).await {
            Ok(index) => {
                indexes.insert(key, index);
                format!("...Successfully got an update from the {shown:?} chart repository\n")
            }
            Err(error) => {
                let place = name.map_or_else(String::new, |_| format!(" ({url})"));
                format!("...Unable to get an update from the {shown:?} chart repository{place}:\n\t{error}\n")
            }
        };
        if self.skip_refresh && name.is_none() { Ok(()) } else { say(out, &text) }
    }

    /// Exact versions for what is wanted.
    async fn resolve(
        &self,
        wanted: &[Dependency],
        names: &BTreeMap<String, String>,
        fresh: &BTreeMap<String, String>,
        indexes: &Indexes,
    ) -> Result<Vec<Dependency>, RemoteError> {
        let (mut locked, mut missing) = (Vec::new(), Vec::new());
        for dependency in wanted {
            let Dependency { name, version, repository, .. } = dependency;
            let constraint = Constraint::parse(version).map_err(|error| {
                RemoteError::invalid(format!("dependency {name:?} has an invalid version/constraint format: {error}"))
            })?;
            let exact = |version: &str| Dependency {
                name: name.clone(),
                version: version.to_owned(),
                repository: repository.clone(),
                ..Dependency::default()
            };
            let inside = |version: &str| Version::parse(version).is_ok_and(|version| constraint.check(&version));
            let not_there = || format!("{name:?} (repository {repository:?}, version {version:?})");
            if repository.is_empty() {
                self.local(&format!("charts/{name}"))?;
                locked.push(exact(version));
            } else if repository.starts_with("file://") {
                let chart =
                    io::load_alone(&self.local(repository)?).map_err(|error| RemoteError::invalid(error.helm))?;
                if inside(&chart.metadata.version) {
                    locked.push(exact(&chart.metadata.version));
                } else {
                    missing.push(not_there());
                }
            } else if is_oci(repository) {
                let found = if Version::parse(version).is_ok() {
                    Some(version.clone())
                } else {
                    let reference = Reference::parse(&format!("{}/{name}", repository.trim_end_matches('/')))?;
                    let versions = self.remote.oci_versions(&reference).await.map_err(|error| {
                        error.wrap(format!("could not retrieve list of tags for repository {repository}"))
                    })?;
                    versions.into_iter().find(|version| inside(version))
                };
                // Helm locks an empty version here, and fails later.
                match found {
                    Some(found) => locked.push(exact(&found)),
                    None => missing.push(not_there()),
                }
            } else {
                let key = names.get(name).or_else(|| fresh.get(name)).cloned().unwrap_or_default();
                let index = indexes.get(&key).ok_or_else(|| {
                    RemoteError::invalid(format!("no cached repository for {key} found. (try 'helm repo update')"))
                })?;
                let versions = index
                    .versions(name)
                    .ok_or_else(|| RemoteError::invalid(format!("{name} chart not found in repo {repository}")))?;
                match versions.iter().find(|held| !held.urls.is_empty() && inside(&held.version)) {
                    Some(found) => locked.push(exact(&found.version)),
                    None => missing.push(not_there()),
                }
            }
        }
        if missing.is_empty() {
            return Ok(locked);
        }
        Err(RemoteError::invalid(format!(
            "can't get a valid version for {} subchart(s): {}. Make sure a matching chart version exists in the repo, or change the version constraint in Chart.yaml",
            missing.len(),
            missing.join(", ")
        )))
    }

    /// Fetches everything, and only then touches `charts/`.
    async fn download(
        &self,
        locked: &mut [Dependency],
        out: &mut (dyn Write + Send),
        pulled: &dyn Fn(&Fetched),
    ) -> Result<(), RemoteError> {
        let folder = self.chart.join("charts");
        if folder.exists() && !folder.is_dir() {
            return Err(RemoteError::invalid(format!("{:?} is not a directory", folder.display().to_string())));
        }
        say(out, &format!("Saving {} charts\n", locked.len()))?;
        let mut files = BTreeMap::new();
        let mut done: Vec<String> = Vec::new();
        for dependency in locked.iter_mut() {
            if let Err(error) = self.one(dependency, &folder, &mut files, &mut done, out, pulled).await {
                say(out, &format!("Save error occurred:  {error}\n"))?;
                return Err(error);
            }
        }
        let failed = |error: std::io::Error| RemoteError::storage(format!("{}: {error}", folder.display()));
        fs::create_dir_all(&folder).map_err(failed)?;
        let mut before: Vec<_> =
            fs::read_dir(&folder).map_err(failed)?.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        before.sort();
        for (name, bytes) in &files {
            save(&folder.join(name), bytes)?;
        }
        say(out, "Deleting outdated charts\n")?;
        for name in before {
            let path = folder.join(&name);
            if path.is_dir() || files.contains_key(name.to_string_lossy().as_ref()) {
                continue;
            }
            match io::load(&path) {
                Err(error) => {
                    let text = format!("Could not verify {} for deletion: {} (Skipping)\n", path.display(), error.helm);
                    say(out, &text)?;
                }
                Ok(chart) => {
                    let own = |held: &Dependency| held.repository.is_empty() && held.name == chart.metadata.name;
                    if !locked.iter().any(own) {
                        fs::remove_file(&path).map_err(failed)?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn one(
        &self,
        dependency: &mut Dependency,
        folder: &Path,
        files: &mut BTreeMap<String, Vec<u8>>,
        done: &mut Vec<String>,
        out: &mut (dyn Write + Send),
        pulled: &dyn Fn(&Fetched),
    ) -> Result<(), RemoteError> {
        let Dependency { name, version, repository, .. } = &*dependency;
        let shown = crate::chart::repository::masked(repository);
        if repository.is_empty() {
            let text =
                format!("Dependency {name} did not declare a repository. Assuming it exists in the charts directory\n");
            say(out, &text)?;
            let path = folder.join(name);
            let unable =
                |error: String| RemoteError::invalid(format!("unable to load chart '{}': {error}", path.display()));
            let chart = io::load_alone(&path).map_err(|error| unable(error.helm))?;
            let constraint = Constraint::parse(version).map_err(|error| {
                RemoteError::invalid(format!("dependency {name} has an invalid version/constraint format: {error}"))
            })?;
            let own = &chart.metadata.version;
            if Version::parse(own).is_ok_and(|own| constraint.check(&own)) {
                return Ok(());
            }
            let text = format!("dependency {name} at version {own} does not satisfy the constraint {version}");
            return Err(RemoteError::invalid(text));
        }
        if repository.starts_with("file://") {
            let chart = io::load_alone(&self.local(repository)?).map_err(|error| RemoteError::invalid(error.helm))?;
            let constraint = Constraint::parse(version).map_err(|error| {
                RemoteError::invalid(format!("dependency {name} has an invalid version/constraint format: {error}"))
            })?;
            if !Version::parse(&chart.metadata.version).is_ok_and(|own| constraint.check(&own)) {
                return Err(RemoteError::invalid(format!("can't get a valid version for dependency {name}")));
            }
            let time = self.now.parse::<jiff::Timestamp>().map_or(0, |now| now.as_second().try_into().unwrap_or(0));
            files.insert(chart.archive_name(), chart.pack(time).map_err(RemoteError::invalid)?);
            dependency.version = chart.metadata.version;
            return Ok(());
        }
        let resolved = if is_oci(repository) {
            let chart = format!("{}/{name}", repository.trim_end_matches('/'));
            self.remote.resolve(&super::Wanted { chart: &chart, version, repository: "" }).await?
        } else {
            let context = format!("chart {name} not found in {shown}");
            self.remote.resolve_dependency(name, version, repository).await.map_err(|error| error.wrap(context))?
        };
        if done.contains(&resolved.shown()) {
            return say(out, &format!("Already downloaded {name} from repo {shown}\n"));
        }
        say(out, &format!("Downloading {name} from repo {shown}\n"))?;
        let fetched = self.remote.download(&resolved).await;
        let fetched = fetched.map_err(|error| error.wrap(format!("could not download {}", resolved.url())))?;
        pulled(&fetched);
        Chart::load_archive(&fetched.file_name, &fetched.bytes).map_err(|error| {
            RemoteError::untrusted(format!("could not download {}: {}", resolved.url(), error.helm))
        })?;
        if fetched.file_name.is_empty() || fetched.file_name.contains(['/', '\\']) || fetched.file_name.starts_with('.')
        {
            return Err(RemoteError::untrusted(format!("{:?} cannot name a file", fetched.file_name)));
        }
        files.insert(fetched.file_name.clone(), fetched.bytes.to_vec());
        done.push(resolved.shown());
        Ok(())
    }
}

fn say(out: &mut (dyn Write + Send), text: &str) -> Result<(), RemoteError> {
    out.write_all(text.as_bytes()).map_err(|error| RemoteError::storage(error.to_string()))
}

/// Writes a file that everybody may read.
fn save(path: &Path, bytes: &[u8]) -> Result<(), RemoteError> {
    write_file(path, bytes)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .map_err(|error| RemoteError::storage(format!("{}: {error}", path.display())))?;
    Ok(())
}

/// Without `.` and with as little `..` as can be, as Go cleans paths.
fn cleaned(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

/// Whether two URLs name the same repository; a slash at the end counts for nothing.
fn same_url(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}
