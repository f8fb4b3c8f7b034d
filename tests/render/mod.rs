//! The clipper charts through evenkeel's rendering, held against helm's bytes: recorded ones (`tests/render/golden.sh`), and where
//! helm is installed its own at this moment.

use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel::chart::{Chart, io};
use evenkeel::render::{RenderOptions, TextOptions, render};
use evenkeel::tree::MemoryTree;
use evenkeel::values::{Layer, LayerKind, merge_layers};

use crate::harness::{Evenkeel, helm, project};
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
    cases.push(Case {
        name: "secrets".to_owned(),
        release: "secrets",
        chart: "charts/secrets".to_owned(),
        namespace: "default".to_owned(),
        values: vec![project().join("tests/render/secrets.yaml")],
    });
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
    for case in cases() {
        let mut command = Command::new(&helm);
        command.current_dir(project()).args(["lint", "--strict", &case.chart]);
        for file in &case.values {
            command.arg("-f").arg(file);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stdout));
    }
}

/// What would be deployed and not work is refused before, and every word of it is helm's, too.
#[test]
fn what_would_not_work_is_refused() {
    let refused = |chart: &str, set: &str| {
        let arguments = ["template", "clipper", chart, "--set", set];
        let ours = Evenkeel::new(arguments).folder(project()).run().expect_code(1).stderr;
        if let Ok(helm) = helm() {
            let theirs = Command::new(helm).args(arguments).current_dir(project()).output().unwrap();
            let theirs = String::from_utf8_lossy(&theirs.stderr);
            // Before it stand the links that were followed.
            let error = |text: &str| text.lines().find(|line| line.starts_with("Error: ")).map(str::to_owned);
            assert_eq!(error(&ours), error(&theirs), "{set}");
        }
        ours
    };
    for (chart, set, words) in [
        // Grafana's default password, where it counts; none at all, anywhere.
        (
            "clipper",
            "grafana.enabled=true,global.environment=production",
            "grafana.adminPassword is the chart's default",
        ),
        ("clipper", "grafana.enabled=true,grafana.adminPassword=", "or grafana.admin.existingSecret is required"),
        // A subchart's values under the name that it does not have here.
        ("clipper", "clipper-backend.image.tag=v1.2.3", "this chart knows the subchart as \"backend\""),
        ("clipper", "backend.imgae.tag=v1.2.3", "imgae"),
        ("clipper-backend", "image.tag=latest", "image.tag"),
        ("clipper-backend", "secrets.create=true", "secrets.data.DB_PASSWORD is required"),
        ("clipper-postgres", "persistence.size=50 GB", "persistence.size"),
        ("clipper-redis", "podDisruptionBudget.maxUnavailable=all", "podDisruptionBudget.maxUnavailable"),
        ("clipper-frontend", "ingress.pathType=prefix", "ingress.pathType"),
        ("secrets", "secrets.a.data.KEY=1", "secrets.a.data.KEY"),
        ("secrets", "registries.a.server=registry.example.org", "username"),
        (
            "secrets",
            "registries.a.server=s,registries.a.username=u,registries.a.password=p,secrets.a.data.k=t",
            "stands in secrets and in registries",
        ),
    ] {
        let said = refused(&format!("charts/{chart}"), set);
        assert!(said.contains(words), "{chart} with {set}: {said}");
    }
    let warned = Evenkeel::new(["template", "clipper", "charts/clipper", "--set", "grafana.enabled=true"]);
    warned.folder(project()).run().expect_code(0);
}

/// Nobody but the autoscaler says how many pods there are; claims stay; every image has a tag.
#[test]
fn clipper_keeps_its_promises() {
    for case in cases().iter().filter(|case| case.name.contains("clipper")) {
        let golden =
            std::fs::read_to_string(project().join(format!("tests/render/golden/{}.yaml", case.name))).unwrap();
        let documents: Vec<&str> = golden.split("---\n").collect();
        let of = |kind: &str| documents.iter().filter(|d| d.contains(&format!("\nkind: {kind}\n"))).collect::<Vec<_>>();
        let name = |document: &str| {
            let line = document.lines().find(|line| line.starts_with("  name: ")).unwrap();
            line.trim_start_matches("  name: ").to_owned()
        };
        for scaler in of("HorizontalPodAutoscaler") {
            let scaled = of("Deployment").into_iter().find(|d| name(d) == name(scaler)).unwrap();
            assert!(!scaled.contains("\n  replicas: "), "{}: {scaled}", case.name);
        }
        for claim in of("PersistentVolumeClaim") {
            assert!(claim.contains("helm.sh/resource-policy: keep"), "{}: {claim}", case.name);
        }
        for workload in of("Deployment").into_iter().chain(of("StatefulSet")) {
            for part in [
                "readinessProbe:",
                "livenessProbe:",
                "resources:",
                "securityContext:",
                "terminationGracePeriodSeconds:",
                "runAsNonRoot: true",
                "allowPrivilegeEscalation: false",
            ] {
                assert!(workload.contains(part), "{}: no {part} in {workload}", case.name);
            }
            assert!(workload.contains("  strategy:") || workload.contains("  updateStrategy:"), "{workload}");
        }
    }
}

/// Each part of the platform by itself, as its README installs it: named as its release, with what it is told of the others.
#[test]
fn each_component_stands_alone() {
    for (release, chart, set, words) in [
        (
            "clipper-backend",
            "clipper-backend",
            "database.host=postgres,redis.host=redis,secrets.existingSecret=backend-secrets",
            &["name: clipper-backend\n", "DB_HOST: \"postgres\"", "REDIS_HOST: \"redis\"", "name: backend-secrets"][..],
        ),
        (
            "clipper-frontend",
            "clipper-frontend",
            "global.domain=example.com",
            &["name: clipper-frontend\n", "- host: example.com"],
        ),
        (
            "postgres",
            "clipper-postgres",
            "secrets.existingSecret=postgres-secrets",
            &["name: postgres\n", "claimName: postgres-pvc", "name: postgres-secrets"],
        ),
        (
            "redis",
            "clipper-redis",
            "secrets.existingSecret=redis-secrets",
            &["name: redis\n", "claimName: redis-pvc", "name: redis-secrets"],
        ),
    ] {
        let chart = format!("charts/{chart}");
        let arguments = ["template", release, &chart, "--namespace", "clipper-production", "--set", set];
        let ours = Evenkeel::new(arguments).folder(project()).run().expect_code(0).stdout;
        for word in words {
            assert!(ours.contains(word), "{release}: no {word:?} in {ours}");
        }
        assert!(!ours.contains("kind: Secret"), "{release} makes a Secret: {ours}");
        if let Ok(helm) = helm() {
            let theirs = Command::new(helm).args(arguments).current_dir(project()).output().unwrap();
            assert_eq!(ours, String::from_utf8_lossy(&theirs.stdout), "{release}");
        }
    }
}
