//! The clipper charts through evenkeel's rendering, held against helm's bytes: recorded ones (`tests/render/golden.sh`), and where
//! helm is installed its own at this moment.

use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel::chart::{Chart, io};
use evenkeel::render::{RenderOptions, TextOptions, render};
use evenkeel::tree::MemoryTree;
use evenkeel::values::{Layer, LayerKind, merge_layers};

use crate::harness::{helm, project};
use crate::require;

const CHARTS: [&str; 5] = ["clipper", "clipper-backend", "clipper-frontend", "clipper-postgres", "clipper-redis"];

/// One render: the name of its golden file, release, chart, namespace, values files.
struct Case {
    name: String,
    release: &'static str,
    chart: String,
    namespace: String,
    values: Vec<PathBuf>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = CHARTS
        .iter()
        .map(|chart| Case {
            name: format!("default-{chart}"),
            release: "clipper",
            chart: format!("charts/{chart}"),
            namespace: "default".to_owned(),
            values: Vec::new(),
        })
        .collect();
    for environment in ["clipper-development", "clipper-staging", "clipper-production"] {
        for release in ["clipper", "postgres", "redis"] {
            let chart = if release == "clipper" { "clipper".to_owned() } else { format!("clipper-{release}") };
            let file = |layer: &str| project().join(format!("environments/{layer}/{release}/values.yaml"));
            cases.push(Case {
                name: format!("{environment}-{release}"),
                release,
                chart: format!("charts/{chart}"),
                namespace: environment.to_owned(),
                values: vec![file("clipper-base"), file(environment)],
            });
        }
    }
    cases
}

fn ours(case: &Case, chart: &Chart) -> String {
    let layers = case.values.iter().map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        Layer::read("layer", path.display().to_string(), LayerKind::Values, &text).unwrap()
    });
    let options = RenderOptions {
        release_name: case.release.to_owned(),
        namespace: case.namespace.clone(),
        ..RenderOptions::default()
    };
    let rendered = render(chart, &merge_layers(layers.collect()).value, &options).unwrap();
    rendered.objects().unwrap();
    rendered.text_as_helm_template(&TextOptions::default()).unwrap()
}

fn loaded(case: &Case) -> Chart {
    io::load(&project().join(&case.chart)).unwrap()
}

/// The charts as a Git snapshot has them: links are left out, subcharts come from beside the umbrella.
fn tree() -> MemoryTree {
    fn add(tree: &mut MemoryTree, root: &Path, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                add(tree, root, &path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                tree.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut tree = MemoryTree::default();
    add(&mut tree, project(), &project().join("charts"));
    tree
}

#[test]
fn clipper_renders_as_recorded() {
    let tree = tree();
    for case in cases() {
        let golden =
            std::fs::read_to_string(project().join(format!("tests/render/golden/{}.yaml", case.name))).unwrap();
        assert_eq!(ours(&case, &loaded(&case)), golden, "{} from a folder", case.name);
        assert_eq!(ours(&case, &Chart::load(&tree, &case.chart).unwrap()), golden, "{} from a tree", case.name);
    }
}

#[test]
fn clipper_renders_as_helm() {
    let helm = require!(helm());
    for case in cases() {
        let mut command = Command::new(&helm);
        command.current_dir(project()).args(["template", case.release, &case.chart, "--namespace", &case.namespace]);
        for file in &case.values {
            command.arg("-f").arg(file);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
        assert_eq!(ours(&case, &loaded(&case)), String::from_utf8_lossy(&output.stdout), "{}", case.name);
    }
}

#[test]
fn helm_lint_passes() {
    let helm = require!(helm());
    for chart in CHARTS {
        let output = Command::new(&helm)
            .current_dir(project())
            .args(["lint", "--strict"])
            .arg(format!("charts/{chart}"))
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{chart}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
