//! The real Kubernetes control plane that tests run on: found or built, started once, gone with the test process.
//!
//! Which one, in this order:
//!
//! 1. `EVENKEEL_TEST_KUBECONFIG`: a cluster of the user's, whatever it is; must have nodes.
//! 2. `EVENKEEL_CONTROLPLANE_BIN`: a folder that `tests/controlplane/build.sh` built.
//! 3. `KUBEBUILDER_ASSETS`: etcd and kube-apiserver alone; enough for [`ControlPlane::api_server`] only.
//! 4. What `tests/controlplane/build.sh` has built before; with `EVENKEEL_REQUIRE_ALL=1` it is built now.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};

use super::requirement::{Missing, all_required, go, named};
use super::{api_server, project, unique_name};

/// How long a cold start may take on a busy machine.
pub(super) const START: Duration = Duration::from_secs(180);

/// A running API server and, unless it came from [`ControlPlane::api_server`], controllers, a scheduler and two nodes whose
/// pods become ready at once.
///
/// What the fake nodes do: a pod becomes Ready as soon as it is scheduled; a Job's pod, and a bare pod annotated
/// `helm.sh/hook`, then succeeds. A pod annotated `evenkeel.dev/test-outcome: fail` exits with code 1 instead, and
/// `run` never ends; one with an image of the tag `does-not-exist` waits for it forever; one that no node can take (a nodeSelector) stays Pending. Claims are bound at once to
/// volumes of the default StorageClass `standard`. Nothing listens behind Services.
pub(crate) struct ControlPlane {
    kubeconfig: PathBuf,
    /// Whose end tells the processes to stop; none for a cluster that is not ours.
    _running: Vec<Running>,
}

/// A request that changed something, or tried to, as the API server wrote it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) verb: String,
    /// The program, as it calls itself.
    pub(crate) agent: String,
    /// `resource` or `resource/subresource`, with `.group` behind the resource.
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// It would only have been tried.
    pub(crate) dry_run: bool,
    pub(crate) code: u64,
}

impl Write {
    fn of(event: &serde_json::Value) -> Option<Self> {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let object = event.get("objectRef")?;
        let mut resource = text(&object["resource"]);
        for (mark, part) in [(".", &object["apiGroup"]), ("/", &object["subresource"])] {
            if let Some(part) = part.as_str() {
                resource = format!("{resource}{mark}{part}");
            }
        }
        Some(Self {
            verb: text(&event["verb"]),
            agent: text(&event["userAgent"]),
            resource,
            namespace: text(&object["namespace"]),
            name: text(&object["name"]),
            dry_run: event["requestURI"].as_str()?.contains("dryRun="),
            code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        })
    }
}

pub(super) struct Running {
    pub(super) _lifeline: ChildStdin,
    pub(super) _process: Child,
    pub(super) _folder: Option<tempfile::TempDir>,
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ControlPlane({})", self.kubeconfig.display())
    }
}

