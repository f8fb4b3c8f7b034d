//! What is deployed: one environment of many releases, each the same chart of ten objects (`shop/`) with values of its own, spread
//! over a few namespaces.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use evenkeel::git::Folder;
use evenkeel::manifest::{Gvk, Object};
use evenkeel::plan::{DesiredObject, desire};
use evenkeel::reconcile::{Ambience, Charts, RenderCache, Source, WORKING_FOLDER, read_environment};
use evenkeel::sops::Keys;
use serde_json::json;

use super::server::create;
use crate::harness::{GitRepository, unique_name};

/// Objects of a release.
pub(super) const PER_RELEASE: usize = 10;
/// Releases of a namespace.
const PER_NAMESPACE: usize = 10;
const HEAD: &str = "apiVersion: evenkeel.dev/v1alpha1\n";

/// The repository.
pub(super) struct Estate {
    repository: GitRepository,
    pub(super) environment: String,
    releases: Cell<usize>,
    namespaces: Cell<usize>,
    revision: std::cell::RefCell<String>,
}

impl Estate {
    /// So many releases, committed.
    pub(super) fn new(releases: usize) -> Self {
        let estate = Self {
            repository: GitRepository::new(),
            environment: unique_name("live"),
            releases: Cell::new(0),
            namespaces: Cell::new(0),
            revision: std::cell::RefCell::default(),
        };
        estate.repository.copy("benches/live/shop", "charts/shop");
        estate
            .repository
            .write("environments/base/environment.yaml", &format!("{HEAD}kind: Environment\nabstract: true\n"));
        estate.policy("correct");
        estate.grow(releases);
        estate
    }

    /// Adds releases until there are so many, and commits.
    pub(super) fn grow(&self, releases: usize) {
        for number in self.releases.get()..releases {
            let folder = format!("environments/base/{}", name(number));
            let namespace = number / PER_NAMESPACE;
            let release = format!("{HEAD}kind: Release\nchart: charts/shop\nnamespace: ${{environment}}-{namespace}\n");
            self.repository.write(&format!("{folder}/release.yaml"), &release);
            let values = format!(
                "# what differs from shop to shop\ngreeting: hello from {number}\ndatabase:\n  user: shop{number}\n"
            );
            self.repository.write(&format!("{folder}/values.yaml"), &values);
        }
        self.releases.set(releases);
        self.commit("releases");
    }

    pub(super) fn releases(&self) -> usize {
        self.releases.get()
    }

    /// The folder of the repository.
    pub(super) fn repository(&self) -> &GitRepository {
        &self.repository
    }

    /// The newest commit.
    pub(super) fn revision(&self) -> String {
        self.revision.borrow().clone()
    }

    fn commit(&self, message: &str) {
        *self.revision.borrow_mut() = self.repository.commit(message);
    }

    fn policy(&self, on_drift: &str) {
        let text =
            format!("{HEAD}kind: Environment\nextends: [base]\nnamespace: ${{environment}}-0\nonDrift: {on_drift}\n");
        let text = text.replace("${environment}", &self.environment);
        self.repository.write(&format!("environments/{}/environment.yaml", self.environment), &text);
    }

    /// Commits what is done about drift.
    pub(super) fn on_drift(&self, policy: &str) {
        self.policy(policy);
        self.commit(policy);
    }

    /// Commits a comment in a values file and a README.
    pub(super) fn change_nothing(&self, number: usize) {
        let values = format!("environments/base/{}/values.yaml", name(number));
        self.repository.write(&values, &format!("# nobody reads this\n{}", self.repository.read(&values)));
        self.repository.write("README.md", &format!("Shops, {number}.\n"));
        self.commit("nothing");
    }

    /// Commits a sentence in the chart's own README: every release is rendered anew, to the same objects.
    pub(super) fn change_the_chart(&self, number: usize) {
        let readme = self.repository.read("charts/shop/README.md");
        self.repository.write("charts/shop/README.md", &format!("{readme}\nStill ten, {number}.\n"));
        self.commit("nothing");
    }

    /// The namespaces that are not there yet: they are not among what is applied.
    pub(super) async fn make_namespaces(&self, admin: &kube::Client) {
        let wanted = self.releases.get().div_ceil(PER_NAMESPACE);
        for number in self.namespaces.get()..wanted {
            let name = format!("{}-{number}", self.environment);
            create(admin, "v1", "Namespace", None, json!({"metadata": {"name": name}})).await;
        }
        self.namespaces.set(wanted);
    }

    /// The objects as they are sent.
    pub(super) fn objects(&self) -> Vec<DesiredObject> {
        let source = Source {
            tree: Arc::new(Folder::open(self.repository.path()).unwrap()),
            revision: WORKING_FOLDER.to_owned(),
            time: jiff::Timestamp::UNIX_EPOCH,
            charts: Charts::default(),
            keys: Keys::default(),
        };
        let mut cache = RenderCache::default();
        let read = read_environment(&source, "environments", &self.environment, &Ambience::default(), &mut cache);
        let namespaced = |_: &Gvk| Some(true);
        let objects = read.unwrap().releases.into_iter().flat_map(|release| {
            let rendered: Vec<Object> = release.rendered.unwrap().objects.clone();
            desire(rendered, &self.environment, &release.name, &release.namespace, &namespaced, b"", []).unwrap()
        });
        let objects: Vec<DesiredObject> = objects.collect();
        assert_eq!(objects.len(), self.releases.get() * PER_RELEASE);
        objects
    }

    /// A file with all of them, for kubectl.
    pub(super) fn manifests(&self) -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
        let items: Vec<_> = self.objects().into_iter().map(|desired| desired.object.into_value()).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        file.write_all(list.to_string().as_bytes()).unwrap();
        file
    }

    /// Objects to be changed by somebody else: every kind of the chart in turn, no object twice.
    pub(super) fn victims(&self, count: usize) -> Vec<DesiredObject> {
        let mut kinds: BTreeMap<String, Vec<DesiredObject>> = BTreeMap::new();
        for object in self.objects() {
            kinds.entry(object.id.kind.clone()).or_default().push(object);
        }
        let mut victims = Vec::new();
        while victims.len() < count && kinds.values().any(|objects| !objects.is_empty()) {
            victims.extend(kinds.values_mut().filter_map(Vec::pop));
        }
        assert!(victims.len() >= count, "{count} changes need as many objects");
        victims.truncate(count);
        victims
    }
}

fn name(number: usize) -> String {
    format!("shop-{number:04}")
}
