//! The cluster behind `--validate` and `--dry-run=server`: what a chart may know of it, whether it serves what was rendered, and
//! whether what is there already belongs to the release. Asks only, and only when it is needed.

use std::sync::OnceLock;

use crate::chart::Capabilities;
use crate::cluster::{Cluster, ConnectOptions};
use crate::manifest::Object;
use crate::render::{Lookup, objects_in};
use crate::yaml;

/// A cluster that is connected to at the first question.
#[derive(Debug)]
pub(super) struct Live {
    options: ConnectOptions,
    runtime: tokio::runtime::Runtime,
    cluster: OnceLock<Result<Cluster, String>>,
}

impl Live {
    pub(super) fn new(options: ConnectOptions) -> Result<Self, String> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        Ok(Self { options, runtime, cluster: OnceLock::new() })
    }

    fn cluster(&self) -> Result<&Cluster, String> {
        let connected = self.cluster.get_or_init(|| {
            let connecting = Cluster::connect(self.options.clone());
            self.runtime.block_on(connecting).map_err(|error| error.to_string())
        });
        connected.as_ref().map_err(Clone::clone)
    }

    /// What charts may know of the cluster.
    pub(super) fn capabilities(&self) -> Result<Capabilities, String> {
        let unreachable = |error: String| format!("Kubernetes cluster unreachable: {error}");
        let cluster = self.cluster().map_err(unreachable)?;
        let live = self.runtime.block_on(cluster.capabilities()).map_err(|error| unreachable(error.to_string()))?;
        Ok(Capabilities {
            version: live.version.git_version,
            major: live.version.major,
            minor: live.version.minor,
            api_versions: live.api_versions,
        })
    }

    /// Helm's checks before an install: every kind is served, and what is there already is the release's, unless `owned` is
    /// `None`.
    pub(super) fn check(&self, manifest: &str, namespace: &str, owned: Option<&str>) -> Result<(), String> {
        typed(manifest)?;
        let objects = objects_in(manifest, "the rendered manifests").map_err(|error| error.helm)?;
        let cluster = self.cluster()?;
        self.runtime.block_on(check(cluster, &objects, namespace, owned))
    }
}

impl Lookup for Live {
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<serde_json::Value>, String> {
        self.runtime.block_on(self.cluster()?.lookup(api_version, kind, namespace, name))
    }
}

/// Helm's error for the first document without a type.
fn typed(manifest: &str) -> Result<(), String> {
    let unbuilt = |message: String| format!("unable to build kubernetes objects from release manifest: {message}");
    for node in yaml::parse_all(manifest).map_err(|error| unbuilt(error.go_text()))? {
        let missing = |key: &&str| node.get(key).and_then(yaml::Node::as_str).is_none_or(str::is_empty);
        let missing: Vec<String> =
            ["apiVersion", "kind"].iter().filter(|key| missing(key)).map(|key| format!("{key} not set")).collect();
        let shown = match &missing[..] {
            [] => continue,
            _ if node.is_null() => continue,
            [one] => one.clone(),
            all => format!("[{}]", all.join(", ")),
        };
        return Err(unbuilt(format!("error validating \"\": error validating data: {shown}")));
    }
    Ok(())
}

async fn check(cluster: &Cluster, objects: &[Object], namespace: &str, owned: Option<&str>) -> Result<(), String> {
    let kinds = cluster.kinds().await.map_err(|error| error.to_string())?;
    let mut missing = Vec::new();
    for object in objects.iter().filter(|object| kinds.resource(&object.gvk()).is_none()) {
        let gvk = object.gvk();
        missing.push(format!(
            "resource mapping not found for name: {:?} namespace: {:?} from \"\": no matches for kind {:?} in version {:?}\nensure CRDs are installed first",
            object.name(),
            object.namespace(),
            gvk.kind,
            gvk.api_version()
        ));
    }
    match &missing[..] {
        [] => {}
        [one] => return Err(format!("unable to build kubernetes objects from release manifest: {one}")),
        many => {
            return Err(format!("unable to build kubernetes objects from release manifest: [{}]", many.join(", ")));
        }
    }
    let Some(release) = owned else { return Ok(()) };
    for object in objects {
        let gvk = object.gvk();
        let place = match kinds.resource(&gvk) {
            Some(resource) if !resource.namespaced => "",
            _ if object.namespace().is_empty() => namespace,
            _ => object.namespace(),
        };
        let shown = format!("{} {:?} in namespace {place:?}", gvk.kind, object.name());
        let failed = |message: String| format!("Unable to continue with install: {message}");
        let found = cluster.lookup(&gvk.api_version(), &gvk.kind, place, object.name()).await;
        let found =
            found.map_err(|error| failed(format!("could not get information about the resource {shown}: {error}")))?;
        let found = found.and_then(|value| Object::new(value).ok());
        if let Some(fault) = found.and_then(|found| foreign(&found, release, namespace)) {
            return Err(failed(format!("{shown} exists and cannot be imported into the current release: {fault}")));
        }
    }
    Ok(())
}

/// Why an object is not the release's, in helm's words.
fn foreign(object: &Object, release: &str, namespace: &str) -> Option<String> {
    let wrong = |what: &str, key: &str, wanted: &str, found: Option<&str>| match found {
        None => Some(format!("{what} validation error: missing key {key:?}: must be set to {wanted:?}")),
        Some(found) if found != wanted => {
            Some(format!("{what} validation error: key {key:?} must equal {wanted:?}: current value is {found:?}"))
        }
        Some(_) => None,
    };
    let (label, name, space) =
        ("app.kubernetes.io/managed-by", "meta.helm.sh/release-name", "meta.helm.sh/release-namespace");
    let faults: Vec<String> = [
        wrong("label", label, "Helm", object.label(label)),
        wrong("annotation", name, release, object.annotation(name)),
        wrong("annotation", space, namespace, object.annotation(space)),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!faults.is_empty()).then(|| format!("invalid ownership metadata; {}", faults.join("; ")))
}
