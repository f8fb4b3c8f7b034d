//! What Git says of an environment: its releases, rendered.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::chart::{Capabilities, Chart, ChartError};
use crate::cluster;
use crate::diagnostic::Diagnostic;
use crate::environment::{self, ChartSource, Crds, Diagnostics, Environment, OnFailure, Policies, Release};
use crate::health::Rules;
use crate::history::{self, Revision};
use crate::manifest::{self, Object, Redactor};
use crate::render::{Clock, CompiledChart, RenderError, RenderOptions, Seeded, Surroundings};
use crate::values::{Layer, LayerKind, Merged};

use super::lookups::{Answers, Lookups, OfRelease};
use super::renders::{Kept, Outcome, RenderCache};
use super::source::Source;

/// An environment with its releases rendered, as far as they can be.
#[derive(Debug)]
pub struct DesiredEnvironment {
    /// The environment as it is written.
    pub environment: Environment,
    /// Its releases in the order in which they are installed.
    pub releases: Vec<DesiredRelease>,
    /// A chart could not be fetched: reading the same revision again may give more.
    pub incomplete: bool,
}

/// One release.
#[derive(Debug, Clone)]
pub struct DesiredRelease {
    /// Its name.
    pub name: String,
    /// Its namespace, empty when that cannot be read.
    pub namespace: String,
    /// Its place in the order.
    pub stage: usize,
    /// What it depends on.
    pub depends_on: Vec<String>,
    /// Its group's place in the environment's order; what has none goes last.
    pub group: usize,
    /// Its policies, when they can be read.
    pub policies: Option<Policies>,
    /// The user that its objects are written as; none for evenkeel's own.
    pub service_account: Option<String>,
    /// What follows a failure.
    pub on_failure: OnFailure,
    /// When its objects are ready.
    pub health: Rules,
    /// A digest of everything in Git that it depends on, empty when that cannot be read.
    pub inputs: String,
    /// What was encrypted of its values, to be hidden wherever it stands, also in what was in force before.
    pub(super) veil: Option<Arc<Redactor>>,
    /// The layers of its values that were encrypted.
    pub(super) encrypted: Vec<Arc<Layer>>,
    /// What it renders, or everything that is wrong with it.
    pub rendered: Result<Arc<Rendered>, Vec<String>>,
}

/// What a release renders.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The objects in helm's install order, hooks excepted.
    pub objects: Vec<Object>,
    /// What helm's record of it holds; of the chart, the metadata alone.
    pub content: Revision,
    /// The content's digest.
    pub digest: String,
    /// The commit's time, where something asked for it.
    pub time: Option<jiff::Timestamp>,
    /// The chart, where there is one.
    pub chart: Option<Arc<CompiledChart>>,
    /// Knows what must not be shown: what was encrypted of its values, and the Secrets that its templates looked up.
    pub(super) secrets: Redactor,
}

impl Rendered {
    /// The whole record: the content with the chart as it was rendered.
    #[must_use]
    pub fn revision(&self) -> Revision {
        let mut revision = self.content.clone();
        if let Some(chart) = &self.chart
            // It was rendered: its dependencies can be processed.
            && let Ok(used) = chart.chart().with_dependencies(&revision.config)
        {
            revision.chart = history::chart_json(&used);
        }
        revision
    }
}

/// What a render depends on besides Git.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ambience<'a> {
    /// What the cluster can do; without it, helm's defaults are assumed.
    pub capabilities: Option<&'a cluster::Capabilities>,
    /// The key that makes random values sticky: kept in the cluster, so that nobody can guess them from names.
    pub key: &'a [u8],
    /// The cluster as templates look into it; without it, they find nothing, as in `helm template`.
    pub lookups: Option<&'a Arc<Lookups>>,
}

