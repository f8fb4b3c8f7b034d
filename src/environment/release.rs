//! One release of an environment: its layers merged, checked and read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::digest::{self, Digester};
use super::fields::{Text, shown};
use super::files::{self, MANIFESTS, RELEASE, SECRETS, VALUES, entries, is_yaml, stray};
use super::layers::Layer;
use super::located::{Located, Place};
use super::lock::{self, Asked};
use super::names::{label_fault, release_fault};
use super::policy::Policies;
use super::spec::{self, ReleaseSpec};
use super::stages::Position;
use super::substitute::substitute;
use super::{BrokenRelease, ChartSource, Diagnostics, Release, RemoteChart, SourceText, unsupported};
use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Redactor};
use crate::sops::Keys;
use crate::tree::{EntryKind, Tree, join, normal};
use crate::values::{self, LayerKind};
use crate::yaml;

/// The names of all folders that some layer has, with the layers that have each (by index).
pub(super) fn folders(tree: &dyn Tree, layers: &[Layer]) -> Result<BTreeMap<String, Vec<usize>>, Diagnostic> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, layer) in layers.iter().enumerate() {
        for entry in entries(tree, &layer.folder)? {
            if entry.kind == EntryKind::Folder && !entry.name.starts_with('.') {
                found.entry(entry.name).or_default().push(index);
            }
        }
    }
    Ok(found)
}

/// What became of a folder.
pub(super) enum Found {
    /// Nothing in it speaks of a release.
    Nothing,
    /// Switched off.
    Disabled,
    /// A release, whole or broken, with its place in the order and the places of its names.
    Release { release: Box<Result<Release, BrokenRelease>>, position: Position, named_at: Option<Place> },
}

/// What every release of an environment shares.
pub(super) struct Context<'a> {
    pub(super) tree: &'a dyn Tree,
    /// Open the files of secrets.
    pub(super) keys: &'a Keys,
    pub(super) environment: &'a str,
    pub(super) layers: &'a [Layer],
    pub(super) namespace: Option<&'a str>,
    pub(super) is_abstract: bool,
    pub(super) policies: &'a Policies,
    /// The names of the folders that declare a release in some layer.
    pub(super) declared: &'a [String],
}

impl Context<'_> {
    /// Reads the release in the folder `name` of the layers `of`.
    pub(super) fn read(&self, name: &str, of: &[usize]) -> Found {
        let mut reading = Reading {
            context: self,
            name,
            errors: Vec::new(),
            files: BTreeSet::new(),
            names_known: true,
            remote: None,
        };
        let folders: Vec<(&str, String)> = of
            .iter()
            .filter_map(|index| self.layers.get(*index))
            .map(|layer| (layer.name.as_str(), join(&layer.folder, name)))
            .collect();
        reading.run(&folders)
    }
}

/// One release being read.
struct Reading<'a> {
    context: &'a Context<'a>,
    name: &'a str,
    errors: Vec<Diagnostic>,
    files: BTreeSet<String>,
    /// Every name was substituted, so that it can be checked.
    names_known: bool,
    /// The chart, when it comes from elsewhere.
    remote: Option<RemoteChart>,
}

