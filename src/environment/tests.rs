//! Environments as a user writes them: a small repository in memory, and what comes of it.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    BrokenRelease, Crds, Environment, MaxDeletions, OnCommit, OnDrift, OnFailure, Policies, Release, Target, discover,
    load,
};
use crate::diagnostic::Diagnostic;
use crate::sops::Keys;
use crate::tree::{MemoryTree, Tree};

const ENVIRONMENT: &str = "apiVersion: evenkeel.dev/v1alpha1\nkind: Environment\n";
const RELEASE: &str = "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\n";

/// A base with two releases and a production over it.
fn repository() -> MemoryTree {
    MemoryTree::from([
        ("charts/clipper/Chart.yaml", "apiVersion: v2\nname: clipper\nversion: 1.2.0\n".to_owned()),
        ("charts/clipper/values.yaml", "image: {tag: latest}\n".to_owned()),
        ("charts/postgres/Chart.yaml", "apiVersion: v2\nname: postgres\nversion: 0.1.0\n".to_owned()),
        (
            "environments/base/environment.yaml",
            format!(
                "{ENVIRONMENT}abstract: true\ntimeout: 10m\norder: [infrastructure, app-plane]\nprune: {{maxDeletions: 20%}}\n"
            ),
        ),
        (
            "environments/base/clipper/release.yaml",
            format!(
                "{RELEASE}chart: charts/clipper\nnamespace: clipper-${{environment}}\ngroup: app-plane\ndependsOn: [postgres]\ntimeout: 5m\n"
            ),
        ),
        ("environments/base/clipper/values.yaml", "image: {tag: v1, pullPolicy: Always}\nlist: [1, 2]\n".to_owned()),
        (
            "environments/base/postgres/release.yaml",
            format!("{RELEASE}chart: charts/postgres\ngroup: infrastructure\nonDrift: alert\n"),
        ),
        (
            "environments/production/environment.yaml",
            format!(
                "{ENVIRONMENT}extends: [base]\nnamespace: data\nprune: {{maxDeletions: 10}}\ncluster: {{context: prod}}\n"
            ),
        ),
        ("environments/production/clipper/values.yaml", "image: {tag: v2}\nlist: [3]\n".to_owned()),
    ])
}

fn with(changes: &[(&str, &str)]) -> MemoryTree {
    let mut tree = repository();
    for (path, text) in changes {
        tree.insert(*path, text.replace("ENV:\n", ENVIRONMENT).replace("REL:\n", RELEASE));
    }
    tree
}

fn environment(tree: &dyn Tree, name: &str) -> Environment {
    load(tree, "environments", name, &Keys::default()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn whole<'a>(environment: &'a Environment, name: &str) -> &'a Release {
    match environment.release(name) {
        Some(Ok(release)) => release,
        Some(Err(broken)) => panic!("{}", shown(&broken.diagnostics)),
        None => panic!("there is no {name}"),
    }
}

fn broken<'a>(environment: &'a Environment, name: &str) -> &'a BrokenRelease {
    match environment.release(name) {
        Some(Err(broken)) => broken,
        _ => panic!("{name} is not broken"),
    }
}

