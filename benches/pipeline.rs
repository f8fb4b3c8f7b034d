//! How long the steps take from a file to a plan, in this process and without a cluster, on the project's own staging
//! environment: `just bench`. Lines that criterion cannot say (time from a save to a plan, ratio to helm) are printed first.
//! What each line means and what was measured: docs/benchmarks.md.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads files and variables, fails by panicking, and prints what it measured"
)]

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput};
use evenkeel::environment::{MaxDeletions, OnDrift, Prune};
use evenkeel::git::{Folder, Repository, watch_folder};
use evenkeel::manifest::{Applied, Gvk, Inventory, Object, ObjectId, owner_of};
use evenkeel::plan::{Desired, DesiredObject, EnvironmentInput, Live, Neighbours, ReleaseInput, Verb, desire, plan};
use evenkeel::reconcile::{
    Ambience, Charts, DesiredEnvironment, RenderCache, Source, WORKING_FOLDER, read_environment,
};
use evenkeel::sops::Keys;
use evenkeel::tree::Tree;
use evenkeel::yaml::{self, Numbers};

#[path = "pipeline/find_helm.rs"]
mod find_helm;
#[path = "pipeline/helm.rs"]
mod helm;

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");
/// Objects of the large plan, and how many of them one release has.
const OBJECTS: usize = 5_000;
const PER_RELEASE: usize = 50;
/// Saves, and renders of each kind, behind a median.
const RUNS: usize = 20;
/// The values file that is saved.
const SAVED: &str = "environments/clipper-staging/clipper/values.yaml";

/// Releases by name, with their objects.
type Releases<T> = Vec<(String, Vec<T>)>;

fn source(tree: impl Tree + 'static) -> Source {
    Source {
        tree: Arc::new(tree),
        revision: WORKING_FOLDER.to_owned(),
        time: jiff::Timestamp::UNIX_EPOCH,
        charts: Charts::default(),
        keys: Keys::default(),
    }
}

fn read(source: &Source, cache: &mut RenderCache) -> DesiredEnvironment {
    read_environment(source, "environments", "clipper-staging", &Ambience::default(), cache).unwrap()
}

/// The objects that were rendered; a release that is broken ends the benchmark.
fn rendered(read: DesiredEnvironment) -> Releases<Object> {
    read.releases.into_iter().map(|r| (r.name, r.rendered.unwrap().objects.clone())).collect()
}

fn desired(releases: Releases<Object>) -> Releases<DesiredObject> {
    let namespaced = |_: &Gvk| Some(true);
    let desire = |name: &str, objects| desire(objects, "staging", name, "clipper", &namespaced, b"key", []).unwrap();
    releases.into_iter().map(|(name, objects)| (name.clone(), desire(&name, objects))).collect()
}

/// A cluster that is what Git says, and the inventories that say so.
#[derive(Default)]
struct Settled {
    inventories: BTreeMap<String, Inventory>,
    live: BTreeMap<ObjectId, Live>,
    prune: Prune,
    neighbours: Neighbours,
}

impl Settled {
    fn new(releases: &Releases<DesiredObject>) -> Self {
        let mut settled = Self::default();
        for (name, objects) in releases {
            let mut inventory = Inventory::new("staging", name, "clipper");
            for object in objects {
                let (uid, mark) = (format!("uid-{}", settled.live.len()), "mark".to_owned());
                let owner = Some(owner_of(&object.id, "staging", name));
                let live = Live { uid: uid.clone(), mark: Some(mark.clone()), owner, ..Live::default() };
                let (version, desired) = (object.version.clone(), object.hash.clone());
                settled.live.insert(object.id.clone(), live);
                inventory.objects.insert(
                    object.id.clone(),
                    Applied { version, uid, desired, mark, keep: object.keep, ..Applied::default() },
                );
            }
            settled.inventories.insert(name.clone(), inventory);
        }
        settled
    }

    fn input<'a>(&'a self, releases: &'a Releases<DesiredObject>) -> EnvironmentInput<'a> {
        let release = |(name, objects): &'a (String, Vec<DesiredObject>)| ReleaseInput {
            name,
            namespace: "clipper",
            stage: 0,
            desired: Desired::Objects(objects.clone()),
            inventory: self.inventories.get(name),
            prune: &self.prune,
            on_drift: OnDrift::Correct,
            lifecycle: None,
        };
        EnvironmentInput {
            environment: "staging",
            revision: WORKING_FOLDER,
            releases: releases.iter().map(release).collect(),
            live: &self.live,
            neighbours: &self.neighbours,
            max_deletions: MaxDeletions::Percent(50),
        }
    }
}

/// Staging's objects under new names, over and over, until there are enough.
fn many(staging: &Releases<Object>) -> Releases<Object> {
    let rename = |(number, object): (usize, &Object)| {
        let mut object = object.clone();
        object.value_mut()["metadata"]["name"] = format!("{}-{number}", object.name()).into();
        object
    };
    let all: Vec<Object> = staging.iter().flat_map(|(_, o)| o).cycle().take(OBJECTS).enumerate().map(rename).collect();
    all.chunks(PER_RELEASE).enumerate().map(|(n, objects)| (format!("release-{n}"), objects.to_vec())).collect()
}