impl ControlPlane {
    /// The one control plane of this test run, started by the first caller (about ten seconds) while others wait.
    ///
    /// Tests beside each other use it at the same time: each keeps to namespaces, cluster-scoped names and CRD groups of its
    /// own ([`unique_name`]). It ends with the process, also when that is killed: its lifeline is a pipe.
    ///
    /// # Panics
    /// When it is there but does not start: that is a failure, not a skip.
    pub(crate) fn shared() -> Result<&'static ControlPlane, Missing> {
        static SHARED: OnceLock<Result<ControlPlane, Missing>> = OnceLock::new();
        let started = SHARED.get_or_init(|| {
            if let Some(kubeconfig) = named("EVENKEEL_TEST_KUBECONFIG") {
                return Ok(ControlPlane { kubeconfig, _running: Vec::new() });
            }
            Ok(start(&binaries()?, &[]))
        });
        started.as_ref().map_err(Clone::clone)
    }

    /// A control plane for one test alone, for what is the whole cluster's: an empty one, webhooks, aggregated APIs, an audit. Gone
    /// when dropped. Takes the memory of one more (400 MB) and ten seconds.
    ///
    /// # Panics
    /// As [`shared`](Self::shared).
    pub(crate) fn own() -> Result<ControlPlane, Missing> {
        if named("EVENKEEL_TEST_KUBECONFIG").is_some() {
            return Err(Missing("a cluster of its own (EVENKEEL_TEST_KUBECONFIG names one for all)".into()));
        }
        Ok(start(&binaries()?, &["--audit", "--nodes", "6"]))
    }

    /// The writes that the API server was asked for so far, in order; of a control plane of one's [`own`](Self::own).
    pub(crate) fn writes(&self) -> Vec<Write> {
        let log = self.kubeconfig.parent().unwrap().join("logs/audit.log");
        let text = std::fs::read_to_string(&log).unwrap_or_else(|e| panic!("{}: {e}", log.display()));
        // The last line may still be being written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter_map(|event| Write::of(&event)).collect()
    }

    /// Like [`shared`](Self::shared), for tests that need no controller, scheduler or node: also satisfied by the etcd and
    /// kube-apiserver of `KUBEBUILDER_ASSETS`.
    pub(crate) fn api_server() -> Result<&'static ControlPlane, Missing> {
        static BARE: OnceLock<ControlPlane> = OnceLock::new();
        match (ControlPlane::shared(), named("KUBEBUILDER_ASSETS")) {
            (Err(_), Some(assets)) => Ok(BARE.get_or_init(|| {
                let (kubeconfig, running) = api_server::start(&assets);
                ControlPlane { kubeconfig, _running: running }
            })),
            (whole, _) => whole,
        }
    }

    /// The kubeconfig of an administrator.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A new client. Not shared between tests: a client lives on the runtime of the test that made it.
    pub(crate) async fn client(&self) -> kube::Client {
        let file = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    /// Makes a namespace of a unique name and returns that.
    pub(crate) async fn new_namespace(&self, prefix: &str) -> String {
        let mut namespace = Namespace::default();
        let name = unique_name(prefix);
        namespace.metadata.name = Some(name.clone());
        Api::all(self.client().await).create(&PostParams::default(), &namespace).await.unwrap();
        name
    }
}

/// The folder with the control plane's binaries; built now only where nothing may be skipped.
pub(super) fn binaries() -> Result<PathBuf, Missing> {
    static FOUND: OnceLock<Result<PathBuf, Missing>> = OnceLock::new();
    FOUND.get_or_init(find_binaries).clone()
}

fn find_binaries() -> Result<PathBuf, Missing> {
    if let Some(folder) = named("EVENKEEL_CONTROLPLANE_BIN") {
        assert!(folder.join("controlplane").is_file(), "EVENKEEL_CONTROLPLANE_BIN: no controlplane in {folder:?}");
        return Ok(folder);
    }
    if named("KUBEBUILDER_ASSETS").is_some() {
        return Err(Missing("controllers and nodes (KUBEBUILDER_ASSETS has none)".into()));
    }
    let build = |arguments: &[&str]| {
        let script = project().join("tests/controlplane/build.sh");
        let output = Command::new("bash").arg(script).args(arguments).stderr(Stdio::inherit()).output().ok()?;
        let folder = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| PathBuf::from(folder.trim_end()))
    };
    let built = build(&["--path"]).or_else(|| {
        (all_required() && go().is_ok())
            .then(|| build(&[]).unwrap_or_else(|| panic!("tests/controlplane/build.sh failed: its output is above")))
    });
    built.ok_or_else(|| Missing("the control plane (run tests/controlplane/build.sh, which needs Go)".into()))
}

fn start(binaries: &Path, flags: &[&str]) -> ControlPlane {
    let mut command = Command::new(binaries.join("controlplane"));
    command.args(["up", "--until-stdin-closes"]).args(flags);
    // A folder that is named is kept, with the components' logs; it is the shared one's.
    if let Some(dir) = named("EVENKEEL_CONTROLPLANE_DIR").filter(|_| flags.is_empty()) {
        command.arg("--dir").arg(dir);
    }
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lifeline = process.stdin.take().unwrap();
    let output = process.stdout.take().unwrap();
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        let _ = said.send(line);
    });
    let line = heard.recv_timeout(START).unwrap_or_else(|_| panic!("the control plane is not ready after {START:?}"));
    assert!(line.ends_with('\n'), "the control plane did not start: what it said is above");
    let kubeconfig = PathBuf::from(line.trim_end());
    let running = Running { _lifeline: lifeline, _process: process, _folder: None };
    ControlPlane { kubeconfig, _running: vec![running] }
}