fn shown(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn layers_merge_and_releases_are_inherited() {
    let tree = repository();
    assert_eq!(discover(&tree, "environments").unwrap(), ["base", "production"]);
    let production = environment(&tree, "production");
    assert_eq!(production.layers, ["base", "production"]);
    assert!(!production.is_abstract && environment(&tree, "base").releases.len() == 2);
    assert_eq!(production.cluster, Target::Context("prod".to_owned()));
    assert_eq!(production.policies.prune.max_deletions, MaxDeletions::Count(10));
    assert_eq!(production.policies.timeout, Duration::from_secs(600));
    assert_eq!(production.stages, [["postgres"], ["clipper"]]);
    let clipper = whole(&production, "clipper");
    assert_eq!(clipper.namespace, "clipper-production");
    assert_eq!(clipper.release_name, "clipper");
    assert_eq!(clipper.chart.as_ref().and_then(crate::environment::ChartSource::folder), Some("charts/clipper"));
    assert_eq!(clipper.policies.timeout, Duration::from_secs(300));
    assert_eq!(clipper.policies.prune, production.policies.prune);
    assert_eq!(clipper.depends_on, ["postgres"]);
    let values = serde_json::to_string(&clipper.values.value).unwrap();
    assert_eq!(values, r#"{"image":{"pullPolicy":"Always","tag":"v2"},"list":[3.0]}"#);
    assert_eq!(
        clipper.files,
        [
            "environments/base/clipper/release.yaml",
            "environments/base/clipper/values.yaml",
            "environments/production/clipper/values.yaml"
        ]
    );
    let postgres = whole(&production, "postgres");
    assert_eq!((postgres.namespace.as_str(), postgres.policies.on_drift), ("data", OnDrift::Alert));
    let staged: Vec<bool> = production.staged().map(Result::is_ok).collect();
    assert_eq!(staged, [true, true]);
}

#[test]
fn policies_have_the_documented_defaults() {
    let defaults = Policies::default();
    assert_eq!((defaults.on_commit, defaults.on_drift), (OnCommit::Apply, OnDrift::Correct));
    assert!(defaults.prune.enabled && defaults.prune.max_deletions == MaxDeletions::Percent(50));
    assert_eq!(defaults.prune.protect, ["PersistentVolumeClaim", "Namespace", "CustomResourceDefinition"]);
    assert_eq!((defaults.interval, defaults.timeout), (None, Duration::from_secs(300)));
    let tree = MemoryTree::from([
        ("e/a/environment.yaml", format!("{ENVIRONMENT}namespace: a\n")),
        ("e/a/r/release.yaml", RELEASE.to_owned()),
        ("e/a/r/manifests/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n".to_owned()),
    ]);
    let environment = load(&tree, "e", "a", &Keys::default()).unwrap();
    assert_eq!(environment.policies, defaults);
    assert_eq!(environment.cluster, Target::Default);
    let release = whole(&environment, "r");
    assert_eq!(
        (release.crds, release.policies.on_failure, release.chart.as_ref()),
        (Crds::Create, OnFailure::Retry, None)
    );
    assert_eq!(release.manifests[0].path, "e/a/r/manifests/x.yaml");
}

#[test]
fn diamonds_stand_once_and_what_is_written_later_lies_higher() {
    let layer = |extends: &str, namespace: &str| format!("{ENVIRONMENT}extends: [{extends}]\nnamespace: {namespace}\n");
    let tree = MemoryTree::from([
        ("root/environment.yaml", format!("{ENVIRONMENT}timeout: 1m\n")),
        ("left/environment.yaml", layer("root", "left")),
        ("right/environment.yaml", layer("root", "right")),
        ("top/environment.yaml", format!("{ENVIRONMENT}extends: [left, right]\n")),
        ("turned/environment.yaml", format!("{ENVIRONMENT}extends: [right, left, root]\n")),
    ]);
    let top = load(&tree, "", "top", &Keys::default()).unwrap();
    assert_eq!(top.layers, ["root", "left", "right", "top"]);
    assert_eq!(top.namespace.as_deref(), Some("right"));
    let turned = load(&tree, "", "turned", &Keys::default()).unwrap();
    assert_eq!(turned.layers, ["root", "right", "left", "turned"]);
    assert_eq!(turned.namespace.as_deref(), Some("left"));
}

#[test]
fn null_deletes_and_a_release_can_be_switched_off() {
    let tree = with(&[
        ("environments/production/environment.yaml", "ENV:\nextends: [base]\nnamespace: data\ntimeout: null\n"),
        ("environments/production/clipper/release.yaml", "REL:\nnamespace: null\ndependsOn: null\n"),
        ("environments/production/postgres/release.yaml", "REL:\nenabled: false\n"),
    ]);
    let production = environment(&tree, "production");
    assert_eq!(production.policies.timeout, Duration::from_secs(300));
    assert_eq!(production.disabled, ["postgres"]);
    assert_eq!(whole(&production, "clipper").namespace, "data");
    assert_eq!(production.stages, [["clipper"]]);
}

#[test]
fn manifests_of_a_higher_layer_replace_and_remove() {
    let config = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let tree = with(&[
        ("environments/base/clipper/manifests/a.yaml", &config("below")),
        ("environments/base/clipper/manifests/b.yaml", &config("gone")),
        ("environments/base/clipper/manifests/README.md", "notes"),
        ("environments/production/clipper/manifests/a.yaml", &config("above")),
        ("environments/production/clipper/manifests/b.yaml", "\n"),
    ]);
    let production = environment(&tree, "production");
    let manifests = &whole(&production, "clipper").manifests;
    assert_eq!(manifests.len(), 1);
    assert!(manifests[0].text.contains("above") && manifests[0].path.starts_with("environments/production/"));
}

#[test]
fn digests_change_with_what_is_rendered_and_with_nothing_else() {
    let digest = |tree: &MemoryTree, name: &str| whole(&environment(tree, "production"), name).digest.clone();
    let plain = digest(&repository(), "clipper");
    assert_eq!(plain, digest(&repository(), "clipper"));
    for change in [
        ("charts/clipper/templates/new.yaml", "x"),
        ("environments/production/clipper/values.yaml", "image: {tag: v3}\n"),
        (
            "environments/base/environment.yaml",
            "ENV:\ntimeout: 1m\nonDrift: alert\norder: [infrastructure, app-plane]\n",
        ),
        ("environments/production/clipper/release.yaml", "REL:\nreleaseName: other\n"),
    ] {
        assert_ne!(plain, digest(&with(&[change]), "clipper"), "{}", change.0);
    }
    for change in [
        ("charts/postgres/templates/new.yaml", "x"),
        ("environments/base/clipper/notes.md", "x"),
        ("environments/production/clipper/release.yaml", "REL:\n# a comment\n"),
    ] {
        assert_eq!(plain, digest(&with(&[change]), "clipper"), "{}", change.0);
    }
}

/// The errors of an environment, or of its releases, as a person sees them.
fn errors(changes: &[(&str, &str)]) -> String {
    let tree = with(changes);
    match load(&tree, "environments", "production", &Keys::default()) {
        Err(errors) => errors.to_string(),
        Ok(environment) => {
            let broken: Vec<String> = environment
                .releases
                .iter()
                .filter_map(|release| release.as_ref().err())
                .map(|broken| format!("[{}]\n{}", broken.name, shown(&broken.diagnostics)))
                .collect();
            broken.join("\n\n")
        }
    }
}

/// Cases of one snapshot: a title and the files that are changed.
fn report(cases: &[(&str, &[(&str, &str)])]) -> String {
    cases.iter().map(|(title, changes)| format!("## {title}\n{}\n", errors(changes))).collect::<Vec<_>>().join("\n")
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(name, text);
    });
}

