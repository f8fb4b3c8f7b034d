//! Mistakes, each with its place and the nearest valid name.

use crate::harness::{Evenkeel, GitRepository};

fn project() -> GitRepository {
    let repository = GitRepository::new();
    repository.copy("charts", "charts").copy("environments", "environments");
    repository
}

fn fails(repository: &GitRepository, arguments: &[&str]) -> String {
    let output = Evenkeel::new(arguments).repository(repository).run().expect_code(2);
    output.stderr.replace(&repository.path().display().to_string(), "REPOSITORY")
}

#[test]
fn an_unknown_environment() {
    insta::assert_snapshot!(fails(&project(), &["render", "clipper-prodution"]), @r"
    error: there is no environment `clipper-prodution` in `environments`
      = hint: did you mean `clipper-production`?
    ");
}

#[test]
fn an_unknown_release() {
    insta::assert_snapshot!(fails(&project(), &["render", "clipper-production/cliper"]), @r"
    error: environment `clipper-production` has no release `cliper`
      = hint: did you mean `clipper`?
    ");
}

#[test]
fn an_unknown_key() {
    let repository = project();
    repository.replace("environments/clipper-production/environment.yaml", "onDrift: correct", "onDrft: correct");
    insta::assert_snapshot!(fails(&repository, &["render", "clipper-production"]), @r"
    error: environments/clipper-production/environment.yaml:6:1: unknown key `onDrft`
      |
    6 | onDrft: correct
      | ^^^^^^
      = hint: did you mean `onDrift`?
    ");
}

#[test]
fn a_policy_that_is_the_environments_alone() {
    let repository = project();
    let file = "environments/clipper-base/redis/release.yaml";
    repository.write(file, &format!("{}prune: {{maxDeletions: 3}}\n", repository.read(file)));
    let error = fails(&repository, &["render", "clipper-production/redis"]);
    assert!(error.contains("`prune.maxDeletions` counts the deletions of the whole environment"), "{error}");
    assert!(error.contains("environments/clipper-base/redis/release.yaml:6:9"), "{error}");
}

#[test]
fn broken_values_stop_their_release_alone() {
    let repository = project();
    repository.write("environments/clipper-production/redis/values.yaml", "secrets:\n  existingSecret: [redis\n");
    let output = Evenkeel::new(["render", "clipper-production"]).repository(&repository).run().expect_code(2);
    assert!(output.stdout.contains("# Release: clipper"), "{output}");
    assert!(!output.stdout.contains("# Release: redis"), "{output}");
    insta::assert_snapshot!(output.stderr, @r"error: clipper-production/redis: environments/clipper-production/redis/values.yaml:3:1: did not find expected ',' or ']'");
}

#[test]
fn a_template_that_fails() {
    let repository = project();
    repository.write("charts/clipper-redis/templates/service.yaml", "kind: Service\nspec: {{ .Values.no.such }}\n");
    insta::assert_snapshot!(fails(&repository, &["render", "clipper-production/redis"]), @r#"
    error: clipper-production/redis: template: clipper-redis/templates/service.yaml:2:16: executing "clipper-redis/templates/service.yaml" at <.Values.no.such>: nil pointer evaluating interface {}.such

    charts/clipper-redis/templates/service.yaml:2:10: nil pointer evaluating interface {}.such
      |
    2 | spec: {{ .Values.no.such }}
      |          ^^^^^^^^^^^^^^^
      = chart: clipper-redis 0.1.0
      = `.Values.no` is not set (wanted: `.Values.no.such`)
      = nearest key that is set: `.Values`
      = looked in: charts/clipper-redis/values.yaml, environments/clipper-base/redis/values.yaml, environments/clipper-production/redis/values.yaml
    "#);
}

#[test]
fn a_value_that_no_layer_sets() {
    insta::assert_snapshot!(fails(&project(), &["explain", "clipper-production/clipper", "backend.imgae"]), @r"
    error: no layer of clipper-production/clipper sets `backend.imgae`
      = hint: did you mean `backend.image`?
    ");
}

#[test]
fn a_cluster_that_is_not_there() {
    let repository = project();
    repository.write("kubeconfig", "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: a, cluster: {server: 'http://127.0.0.1:9'}}]\nusers: [{name: a, user: {}}]\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n");
    let file = repository.path().join("kubeconfig");
    let output =
        Evenkeel::new(["status", "clipper-staging"]).repository(&repository).kubeconfig(&file).run().expect_code(2);
    assert!(output.stderr.contains("127.0.0.1:9"), "{output}");
    assert!(output.stderr.contains("refused"), "{output}");
}

#[test]
fn an_unknown_command_names_the_nearest() {
    let output = Evenkeel::new(["aply", "clipper-staging"]).run().expect_code(2);
    assert!(output.stderr.contains("'apply'"), "{output}");
}

#[test]
fn limits_are_named_and_can_be_raised() {
    let repository = GitRepository::new();
    repository.write("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n");
    repository.write("c/templates/a.yaml", "a: \"{{ range until 1000 }}xxxxxxxxxx{{ end }}\"\n");
    repository.write(
        "c/templates/b.yaml",
        "{{ define \"n\" }}{{ if . }}{{ include \"n\" (sub . 1) }}{{ end }}{{ end }}b: \"{{ include \"n\" 40 }}\"\n",
    );
    let run = |limit: &str| Evenkeel::new(["template", "x", "c", "--limit", limit]).folder(repository.path()).run();
    for (name, low, high) in [("fuel", 500, 50_000), ("output", 2_000, 50_000), ("depth", 20, 100)] {
        let output = run(&format!("{name}={low}")).expect_code(1);
        let first = output.stderr.lines().next().unwrap();
        let message = match name {
            "depth" => format!("exceeded maximum template depth ({low})"),
            name => format!("limit reached: {name} ({low} "),
        };
        assert!(first.starts_with("Error: template: c/templates/") && first.contains(&message), "{output}");
        assert!(output.stderr.contains(&format!("--limit {name}=NUMBER` raises it")), "{output}");
        run(&format!("{name}={high}")).expect_code(0);
    }
    assert!(run("time=3").expect_code(1).stderr.contains("expected fuel=NUMBER"));
}