/// A copy of the project's environments and charts, links as links.
fn copy() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut copy = Command::new("cp");
    copy.args(["-a", "environments", "charts"]).arg(home.path()).current_dir(PROJECT);
    assert!(copy.status().unwrap().success());
    home
}

/// Median and maximum, in milliseconds.
fn median_and_max(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let milliseconds = |index: usize| times[index].as_secs_f64() * 1000.0;
    (milliseconds(times.len() / 2), milliseconds(times.len() - 1))
}

/// From the moment before a values file is written until a plan holds what was written.
fn saved_file_to_plan() {
    let home = copy();
    let source = source(Folder::open(home.path()).unwrap());
    let mut cache = RenderCache::default();
    let before = Settled::new(&desired(rendered(read(&source, &mut cache))));
    let file = home.path().join(SAVED);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("replicaCount: 2"), "{SAVED} has another number of replicas");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let times = runtime.block_on(async {
        let mut watch = watch_folder(home.path()).unwrap();
        let mut times = Vec::new();
        for replicas in 3..3 + RUNS {
            let text = text.replace("replicaCount: 2", &format!("replicaCount: {replicas}"));
            let start = Instant::now();
            fs::write(&file, text).unwrap();
            loop {
                let told = tokio::time::timeout(Duration::from_secs(10), watch.next()).await;
                told.expect("the watch tells within 10 s").unwrap();
                let made = plan(&before.input(&desired(rendered(read(&source, &mut cache)))));
                let took = start.elapsed();
                let is_saved = |o: &Object| o.value()["spec"]["replicas"] == replicas;
                let mut updates = made.actions().filter(|(_, a)| a.verb == Verb::Update);
                if updates.any(|(_, a)| a.object.as_ref().is_some_and(is_saved)) {
                    times.push(took);
                    break;
                }
            }
        }
        times
    });
    let (median, max) = median_and_max(times);
    println!("saved file to plan: median {median:.1} ms, max {max:.1} ms of {RUNS} saves (promised: below 200 ms)");
}

fn steps(criterion: &mut Criterion) {
    let working = source(Folder::open(Path::new(PROJECT)).unwrap());
    let staging = rendered(read(&working, &mut RenderCache::default()));
    criterion.bench_function("read and render staging, nothing cached", |b| {
        b.iter(|| read(&working, &mut RenderCache::default()));
    });
    let mut cache = RenderCache::default();
    criterion.bench_function("read and render staging, renders cached", |b| b.iter(|| read(&working, &mut cache)));

    let home = copy();
    let made = git2::Repository::init(home.path()).unwrap();
    let mut index = made.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    let tree = made.find_tree(index.write_tree().unwrap()).unwrap();
    let author = git2::Signature::new("bench", "bench@localhost", &git2::Time::new(0, 0)).unwrap();
    made.commit(Some("HEAD"), &author, &author, "the project", &tree, &[]).unwrap();
    let repository = Repository::open(home.path()).unwrap();
    criterion.bench_function("open a revision, read one file", |b| {
        b.iter(|| repository.snapshot("HEAD").unwrap().read(SAVED).unwrap().unwrap());
    });
    let mut cache = RenderCache::default();
    criterion.bench_function("open a revision, read staging, renders cached", |b| {
        b.iter(|| read(&source(repository.snapshot("HEAD").unwrap()), &mut cache));
    });

    let objects = many(&staging);
    let setup = || objects.clone();
    criterion.bench_function("desire 5,000 objects", |b| b.iter_batched(setup, desired, BatchSize::LargeInput));
    let releases = desired(objects.clone());
    let settled = Settled::new(&releases);
    let input = settled.input(&releases);
    let made = plan(&input);
    assert!(made.is_empty() && made.actions().count() == OBJECTS);
    criterion.bench_function("plan 5,000 objects, nothing to change", |b| b.iter(|| plan(black_box(&input))));

    let values: Vec<_> = staging.iter().flat_map(|(_, objects)| objects).map(Object::value).collect();
    let texts: Vec<String> = values.iter().map(|value| yaml::emit(value)).collect();
    let mut group = criterion.benchmark_group("YAML of staging");
    group.throughput(Throughput::Bytes(texts.iter().map(|text| text.len() as u64).sum()));
    group.bench_function("emit", |b| b.iter(|| values.iter().map(|value| yaml::emit(value).len()).sum::<usize>()));
    group.bench_function("parse", |b| {
        b.iter(|| texts.iter().filter(|text| yaml::to_json(text, Numbers::Exact).is_ok()).count());
    });
}

fn main() {
    saved_file_to_plan();
    helm::compare();
    let times = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(6));
    let mut criterion = times.sample_size(30).configure_from_args();
    steps(&mut criterion);
    criterion.final_summary();
}