const PRODUCTION: &str = "environments/production/environment.yaml";
const CLIPPER: &str = "environments/production/clipper/release.yaml";

#[test]
fn errors_of_environments() {
    snapshot(
        "errors_of_environments",
        &report(&[
            ("unknown key", &[(PRODUCTION, "ENV:\nextends: [base]\nonDrfit: correct\n")]),
            ("key of a release", &[(PRODUCTION, "ENV:\nextends: [base]\nchart: charts/clipper\n")]),
            ("nested unknown key", &[(PRODUCTION, "ENV:\nextends: [base]\nprune: {maxDeletion: 3}\n")]),
            ("unknown key set to null", &[(PRODUCTION, "ENV:\nextends: [base]\nnamespaces: null\n")]),
            ("no header", &[(PRODUCTION, "extends: [base]\n")]),
            ("wrong header", &[(PRODUCTION, "apiVersion: evenkeel.dev/v1\nkind: Enviroment\nextends: [base]\n")]),
            ("empty file", &[(PRODUCTION, "")]),
            ("no map", &[(PRODUCTION, "- a\n")]),
            ("no YAML", &[(PRODUCTION, "ENV:\nextends: [base\n")]),
            ("duplicate key", &[(PRODUCTION, "ENV:\nextends: [base]\nnamespace: a\nnamespace: b\n")]),
            ("two documents", &[(PRODUCTION, "ENV:\nextends: [base]\n---\na: 1\n")]),
            (
                "wrong types",
                &[(
                    PRODUCTION,
                    "ENV:\nabstract: 'no'\nextends: base\nnamespace: 12\norder: [infrastructure, 2, infrastructure]\nonCommit: true\nprune: all\ntimeout: 300\n",
                )],
            ),
            (
                "bad values",
                &[(
                    PRODUCTION,
                    "ENV:\nextends: [base]\nonCommit: aply\nonDrift: fix\ntimeout: 5 minuts\ninterval: 0s\nprune: {maxDeletions: 101%}\nnamespace: Clipper_Production\n",
                )],
            ),
            ("negative count", &[(PRODUCTION, "ENV:\nextends: [base]\nprune: {maxDeletions: -1}\n")]),
            ("cluster", &[(PRODUCTION, "ENV:\nextends: [base]\ncluster: in-clutser\n")]),
            ("empty cluster", &[(PRODUCTION, "ENV:\nextends: [base]\ncluster: {}\n")]),
            ("values at the wrong place", &[("environments/production/values.yaml", "a: 1\n")]),
            ("misspelt file", &[("environments/base/enviroment.yaml", "ENV:\n")]),
        ]),
    );
}

