//! `evenkeel template` against `helm template`: time, processor and memory of whole processes, taken in turns over a set of charts,
//! and the render of one chart within this process. `just bench-render` runs it; docs/benchmarks.md says what was measured.
//!
//! ```text
//! just bench-render [FOLDER] [--only TEXT]… [--every N] [--rounds N] [--warm TEXT]
//! ```
//!
//! FOLDER (default: the project's own charts) holds charts, or an `index.json` that lists them:
//! `{"cases": [{"id", "dir", "args": […], "values": FILE or null, "kind": "ok"}]}`. Only cases with default values are taken.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads files and variables, fails by panicking, and prints what it measured"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evenkeel::render::{CompiledChart, RenderOptions, TextOptions};

#[path = "pipeline/find_helm.rs"]
mod find_helm;
#[path = "render/measured.rs"]
mod measured;
#[path = "render/set.rs"]
mod set;

use measured::{Cost, measure};
use set::{Case, Options};

const OURS: &str = env!("CARGO_BIN_EXE_evenkeel");

/// What both programs cost for one chart: the medians of its rounds.
struct Pair {
    id: String,
    helm: Cost,
    ours: Cost,
}

fn main() {
    let options = Options::from_arguments();
    let Some(helm) = find_helm::helm() else { return println!("not measured: there is no helm") };
    let cases = set::cases(&options);
    let root = options.root();
    // Before anything large happens in this process: a child's peak is never told below its parent's size.
    let pairs: Vec<Pair> = cases.iter().filter_map(|case| compare(&helm, case, root, options.rounds)).collect();
    println!("{} charts of {}, {} rounds each, in turns; helm/evenkeel:", pairs.len(), cases.len(), options.rounds);
    ratios("wall time", &pairs, |cost| cost.wall.as_secs_f64() * 1e3, "ms");
    ratios("processor", &pairs, |cost| cost.processor.as_secs_f64() * 1e3, "ms");
    #[expect(clippy::cast_precision_loss, reason = "a size to print")]
    ratios("peak memory", &pairs, |cost| cost.peak as f64 / f64::from(1 << 20), "MiB");
    let warm = pairs.iter().find(|pair| options.warm.as_ref().is_some_and(|text| pair.id.contains(text)));
    let Some(pair) = warm.or_else(|| pairs.iter().max_by_key(|pair| pair.ours.output)) else { return };
    let case = cases.iter().find(|case| case.id == pair.id).expect("a measured case");
    within(case, root, pair);
}

/// Both programs over one chart, in turns; nothing when they do not print the same (another benchmark is not the place to ask why).
fn compare(helm: &Path, case: &Case, root: &Path, rounds: usize) -> Option<Pair> {
    let mut costs: [Vec<Cost>; 2] = Default::default();
    for round in 0..=rounds {
        let theirs = measure(helm, case, root)?;
        let ours = measure(Path::new(OURS), case, root)?;
        if theirs.output != ours.output {
            return None;
        }
        // The first round warms the caches of files.
        if round > 0 {
            costs[0].push(theirs);
            costs[1].push(ours);
        }
    }
    let [helm, ours] = costs.map(|costs| measured::medians(&costs));
    Some(Pair { id: case.id.clone(), helm, ours })
}

fn ratios(what: &str, pairs: &[Pair], figure: impl Fn(&Cost) -> f64, unit: &str) {
    let mut all: Vec<(f64, &str)> = pairs.iter().map(|p| (figure(&p.helm) / figure(&p.ours), &*p.id)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(least), Some(most)) = (all.first(), all.last()) else { return };
    let middle = |figures: &mut Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let helm = middle(&mut pairs.iter().map(|pair| figure(&pair.helm)).collect());
    let ours = middle(&mut pairs.iter().map(|pair| figure(&pair.ours)).collect());
    println!(
        "  {what:<12} median {:.1} (least {:.1}: {}; most {:.1}: {}); medians {helm:.1} and {ours:.1} {unit}",
        all[all.len() / 2].0,
        least.0,
        least.1,
        most.0,
        most.1
    );
}

/// The chart rendered within this process, its templates parsed before, as the daemon does.
fn within(case: &Case, root: &Path, pair: &Pair) {
    let folder: PathBuf = root.join(&case.folder);
    let start = Instant::now();
    let chart = CompiledChart::new(evenkeel::chart::io::load(&folder).expect("a chart that was rendered before"));
    let loaded = start.elapsed();
    let options = RenderOptions {
        release_name: set::RELEASE.to_owned(),
        namespace: set::NAMESPACE.to_owned(),
        ..RenderOptions::default()
    };
    let render = |values: &serde_json::Map<String, serde_json::Value>| {
        let rendered = chart.render(values, &options).expect("a chart that was rendered before");
        rendered.text_as_helm_template(&TextOptions::default()).unwrap().len()
    };
    let values = serde_json::Map::new();
    let start = Instant::now();
    black_box(render(&values));
    let first = start.elapsed();
    let timed = |values: &dyn Fn(i32) -> serde_json::Map<String, serde_json::Value>| {
        let mut times: Vec<Duration> = (0..100)
            .map(|turn| {
                let values = values(turn);
                let start = Instant::now();
                black_box(render(&values));
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        times
    };
    let times = timed(&|_| serde_json::Map::new());
    let (middle, best) = (times[times.len() / 2], times[0]);
    // Other values each time: they are merged with the chart's own again.
    let others = timed(&|turn| serde_json::Map::from_iter([("other".to_owned(), turn.into())]));
    let other = others[others.len() / 2];
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{} within this process: load {:.1} ms, first render {:.1} ms, then {:.2} ms (best {:.2}), with other values {:.2} ms; helm's process {:.1} ms, {:.1} and {:.1} times as long",
        case.id,
        ms(loaded),
        ms(first),
        ms(middle),
        ms(best),
        ms(other),
        ms(pair.helm.wall),
        ms(pair.helm.wall) / ms(middle),
        ms(pair.helm.wall) / ms(other)
    );
}
