//! The umbrella chart with staging's values, by helm and by evenkeel, in the same run and to the same bytes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use evenkeel::render::{CompiledChart, RenderOptions, TextOptions};
use evenkeel::values::merge_maps;
use evenkeel::yaml::{self, Numbers};

use super::{PROJECT, RUNS, SAVED, find_helm, median_and_max};

/// The values of release clipper in staging, lowest layer first.
const VALUES: [&str; 2] = ["environments/clipper-base/clipper/values.yaml", SAVED];

/// The chart of release clipper as `helm template` prints it, everything read from files.
fn rendered_text() -> String {
    let mut values = serde_json::Map::new();
    for path in VALUES {
        let text = fs::read_to_string(Path::new(PROJECT).join(path)).unwrap();
        merge_maps(&mut values, yaml::to_json(&text, Numbers::Float).unwrap().as_object().unwrap());
    }
    let chart = CompiledChart::new(evenkeel::chart::io::load(&Path::new(PROJECT).join("charts/clipper")).unwrap());
    let options = RenderOptions { release_name: "clipper".to_owned(), ..RenderOptions::default() };
    chart.render(&values, &options).unwrap().text_as_helm_template(&TextOptions::default()).unwrap()
}

/// The same chart and values by helm's process, by ours and in this process, in turns.
pub(super) fn compare() {
    let Some(helm) = find_helm::helm() else { return println!("ratio to helm: not measured, there is no helm") };
    let run = |program: &Path| {
        let values = VALUES.iter().flat_map(|path| ["--values", path]);
        let arguments = ["template", "clipper", "charts/clipper"].into_iter().chain(values);
        let output = Command::new(program).args(arguments).current_dir(PROJECT).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let ways: [&dyn Fn() -> String; 3] =
        [&|| run(&helm), &|| run(Path::new(env!("CARGO_BIN_EXE_evenkeel"))), &rendered_text];
    let expected = run(&helm);
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..RUNS {
        for (way, times) in ways.iter().zip(&mut times) {
            let start = Instant::now();
            let text = way();
            times.push(start.elapsed());
            assert!(text == expected, "the bytes are not helm's");
        }
    }
    let [theirs, process, here] = times.map(|times| median_and_max(times).0);
    println!(
        "charts/clipper, median of {RUNS}: helm template {theirs:.1} ms; evenkeel template {process:.1} ms (ratio {:.1}); \
         in this process {here:.1} ms (ratio {:.1})",
        theirs / process,
        theirs / here
    );
}