#[test]
fn errors_of_layers() {
    snapshot(
        "errors_of_layers",
        &report(&[
            ("missing layer", &[(PRODUCTION, "ENV:\nextends: [bsae]\n")]),
            (
                "circle",
                &[
                    (PRODUCTION, "ENV:\nextends: [middle]\n"),
                    ("environments/middle/environment.yaml", "ENV:\nextends: [base]\n"),
                    ("environments/base/environment.yaml", "ENV:\nextends: [middle]\n"),
                ],
            ),
            ("itself", &[(PRODUCTION, "ENV:\nextends: [production]\n")]),
            ("twice", &[(PRODUCTION, "ENV:\nextends: [base, base]\n")]),
            ("mistake in a layer", &[("environments/base/environment.yaml", "ENV:\nabstract: yes please\n")]),
            ("outside", &[(PRODUCTION, "ENV:\nextends: [../../etc]\n")]),
        ]),
    );
}

#[test]
fn errors_of_releases() {
    snapshot(
        "errors_of_releases",
        &report(&[
            ("unknown key", &[(CLIPPER, "REL:\nchrat: charts/clipper\n")]),
            ("key of an environment", &[(CLIPPER, "REL:\ncluster: in-cluster\n")]),
            ("unknown substitution", &[(CLIPPER, "REL:\nnamespace: clipper-${enviroment}\n")]),
            ("open substitution", &[(CLIPPER, "REL:\nnamespace: \"a-${environment\"\n")]),
            ("unknown chart", &[(CLIPPER, "REL:\nchart: charts/cliper\n")]),
            ("no chart", &[(CLIPPER, "REL:\nchart: charts\n")]),
            ("chart outside", &[(CLIPPER, "REL:\nchart: ../charts/clipper\n")]),
            ("other version", &[(CLIPPER, "REL:\nversion: ^1.0.0\n")]),
            ("nothing", &[(CLIPPER, "REL:\nchart: null\n")]),
            ("names", &[(CLIPPER, "REL:\nreleaseName: Clipper\nnamespace: a.b\n")]),
            ("unknown release", &[(CLIPPER, "REL:\ndependsOn: [postgers]\n")]),
            ("unknown group", &[(CLIPPER, "REL:\ngroup: app-plan\n")]),
            (
                "circle",
                &[
                    (CLIPPER, "REL:\ngroup: infrastructure\n"),
                    ("environments/production/postgres/release.yaml", "REL:\ndependsOn: [clipper]\n"),
                ],
            ),
            (
                "twins",
                &[(
                    "environments/production/postgres/release.yaml",
                    "REL:\nreleaseName: clipper\nnamespace: clipper-production\n",
                )],
            ),
            ("undeclared", &[("environments/production/cliper/values.yaml", "a: 1\n")]),
            ("stray file", &[("environments/production/clipper/vaules.yaml", "a: 1\n")]),
            ("values", &[("environments/production/clipper/values.yaml", "password: 'hunter2\n")]),
            ("manifest", &[("environments/production/clipper/manifests/a.yaml", "kind: ConfigMap\n")]),
            (
                "ignore",
                &[(
                    CLIPPER,
                    "REL:\nignore:\n- {target: {kind: Deployment}}\n- {pointers: [spec.replicas, /status/x, /a~b], target: {lables: {}}}\n- {managers: vpa, pointers: [/spec]}\n- {pointers: [/spec], target: {labels: [a]}}\n",
                )],
            ),
            ("folder of manifests", &[("environments/production/clipper/manifests/a/b.yaml", "kind: ConfigMap\n")]),
            (
                "mistake in a layer that another one overrides",
                &[
                    ("environments/base/clipper/release.yaml", "REL:\nchart: charts/clipper\ntimeout: soon\n"),
                    (CLIPPER, "REL:\ntimeout: 1m\ndependsOn: null\n"),
                ],
            ),
        ]),
    );
}

#[test]
fn what_comes_later_is_named() {
    snapshot(
        "what_comes_later_is_named",
        &report(&[
            (
                "environment",
                &[(
                    PRODUCTION,
                    "ENV:\nextends: [base]\nwindows: [{schedule: '0 8 * * *', duration: 8h}]\nverify: {keys: [keys/a.pub]}\ndecryption: {provider: sops, secret: {name: age}}\nnotify: [{webhook: 'https://example.org'}]\n",
                )],
            ),
            (
                "kubeconfig",
                &[(PRODUCTION, "ENV:\nextends: [base]\ncluster: {context: null, kubeconfig: {name: prod}}\n")],
            ),
            (
                "release",
                &[(CLIPPER, "REL:\nvaluesFrom: [{kind: Secret, name: a}]\nhooks: false\nonFailure: rollback\n")],
            ),
            ("remote chart", &[(CLIPPER, "REL:\nchart: oci://example.org/charts/clipper\nversion: 1.x\n")]),
            ("files", &[("environments/production/clipper/patches.yaml", "")]),
        ]),
    );
}