impl Ambience<'_> {
    /// What a render depends on besides the time and what it looks up, digested: equal keys and answers render equally.
    fn key_of(&self, release: &Release) -> String {
        let mut digest = Sha256::new();
        digest.update(&release.digest);
        digest.update(format!("{:?}", self.capabilities.map(|c| (&c.version, &c.api_versions))));
        digest.update(self.key);
        digest.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The digest of a release's files, as it is kept in the cluster: where some of them are secret, a keyed one, so that nobody
    /// who can read it and Git can guess what they hold.
    fn inputs_of(&self, release: &Release) -> String {
        if release.values.layers().iter().all(|layer| layer.kind != LayerKind::Secret) {
            return release.digest.clone();
        }
        let mut digest = Sha256::new();
        digest.update(b"inputs");
        digest.update((self.key.len() as u64).to_le_bytes());
        digest.update(self.key);
        digest.update(&release.digest);
        digest.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Reads an environment and renders its releases.
///
/// # Errors
/// When the environment's own files are wrong. A release that is wrong is in the result.
pub fn read_environment(
    source: &Source,
    root: &str,
    name: &str,
    ambience: &Ambience<'_>,
    cache: &mut RenderCache,
) -> Result<DesiredEnvironment, Diagnostics> {
    let environment = environment::load(source.tree.as_ref(), root, name, &source.keys)?;
    let mut releases = Vec::new();
    let mut fresh = BTreeMap::new();
    let mut incomplete = false;
    cache.begin();
    for (stage, names) in environment.stages.iter().enumerate() {
        for release in names.iter().filter_map(|n| environment.release(n)) {
            releases.push(match release {
                Err(broken) => DesiredRelease {
                    name: broken.name.clone(),
                    namespace: environment.namespace.clone().unwrap_or_default(),
                    stage,
                    depends_on: Vec::new(),
                    group: 0,
                    policies: None,
                    service_account: None,
                    on_failure: OnFailure::default(),
                    health: Rules::default(),
                    inputs: String::new(),
                    veil: None,
                    encrypted: Vec::new(),
                    rendered: Err(broken.diagnostics.iter().map(ToString::to_string).collect()),
                },
                Ok(release) => {
                    let key = ambience.key_of(release);
                    // What `now` is: a chart that asks for it renders anew with each commit, the same for everybody who reads that one.
                    let as_now = |kept: &Kept| match &kept.rendered {
                        Ok(rendered) => rendered.time.is_none_or(|time| time == source.time),
                        Err(_) => true,
                    };
                    let kept = cache.still(&release.name, &key, ambience).filter(as_now).unwrap_or_else(|| {
                        let (rendered, answers) = rendered(source, release, ambience, cache);
                        let next = Kept { key, rendered, answers };
                        cache.note(&release.name, &next);
                        next
                    });
                    let rendered = kept.rendered.clone();
                    let unfetched = match (&rendered, &release.chart) {
                        (Err(_), Some(ChartSource::Locked(locked))) => !source.charts.has(locked),
                        _ => false,
                    };
                    incomplete |= unfetched;
                    if !unfetched {
                        fresh.insert(release.name.clone(), kept);
                    }
                    DesiredRelease {
                        name: release.name.clone(),
                        namespace: release.namespace.clone(),
                        stage,
                        depends_on: release.depends_on.clone(),
                        group: group(&environment, release),
                        policies: Some(release.policies.clone()),
                        service_account: release.service_account.clone(),
                        on_failure: release.policies.on_failure,
                        health: release.health.clone(),
                        inputs: ambience.inputs_of(release),
                        veil: release.secrets.clone(),
                        encrypted: encrypted(release),
                        rendered,
                    }
                }
            });
        }
    }
    cache.end(fresh);
    Ok(DesiredEnvironment { environment, releases, incomplete })
}

/// The layers of a release's values that were encrypted.
fn encrypted(release: &Release) -> Vec<Arc<Layer>> {
    release.values.layers().iter().filter(|layer| layer.kind == LayerKind::Secret).cloned().collect()
}

/// The place of a release's group in the order; what has none goes after all.
fn group(environment: &Environment, release: &Release) -> usize {
    let order = &environment.order;
    release.group.as_ref().and_then(|g| order.iter().position(|o| o == g)).unwrap_or(order.len())
}

/// The values of a release over its chart's own, with the origin of each.
///
/// # Errors
/// When a values file or the chart cannot be read.
pub fn layered_values(source: &Source, release: &Release) -> Result<Merged, Diagnostics> {
    let merged = release.values.clone();
    let Some(place) = &release.chart else { return Ok(merged) };
    let chart = load_chart(source, place).map_err(|e| *e.diagnostic)?;
    let used = chart.with_dependencies(&merged.value).map_err(|e| Diagnostic::new(&*chart.location, e))?;
    let mut below = Vec::new();
    chart_layers(&used, &mut Vec::new(), &mut below)?;
    // The parent's first: what comes later goes below.
    Ok(below.into_iter().fold(merged, |merged, layer| merged.with_defaults(layer)))
}

/// The values of a chart and its subcharts as layers, each below the keys that lead to it, parents first.
pub(super) fn chart_layers(chart: &Chart, keys: &mut Vec<String>, found: &mut Vec<Layer>) -> Result<(), Diagnostics> {
    let file = chart.path_of("values.yaml");
    if let Some(bytes) = &chart.values_text {
        let name = format!("chart {}", chart.location.rsplit('/').next().unwrap_or(&chart.location));
        let text = String::from_utf8_lossy(bytes);
        let layer = Layer::read(name, file, LayerKind::ChartDefaults, &text)?;
        found.push(keys.iter().rev().fold(layer, |layer, key| layer.under(key)));
    }
    for dependency in &chart.dependencies {
        keys.push(dependency.metadata.name.clone());
        chart_layers(dependency, keys, found)?;
        keys.pop();
    }
    Ok(())
}

/// Renders a release, with what it looked up. Errors do not show what was encrypted, nor what stands in
/// the Secrets that it read.
fn rendered(
    source: &Source,
    release: &Release,
    ambience: &Ambience<'_>,
    cache: &mut RenderCache,
) -> (Outcome, Answers) {
    let live = ambience.lookups.map(|lookups| Lookups::of(lookups, release.service_account.as_deref()));
    let rendered = render(source, release, ambience, live.clone(), cache);
    let mut secrets = release.secrets.as_deref().cloned().unwrap_or_default();
    if let Some(live) = &live {
        secrets = secrets.and(&live.redactor());
    }
    let rendered = match rendered {
        Ok(rendered) => Ok(Arc::new(Rendered { secrets, ..rendered })),
        Err(errors) => Err(errors.iter().map(|error| secrets.without_values(error)).collect()),
    };
    (rendered, live.map(|live| live.answers()).unwrap_or_default())
}

fn render(
    source: &Source,
    release: &Release,
    surroundings: &Ambience<'_>,
    live: Option<Arc<OfRelease>>,
    cache: &mut RenderCache,
) -> Result<Rendered, Vec<String>> {
    let mut made = Rendered::default();
    let content = &mut made.content;
    content.name.clone_from(&release.release_name);
    content.namespace.clone_from(&release.namespace);
    content.config.clone_from(&release.values.value);
    content.chart = history::plain_chart(&release.release_name);
    if let Some(place) = &release.chart {
        let chart = compiled(source, place, &release.chart_digest, cache).map_err(|e| vec![e])?;
        let mut options = render_options(source, release, surroundings);
        if let Some(live) = live {
            options.surroundings.lookup = live;
        }
        let rendered = chart.render(&release.values.value, &options).map_err(|e| vec![described(&e)])?;
        made.time = options.surroundings.now.was_asked().then_some(source.time);
        for warning in &rendered.warnings {
            let warning = release.secrets.as_ref().map_or(warning.clone(), |secrets| secrets.without_values(warning));
            tracing::debug!(release = %release.name, %warning, "helm would warn");
        }
        let mut errors = Vec::new();
        if release.crds != Crds::Skip {
            for crd in &rendered.crds {
                match crd.objects() {
                    Ok(objects) => made.objects.extend(objects.into_iter().map(|o| definition(o, release.crds))),
                    Err(error) => errors.push(described(&error)),
                }
            }
        }
        match rendered.objects() {
            Ok(objects) => made.objects.extend(objects.into_iter().map(|(_, object)| object)),
            Err(error) => errors.push(described(&error)),
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        content.manifest = rendered.manifest_text(false);
        content.hooks = rendered.hooks.iter().map(Into::into).collect();
        content.info.notes = rendered.notes;
        let metadata = serde_json::from_str::<serde_json::Value>(&chart.chart().metadata.to_go_json());
        content.chart = serde_json::json!({"metadata": metadata.unwrap_or_default()});
        made.chart = Some(chart);
    }
    let mut errors = Vec::new();
    for file in &release.manifests {
        match manifest::parse(&file.text, &file.path) {
            Ok(objects) => made.objects.extend(objects),
            Err(error) => errors.push(error.to_string()),
        }
        let text = file.text.trim().trim_start_matches("---").trim_start_matches('\n');
        made.content.manifest.push_str(&format!("---\n# Source: {}\n{text}\n", file.path));
    }
    made.digest = history::digest(&made.content, surroundings.key);
    let objects = std::mem::take(&mut made.objects).into_iter();
    made.objects = objects.map(|object| object.veiled(release.secrets.clone()).at_rest()).collect();
    if errors.is_empty() { Ok(made) } else { Err(errors) }
}

/// A chart, parsed once for all releases and passes that use it unchanged.
fn compiled(
    source: &Source,
    place: &ChartSource,
    digest: &str,
    cache: &mut RenderCache,
) -> Result<Arc<CompiledChart>, String> {
    if let Some(chart) = cache.chart(place.key(), digest) {
        return Ok(chart);
    }
    let chart = load_chart(source, place).map_err(|e| e.diagnostic.to_string())?;
    let chart = Arc::new(CompiledChart::new(chart));
    cache.keep_chart(place.key().to_owned(), digest.to_owned(), Arc::clone(&chart));
    Ok(chart)
}

/// The chart of a release, from the repository, or from elsewhere as its lock says.
///
/// # Errors
/// When it cannot be read or had, or is not what the lock says.
pub fn load_chart(source: &Source, place: &ChartSource) -> Result<Chart, ChartError> {
    let failed = |diagnostic: Diagnostic| ChartError::new(diagnostic.message.clone(), diagnostic);
    match place {
        ChartSource::Folder(path) => Chart::load(source.tree.as_ref(), path),
        ChartSource::Archive { path, version } => {
            let bytes = source.tree.read(path).map_err(|e| failed(Diagnostic::new(&**path, e.message)))?;
            let chart = Chart::load_archive(path, &bytes.unwrap_or_default())?;
            let found = &chart.metadata.version;
            if !version.is_empty() && version.trim_start_matches('v') != found.trim_start_matches('v') {
                let message = format!("the chart has version `{found}`, the release asks for `{version}`");
                let hint = "write its version, or leave `version` out";
                return Err(failed(Diagnostic::new(&**path, message).hint(hint)));
            }
            Ok(chart)
        }
        ChartSource::Locked(locked) => {
            let bytes = source.charts.archive(locked);
            let bytes = bytes.map_err(|e| failed(Diagnostic::new(&*locked.asked.lock, e.to_string())))?;
            Chart::load_archive(&locked.asked.chart, &bytes)
        }
        ChartSource::Unlocked(asked) => {
            Err(failed(Diagnostic::new(&*asked.lock, "the chart is not locked").hint("run `evenkeel lock`")))
        }
    }
}

/// How a release is rendered.
pub(super) fn render_options(source: &Source, release: &Release, ambience: &Ambience<'_>) -> RenderOptions {
    let capabilities = ambience.capabilities.map_or_else(Capabilities::default, |live| Capabilities {
        version: live.version.git_version.clone(),
        major: live.version.major.clone(),
        minor: live.version.minor.clone(),
        api_versions: live.api_versions.clone(),
    });
    let mut seed = ambience.key.to_vec();
    seed.extend_from_slice(format!("\0{}\0{}", release.environment, release.name).as_bytes());
    RenderOptions {
        release_name: release.release_name.clone(),
        namespace: release.namespace.clone(),
        capabilities,
        surroundings: Surroundings {
            random: Arc::new(Seeded::new(&seed)),
            now: Clock::at(source.time),
            ..Surroundings::default()
        },
        layers: release.values.layers().iter().map(|layer| layer.file.clone()).collect(),
        ..RenderOptions::default()
    }
}

/// The chart's `crds/`: as helm does, created and then left alone, unless the release says to keep them up to date. They are
/// never deleted with the release.
fn definition(mut object: Object, policy: Crds) -> Object {
    if policy == Crds::Create {
        object.set_annotation(manifest::ANNOTATION_APPLY, "ifMissing");
    }
    object.set_annotation("helm.sh/resource-policy", "keep");
    object
}

/// Helm's own words, and the place.
fn described(error: &RenderError) -> String {
    error.told()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::Charts;
    use crate::sops::Keys;
    use crate::tree::MemoryTree;

    #[test]
    fn only_what_asks_for_the_time_renders_anew_when_it_passes() {
        let mut tree = MemoryTree::default();
        let head = "apiVersion: evenkeel.dev/v1alpha1\nkind:";
        tree.insert("environments/a/environment.yaml", format!("{head} Environment\nnamespace: a\n"));
        for (release, value) in [("plain", "{{ .Release.Name }}"), ("dated", "{{ now | date \"15:04:05\" }}")] {
            let object =
                format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {release}}}\ndata: {{a: '{value}'}}\n");
            tree.insert(
                format!("charts/{release}/Chart.yaml"),
                format!("apiVersion: v2\nname: {release}\nversion: 1.0.0\n"),
            );
            tree.insert(format!("charts/{release}/templates/a.yaml"), object);
            let text = format!("{head} Release\nchart: charts/{release}\n");
            tree.insert(format!("environments/a/{release}/release.yaml"), text);
        }
        let tree: Arc<dyn crate::tree::Tree> = Arc::new(tree);
        let mut cache = RenderCache::default();
        let mut read = |second| {
            let time = jiff::Timestamp::from_second(second).unwrap();
            let (tree, revision) = (Arc::clone(&tree), second.to_string());
            let source = Source { tree, revision, time, charts: Charts::default(), keys: Keys::default() };
            let made = read_environment(&source, "environments", "a", &Ambience::default(), &mut cache).unwrap();
            let of = |name: &str| made.releases.iter().find(|r| r.name == name).unwrap().rendered.clone().unwrap();
            [of("plain"), of("dated")]
        };
        let ([plain, dated], [plain_later, dated_later], [_, again]) = (read(1), read(2), read(2));
        assert!(Arc::ptr_eq(&plain, &plain_later));
        assert_eq!(dated.objects[0].value()["data"]["a"], "00:00:01");
        assert_eq!(dated_later.objects[0].value()["data"]["a"], "00:00:02");
        assert!(Arc::ptr_eq(&dated_later, &again));
    }
}
