//! The project's own repository in a copy, a cluster for it, and the daemon between them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use evenkeel::sops::{KeySource, Keys};
use kube::api::{Api, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use serde_json::Value;

use crate::harness::control_plane::Write;
use crate::harness::requirement::Missing;
use crate::harness::{ControlPlane, Daemon, Evenkeel, GitRepository, Output, project};

/// How long a step may take that needs controllers: generous, since all tests share two cores.
pub(super) const STEP: Duration = Duration::from_secs(240);

/// The control plane that the systems share: with an audit, and the operators' kinds. Apart from the other tests', since its
/// environments have their true names.
pub(super) async fn plane() -> Result<&'static ControlPlane, Missing> {
    static PLANE: OnceLock<Result<ControlPlane, Missing>> = OnceLock::new();
    let plane = tokio::task::spawn_blocking(|| PLANE.get_or_init(ControlPlane::own).as_ref().map_err(Clone::clone));
    let plane = plane.await.unwrap()?;
    super::operators::install(plane.kubeconfig()).await;
    Ok(plane)
}

pub(super) async fn client(kubeconfig: &Path) -> kube::Client {
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

/// The key of what `environments/` holds encrypted.
pub(crate) fn age_key() -> PathBuf {
    project().join("tests/sops/age.key")
}

/// `charts/` and `environments/` in a repository of its own, committed.
pub(super) fn repository() -> GitRepository {
    let repository = GitRepository::new();
    repository.copy("charts", "charts").copy("environments", "environments");
    // What does not come nearer to being ready is seen within the test's patience.
    repository.replace("environments/base/environment.yaml", "timeout: 5m", "timeout: 25s");
    repository.replace("environments/clipper-base/clipper/release.yaml", "timeout: 5m", "timeout: 25s");
    for system in ["exadeploy", "ai-agent-connector"] {
        let file = format!("environments/{system}-base/environment.yaml");
        repository.replace(&file, "timeout: 10m", "timeout: 25s");
    }
    repository.commit("the five systems");
    repository
}

/// Leaves out the releases whose charts are elsewhere (kube-prometheus-stack and KEDA): tests/systems/membrane.rs has them.
pub(crate) fn without_operators(repository: &GitRepository) {
    for release in ["prometheus-stack", "keda"] {
        let file = format!("environments/membrane-production/{release}/release.yaml");
        repository.write(&file, "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\nenabled: false\n");
    }
    repository.write(
        "environments/membrane-production/integration-app/release.yaml",
        "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\ndependsOn: []\n",
    );
}

/// The command line over a repository and a cluster.
pub(super) fn evenkeel(arguments: &[&str], repository: &GitRepository, kubeconfig: &Path) -> Output {
    let evenkeel = Evenkeel::new(arguments).env("SOPS_AGE_KEY_FILE", age_key());
    evenkeel.repository(repository).kubeconfig(kubeconfig).run()
}

/// The daemon over some environments; all of them when none is named.
pub(super) fn daemon(repository: &GitRepository, kubeconfig: &Path, environments: &[&str]) -> Daemon {
    let evenkeel = Evenkeel::new(["run", "--poll", "1s", "--listen", "127.0.0.1:0"])
        .env("SOPS_AGE_KEY_FILE", age_key())
        .repository(repository)
        .kubeconfig(kubeconfig);
    let named = environments.iter().flat_map(|environment| ["--environment", environment]);
    Daemon::start(evenkeel.args(named), STEP)
}

/// The entry of a release in a status.
pub(super) fn release<'a>(status: &'a Value, name: &str) -> &'a Value {
    status["releases"].as_array().unwrap().iter().find(|r| r["name"] == name).unwrap()
}

/// An API for objects of any kind.
pub(super) fn objects(client: &kube::Client, version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(client.clone(), namespace, &resource)
}

/// What is left in a namespace of what an environment made, and of what that made: `Kind/name`. Asks every kind that can be listed.
pub(super) async fn left(client: &kube::Client, namespace: &str) -> Vec<String> {
    let mut left = Vec::new();
    let discovery = kube::discovery::Discovery::new(client.clone()).run_aggregated().await.unwrap();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            let listed = capabilities.supports_operation(kube::discovery::verbs::LIST);
            if !listed || capabilities.scope != kube::discovery::Scope::Namespaced {
                continue;
            }
            // What the cluster makes by itself, everywhere, or keeps as a trace.
            if ["Event", "Lease", "EndpointSlice", "Endpoints", "ReplicaSet", "ControllerRevision"]
                .contains(&&*resource.kind)
            {
                continue;
            }
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
            for object in api.list(&ListParams::default()).await.unwrap().items {
                let name = object.metadata.name.unwrap_or_default();
                if !["kube-root-ca.crt", "default"].contains(&&*name) && object.metadata.deletion_timestamp.is_none() {
                    left.push(format!("{}/{name}", resource.kind));
                }
            }
        }
    }
    left.sort();
    left.dedup();
    left
}

/// What evenkeel wrote in a namespace, from the `from`th write on, as `resource/name`; its own records and helm's are left out.
pub(super) fn written(plane: &ControlPlane, from: usize, namespace: &str) -> Vec<String> {
    let ours = |write: &&Write| {
        write.agent.starts_with("evenkeel")
            && !write.dry_run
            && write.namespace == namespace
            && !(write.resource == "secrets" && write.name.starts_with("sh.helm.release.v1."))
    };
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for write in plane.writes()[from..].iter().filter(ours) {
        *counted.entry(format!("{}/{}", write.resource, write.name)).or_default() += 1;
    }
    counted.into_keys().collect()
}

/// What opens them, for the library.
pub(super) fn identities() -> Keys {
    let text = std::fs::read_to_string(age_key()).map_err(|error| error.to_string());
    Keys::read([KeySource { name: "tests/sops/age.key".to_owned(), text }])
}