#[test]
fn a_broken_release_leaves_the_others_whole() {
    let tree = with(&[(CLIPPER, "REL:\nchrat: x\n")]);
    let production = environment(&tree, "production");
    assert_eq!(broken(&production, "clipper").diagnostics.len(), 1);
    whole(&production, "postgres");
    assert_eq!(production.stages.concat().len(), 2);
    assert!(load(&tree, "environments", "base", &Keys::default()).unwrap().releases.iter().all(Result::is_ok));
}

#[test]
fn nothing_there_is_an_error() {
    let tree = repository();
    assert!(discover(&tree, "nothing").is_err());
    let error = load(&tree, "environments", "prodution", &Keys::default()).unwrap_err();
    assert_eq!(error.0[0].hint.as_deref(), Some("did you mean `production`?"));
    let mut not_text = repository();
    not_text.insert(PRODUCTION, vec![b'a', b'\n', 0xff]);
    assert!(
        load(&not_text, "environments", "production", &Keys::default())
            .unwrap_err()
            .to_string()
            .contains("line 2 is not UTF-8")
    );
}

proptest! {
    /// Whatever stands in the files, loading ends with an environment or with located errors.
    #[test]
    fn any_text_is_survived(environment in "(?s).{0,120}", release in "(?s).{0,120}", values in "(?s).{0,60}") {
        let tree = with(&[(PRODUCTION, &format!("ENV:\nextends: [base]\n{environment}")), (CLIPPER, &format!("REL:\n{release}")), ("environments/production/clipper/values.yaml", &values)]);
        if let Err(errors) = load(&tree, "environments", "production", &Keys::default()) {
            prop_assert!(!errors.0.is_empty());
        }
    }

    /// Layers folded from below: a key's value is that of the highest layer that has it, unless that one is null.
    #[test]
    fn the_highest_layer_wins(timeouts in prop::collection::vec(prop::option::of(0_u32..4), 1..6)) {
        let mut tree = MemoryTree::default();
        for (index, timeout) in timeouts.iter().enumerate() {
            let extends = if index == 0 { String::new() } else { format!("extends: [l{}]\n", index - 1) };
            let timeout = match timeout {
                None => String::new(),
                Some(0) => "timeout: null\n".to_owned(),
                Some(minutes) => format!("timeout: {minutes}m\n"),
            };
            tree.insert(format!("l{index}/environment.yaml"), format!("{ENVIRONMENT}{extends}{timeout}"));
        }
        let loaded = load(&tree, "", &format!("l{}", timeouts.len() - 1), &Keys::default()).unwrap();
        let expected = match timeouts.iter().rev().find_map(|timeout| *timeout) {
            None | Some(0) => 5,
            Some(minutes) => u64::from(minutes),
        };
        prop_assert_eq!(loaded.policies.timeout, Duration::from_secs(60 * expected));
    }
}

#[test]
fn expressions_are_read_where_they_are_written() {
    let rule = |lines: &str| format!("REL:\nhealth:\n- apiVersion: example.org/v1\n  kind: Database\n{lines}");
    let wrong = |lines: &str| {
        let tree = with(&[(CLIPPER, &rule(lines))]);
        match environment(&tree, "production").release("clipper") {
            Some(Err(broken)) => broken.diagnostics.iter().map(Diagnostic::headline).collect::<Vec<_>>().join("\n"),
            other => panic!("{other:?}"),
        }
    };
    let at = |place: &str, message: &str| format!("{CLIPPER}:{place}: {message}");
    let odd = "no expression: token recognition error at: '= '";
    assert_eq!(wrong("  current: status.phase = 'x'\n"), at("6:25", odd));
    assert_eq!(wrong("  current: \"status.phase = 'x'\"\n"), at("6:26", odd));
    assert_eq!(
        wrong("  current: |\n    true &&\n    status.phase ==\n"),
        at("8:20", "no expression: mismatched input the end")
    );
    assert_eq!(wrong("  failed: 'true'\n"), at("4:3", "`current` is missing"));
    assert!(wrong("  current: 'true'\n  faild: 'true'\n").contains("unknown key `faild`"));
    assert!(wrong("  current: sttus.phase == 'x'\n").contains(":6:12: no expression: `sttus` is nothing"));

    let tree = with(&[(CLIPPER, &rule("  current: status.phase == 'x'\n"))]);
    let environment = environment(&tree, "production");
    let rules = &environment.release("clipper").unwrap().as_ref().unwrap().health;
    assert!(rules.waits_for(&"example.org/Database/ns/a".parse().unwrap()) && !rules.is_empty());
}