impl Reading<'_> {
    fn run(&mut self, folders: &[(&str, String)]) -> Found {
        let speaks = self.look_around(folders);
        let Some(merged) = self.spec(folders) else {
            if self.errors.is_empty() {
                return if speaks { self.undeclared(folders) } else { Found::Nothing };
            }
            return self.broken(Position::default(), None);
        };
        let mut content = merged;
        let before = self.errors.len();
        substitute(&mut content, self.context.environment, self.name, &mut self.errors);
        self.names_known = self.errors.len() == before;
        let spec = spec::release(&content, &mut self.errors);
        if !spec.enabled {
            return Found::Disabled;
        }
        let named_at = Some(spec.release_name.as_ref().map_or(&content.place, |text| &text.place).clone());
        let whole = self.whole(&spec, &content, folders);
        let position = Position { group: spec.group, depends_on: spec.depends_on };
        match whole {
            Some(release) if self.errors.is_empty() => {
                Found::Release { release: Box::new(Ok(release)), position, named_at }
            }
            _ => self.broken(position, named_at),
        }
    }

    fn broken(&mut self, position: Position, named_at: Option<Place>) -> Found {
        let diagnostics = Diagnostics::sorted(std::mem::take(&mut self.errors)).0;
        let release =
            Box::new(Err(BrokenRelease { name: self.name.to_owned(), diagnostics, remote: self.remote.take() }));
        Found::Release { release, position, named_at }
    }

    fn take<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    /// Looks at the files of all layers' folders; whether any of them belongs to a release.
    fn look_around(&mut self, folders: &[(&str, String)]) -> bool {
        let mut speaks = false;
        for (_, folder) in folders {
            let Some(found) = self.take(entries(self.context.tree, folder)) else { continue };
            for entry in &found {
                let known = matches!(entry.name.as_str(), RELEASE | VALUES | SECRETS) && entry.kind == EntryKind::File
                    || entry.name == MANIFESTS && entry.kind == EntryKind::Folder;
                speaks |= known;
                if let Some((_, purpose)) = unsupported::FILES.iter().find(|(file, _)| *file == entry.name) {
                    speaks = true;
                    let path = join(folder, &entry.name);
                    self.errors.push(
                        Diagnostic::new(path, format!("{purpose} are not supported yet")).hint("remove the file"),
                    );
                }
                if let Some(error) = stray(folder, entry) {
                    speaks = true;
                    self.errors.push(error);
                }
            }
        }
        speaks
    }

    /// The `release.yaml` of all layers, merged.
    fn spec(&mut self, folders: &[(&str, String)]) -> Option<Located> {
        let mut merged: Option<Located> = None;
        for (_, folder) in folders {
            let path = join(folder, RELEASE);
            let text = self.take(files::text(self.context.tree, &path)).flatten();
            let Some(text) = text else { continue };
            self.files.insert(path.clone());
            let Some(content) = self.take(Located::read(&path, text)) else { continue };
            // Alone first: what is wrong here is wrong here, whatever lies over it.
            let mut own = content.clone();
            substitute(&mut own, self.context.environment, self.name, &mut self.errors);
            spec::release(&own, &mut self.errors);
            match &mut merged {
                Some(merged) => merged.merge(&content),
                None => merged = Some(content),
            }
        }
        merged
    }

    /// Files of a release, but none that declares it.
    fn undeclared(&mut self, folders: &[(&str, String)]) -> Found {
        let folder = folders.last().map(|(_, folder)| folder.clone()).unwrap_or_default();
        let error = Diagnostic::new(join(&folder, RELEASE), format!("no layer declares a release `{}`", self.name));
        let others = self.context.declared.iter().map(String::as_str).filter(|other| *other != self.name);
        self.errors.push(
            error
                .suggest(self.name, others)
                .note("its folder holds files of a release, but no layer has its release.yaml"),
        );
        self.broken(Position::default(), None)
    }

    fn whole(&mut self, spec: &ReleaseSpec, content: &Located, folders: &[(&str, String)]) -> Option<Release> {
        let release_name = self.release_name(spec, content);
        let namespace = self.namespace(spec, content);
        let chart = spec.chart.as_ref().map(|chart| self.chart(chart, spec, folders));
        let (values, texts, mut secrets) = self.values(folders);
        let manifests = self.manifests(folders);
        if chart.is_none() && manifests.is_empty() {
            let error = content.place.error("nothing to install: neither a `chart` nor a folder manifests/");
            self.errors.push(error.hint("add `chart: charts/NAME`"));
        }
        if chart.is_none() && !manifests.is_empty() {
            for (path, _) in &texts {
                self.errors.push(Diagnostic::new(path, "values without a `chart` that takes them"));
            }
        }
        if !self.errors.is_empty() {
            return None;
        }
        let policies = spec.policies.over(self.context.policies);
        let chart = chart.flatten();
        let mut digester = Digester::default();
        for part in ["1", self.context.environment, self.name, &release_name, &namespace] {
            digester.part(part);
        }
        digester.part(format!("{policies:?} {:?} {:?}", spec.crds, spec.health));
        let mut chart_digest = String::new();
        if let Some(chart) = &chart {
            let mut content = Digester::default();
            let digested = match chart {
                ChartSource::Folder(path) => digest::chart(self.context.tree, path, &mut content),
                ChartSource::Archive { path, version } => {
                    content.part(version);
                    digest::file(self.context.tree, path, &mut content)
                }
                ChartSource::Locked(locked) => {
                    content.part(format!("{} {}", locked.version, locked.digest));
                    Ok(())
                }
                ChartSource::Unlocked(_) => Ok(()),
            };
            self.take(digested)?;
            chart_digest = content.finish();
            digester.part(&chart_digest);
        }
        for (path, text) in &texts {
            digester.part(path);
            digester.part(text);
        }
        for manifest in &manifests {
            digester.part(&manifest.path);
            digester.part(&manifest.text);
        }
        // What can be read in the names is nothing that could be hidden.
        let names = [self.name, self.context.environment, &release_name, &namespace];
        secrets.retain(|text| !names.iter().any(|name| name.contains(text.as_str())));
        let secrets = (!secrets.is_empty()).then(|| Arc::new(Redactor::of_texts(secrets)));
        let service_account = spec.service_account.as_ref().and_then(|account| self.account(account, &namespace));
        Some(Release {
            name: self.name.to_owned(),
            environment: self.context.environment.to_owned(),
            release_name,
            namespace,
            chart,
            chart_digest,
            group: spec.group.as_ref().map(|group| group.text.clone()),
            depends_on: spec.depends_on.iter().map(|needed| needed.text.clone()).collect(),
            policies,
            crds: spec.crds,
            service_account,
            health: spec.health.clone(),
            values,
            secrets,
            manifests,
            files: std::mem::take(&mut self.files).into_iter().collect(),
            digest: digester.finish(),
        })
    }

    /// The user of a service account: `NAME` in the release's namespace, or `NAMESPACE/NAME`.
    fn account(&mut self, account: &Text, namespace: &str) -> Option<String> {
        let (namespace, name) = account.text.split_once('/').unwrap_or((namespace, &account.text));
        let fits = |text: &str| {
            !text.is_empty()
                && text.len() <= 253
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
        };
        if !fits(name) || !fits(namespace) {
            let error = account.place.error(format!("`{}` names no service account", shown(&account.text)));
            self.errors.push(error.hint("write NAME, of the release's namespace, or NAMESPACE/NAME"));
            return None;
        }
        Some(format!("system:serviceaccount:{namespace}:{name}"))
    }

    fn release_name(&mut self, spec: &ReleaseSpec, content: &Located) -> String {
        if let Some(fault) = label_fault(self.name) {
            let message = format!("the folder's name `{}` cannot name a release: {fault}", shown(self.name));
            self.errors.push(Diagnostic::new(&*content.place.source.path, message));
        }
        let (name, place) = match &spec.release_name {
            Some(name) => (name.text.as_str(), &name.place),
            None => (self.name, &content.place),
        };
        if let Some(fault) = release_fault(name).filter(|_| spec.release_name.is_some() || label_fault(name).is_none())
        {
            self.errors.push(place.error(format!("`{}` cannot be Helm's name of a release: {fault}", shown(name))));
        }
        name.to_owned()
    }

    fn namespace(&mut self, spec: &ReleaseSpec, content: &Located) -> String {
        match (&spec.namespace, self.context.namespace) {
            (Some(namespace), _) => {
                if let Some(fault) = label_fault(&namespace.text).filter(|_| self.names_known) {
                    let message = format!("`{}` cannot name a namespace: {fault}", shown(&namespace.text));
                    self.errors.push(namespace.place.error(message));
                }
                namespace.text.clone()
            }
            (None, Some(namespace)) => namespace.to_owned(),
            // A layer need not be complete.
            (None, None) if self.context.is_abstract => "default".to_owned(),
            (None, None) => {
                let error = content.place.error("no `namespace`, neither here nor in the environment");
                self.errors.push(error.hint("add `namespace: …` to environment.yaml or release.yaml"));
                String::new()
            }
        }
    }

    /// Where the chart is, when it is somewhere.
    fn chart(&mut self, chart: &Text, spec: &ReleaseSpec, folders: &[(&str, String)]) -> Option<ChartSource> {
        let tree = self.context.tree;
        let name = shown(&chart.text);
        let version = spec.version.as_ref();
        if chart.text.contains("://") || spec.repository.is_some() {
            return self.remote_chart(chart, spec, folders);
        }
        let path = match normal(&chart.text) {
            Ok(path) => path,
            Err(error) => {
                self.errors
                    .push(chart.place.error(error.to_string()).hint("write the path from the repository's root"));
                return None;
            }
        };
        if path.ends_with(".tgz") {
            if self.take(tree.read(&path).map_err(|error| chart.place.error(error.message)))?.is_none() {
                self.errors.push(chart.place.error(format!("there is no chart `{name}` in the repository")));
                return None;
            }
            let version = version.map(|version| version.text.clone()).unwrap_or_default();
            return Some(ChartSource::Archive { path, version });
        }
        let metadata = self.take(files::text(tree, &join(&path, "Chart.yaml")))?;
        let Some(metadata) = metadata else {
            let known = charts_near(tree, &path);
            let is_folder = tree.list(&path).ok().flatten().is_some();
            let message = if is_folder {
                format!("`{name}` is no chart: it has no Chart.yaml")
            } else {
                format!("there is no chart `{name}` in the repository")
            };
            self.errors.push(chart.place.error(message).suggest(&path, known.iter().map(String::as_str)));
            return None;
        };
        if let Some(version) = version {
            let found = yaml::parse_lenient(&metadata).ok().flatten();
            let found = found.as_ref().and_then(|node| node.get("version")).and_then(yaml::Node::as_str).unwrap_or("");
            if version.text.trim_start_matches('v') != found.trim_start_matches('v') {
                let message = format!("the chart at `{path}` has version `{found}`, not `{}`", shown(&version.text));
                let hint = "for a chart in the repository, write its version, or leave `version` out";
                self.errors.push(version.place.error(message).hint(hint));
            }
        }
        Some(ChartSource::Folder(path))
    }

    /// A chart from elsewhere: as its lock says, and as nothing else.
    fn remote_chart(&mut self, chart: &Text, spec: &ReleaseSpec, folders: &[(&str, String)]) -> Option<ChartSource> {
        let asked = Asked { chart, repository: spec.repository.as_ref(), version: spec.version.as_ref() };
        let before = self.errors.len();
        let asked = asked.remote(folders, &mut self.errors);
        if self.errors.len() > before {
            return None;
        }
        self.remote = Some(asked.clone());
        let target = format!("{}/{}", self.context.environment, self.name);
        let mut missing = Vec::new();
        match lock::read(self.context.tree, &target, &asked, chart, &mut missing) {
            Some(locked) => {
                self.files.insert(asked.lock);
                Some(ChartSource::Locked(locked))
            }
            // A layer need not be complete.
            None if self.context.is_abstract => Some(ChartSource::Unlocked(asked)),
            None => {
                self.errors.extend(missing);
                None
            }
        }
    }

    /// The merged values, the texts that they come from, and what of them was encrypted.
    fn values(&mut self, folders: &[(&str, String)]) -> (values::Merged, Vec<(String, String)>, BTreeSet<String>) {
        let (mut layers, mut texts) = (Vec::new(), Vec::new());
        for (layer, folder) in folders {
            let path = join(folder, VALUES);
            let Some(text) = self.take(files::text(self.context.tree, &path)).flatten() else { continue };
            self.files.insert(path.clone());
            // Not shown: passwords stand in values files, wanted or not.
            let read = values::Layer::read(*layer, &*path, LayerKind::Values, &text).map_err(|mut error| {
                error.source_line = None;
                error
            });
            layers.extend(self.take(read));
            texts.push((path, text));
        }
        let mut secrets = BTreeSet::new();
        for (layer, folder) in folders {
            let path = join(folder, SECRETS);
            let Some(text) = self.take(files::text(self.context.tree, &path)).flatten() else { continue };
            self.files.insert(path.clone());
            let Some(decrypted) = self.take(self.context.keys.decrypt(&path, &text)) else { continue };
            let read = values::Layer::decrypted(*layer, &*path, decrypted.node.clone());
            if let Some(layer) = self.take(read) {
                // What it holds, not what stands there: encrypted again, the same values are no change.
                texts.push((path, serde_json::Value::from(layer.value().clone()).to_string()));
                layers.push(layer);
            }
            secrets.extend(decrypted.secrets.iter().cloned());
        }
        (values::merge_layers(layers), texts, secrets)
    }

    /// The files of `manifests/`; a higher layer's replaces a lower's of the same name, and an empty one removes it.
    fn manifests(&mut self, folders: &[(&str, String)]) -> Vec<SourceText> {
        let mut found: BTreeMap<String, SourceText> = BTreeMap::new();
        for (_, folder) in folders {
            let folder = join(folder, MANIFESTS);
            let Some(entries) = self.take(entries(self.context.tree, &folder)) else { continue };
            for entry in entries {
                let path = join(&folder, &entry.name);
                match entry.kind {
                    EntryKind::Folder => {
                        self.errors.push(
                            Diagnostic::new(path, "folders below manifests/ are not read").hint("move its files up"),
                        );
                    }
                    EntryKind::File if is_yaml(&entry.name) => {
                        let Some(text) = self.take(files::text(self.context.tree, &path)).flatten() else { continue };
                        self.files.insert(path.clone());
                        if let Err(mut error) = manifest::parse(&text, &path) {
                            error.source_line = None;
                            self.errors.push(error);
                        }
                        found.insert(entry.name, SourceText { path, text });
                    }
                    _ => {}
                }
            }
        }
        found.into_values().filter(|manifest| !manifest.text.trim().is_empty()).collect()
    }
}

/// The charts in the folder beside `path`, by path.
fn charts_near(tree: &dyn Tree, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    for folder in [parent, "charts"] {
        for entry in entries(tree, folder).unwrap_or_default() {
            let candidate = join(folder, &entry.name);
            if tree.read(&join(&candidate, "Chart.yaml")).ok().flatten().is_some() && !found.contains(&candidate) {
                found.push(candidate);
            }
        }
    }
    found
}
