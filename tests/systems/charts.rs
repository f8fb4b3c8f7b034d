//! The charts themselves, and every release of every environment: helm's lint, helm's bytes, and what each chart has to hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel::environment::{self, ChartSource, Environment, Release};
use evenkeel::git::Folder;
use evenkeel::values::table;

use super::support::{age_key, identities};
use crate::harness::{Evenkeel, helm, project};
use crate::require;

/// The charts of the systems; `secrets` serves them all, and `ananta-library` is no chart by itself.
fn charts() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(project().join("charts")).unwrap();
    let mut charts: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    charts.sort();
    charts
}

fn name(chart: &Path) -> String {
    chart.file_name().unwrap().to_string_lossy().into_owned()
}

fn is_library(chart: &Path) -> bool {
    std::fs::read_to_string(chart.join("Chart.yaml")).unwrap().contains("type: library")
}

/// The environments that are deployed.
fn environments() -> Vec<Environment> {
    let tree = Folder::open(project()).unwrap();
    let names = environment::discover(&tree, "environments").unwrap();
    let load = |name: &String| environment::load(&tree, "environments", name, &identities()).unwrap();
    names.iter().map(load).filter(|environment| !environment.is_abstract).collect()
}

/// Every release with a chart of this repository: its chart's folder, and its merged values as a file that helm can read.
fn releases() -> Vec<(Release, PathBuf, tempfile::NamedTempFile)> {
    let mut found = Vec::new();
    for environment in environments() {
        for release in environment.releases {
            let release = release
                .unwrap_or_else(|broken| panic!("{}/{}: {:?}", environment.name, broken.name, broken.diagnostics));
            let Some(ChartSource::Folder(folder)) = &release.chart else { continue };
            let folder = project().join(folder);
            let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
            std::fs::write(file.path(), serde_json::to_string(&release.values.value).unwrap()).unwrap();
            found.push((release, folder, file));
        }
    }
    found
}

#[test]
fn five_systems_in_three_environments_each() {
    let mut systems: BTreeMap<String, Vec<(String, usize)>> = BTreeMap::new();
    for environment in environments() {
        let (system, which) = environment.name.rsplit_once('-').unwrap();
        let count = environment.releases.len();
        systems.entry(system.to_owned()).or_default().push((which.to_owned(), count));
    }
    let names: Vec<&str> = systems.keys().map(String::as_str).collect();
    assert_eq!(names, ["ai-agent-connector", "ananta", "clipper", "exadeploy", "membrane"]);
    assert!(systems.values().all(|of| of.len() == 3), "{systems:?}");
    let most: usize = systems.values().map(|of| of.iter().map(|(_, count)| count).max().unwrap()).sum();
    assert!(most > 25, "{most} releases: {systems:?}");
}

#[test]
fn every_chart_is_whole() {
    for chart in charts() {
        let name = name(&chart);
        for file in ["Chart.yaml", "values.yaml", "README.md", ".helmignore"] {
            assert!(chart.join(file).is_file(), "{name} has no {file}");
        }
        if !is_library(&chart) {
            for file in ["values.schema.json", "templates/NOTES.txt"] {
                assert!(chart.join(file).is_file(), "{name} has no {file}");
            }
        }
        let values = std::fs::read_to_string(chart.join("values.yaml")).unwrap();
        let rows = table::rows(&format!("{name}/values.yaml"), &values).unwrap();
        let silent: Vec<&str> = rows.iter().filter(|r| r.description.is_empty()).map(|r| r.key.as_str()).collect();
        assert!(silent.is_empty(), "{name}: no description of {silent:?}");
    }
}

#[test]
fn the_tables_in_the_readmes_are_what_the_values_say() {
    let charts: Vec<String> = charts().iter().map(|chart| format!("charts/{}", name(chart))).collect();
    let output = Evenkeel::new(["chart", "docs", "--check"]).args(charts).folder(project()).run();
    output.expect_code(0);
}

#[test]
fn helm_lints_every_chart_with_every_environments_values() {
    let helm = require!(helm());
    let lint = |chart: &Path, more: &[&str]| {
        let output = Command::new(&helm).args(["lint", "--strict"]).arg(chart).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && !said.contains("[WARNING]"), "{} {more:?}: {said}", name(chart));
    };
    for chart in charts() {
        lint(&chart, &[]);
    }
    for (release, chart, values) in releases() {
        lint(&chart, &["-f", values.path().to_str().unwrap(), "--namespace", &release.namespace]);
    }
}

/// Each release as helm renders it: evenkeel's bytes with the same values are the same.
#[test]
fn every_release_is_rendered_as_helm_renders_it() {
    let helm = require!(helm());
    let mut compared = 0;
    for (release, chart, values) in releases() {
        let arguments =
            ["template", &release.release_name, chart.to_str().unwrap(), "--namespace", &release.namespace, "-f"];
        let theirs = Command::new(&helm).args(arguments).arg(values.path()).output().unwrap();
        let ours = Evenkeel::new(arguments).arg(values.path()).run();
        let place = format!("{}/{}", release.environment, release.name);
        assert!(theirs.status.success(), "{place}: {}", String::from_utf8_lossy(&theirs.stderr));
        assert_eq!(ours.stdout, String::from_utf8(theirs.stdout).unwrap(), "{place}");
        compared += 1;
    }
    assert!(compared > 60, "{compared} releases");
}

/// What a team's validation script checks of its charts, `evenkeel lint` does: a file that is missing, a chart that helm's lint refuses, a
/// template that does not render, a value that nobody reads.
#[test]
fn lint_finds_nothing() {
    // The charts of others are somewhere else; everything of this repository is looked at.
    let mut looked = 0;
    for environment in environments() {
        for release in environment.releases.iter().map(|r| r.as_ref().unwrap()) {
            if release.chart.as_ref().is_some_and(|chart| chart.remote().is_some()) {
                continue;
            }
            let target = format!("{}/{}", environment.name, release.name);
            let output = Evenkeel::new(["lint", &target]).env("SOPS_AGE_KEY_FILE", age_key()).folder(project()).run();
            let output = output.expect_code(0);
            assert!(output.stdout.ends_with("nothing found\n"), "{output}");
            looked += 1;
        }
    }
    assert!(looked > 70, "{looked} releases");
}
