//! Commands that need no cluster.

use crate::harness::{Evenkeel, GitRepository};

fn project() -> GitRepository {
    let repository = GitRepository::new();
    repository.copy("charts", "charts").copy("environments", "environments");
    repository
}

#[test]
fn explain_says_where_a_value_comes_from_and_what_it_overrode() {
    let repository = project();
    let output = Evenkeel::new(["explain", "clipper-staging/clipper", "backend.image.tag"])
        .repository(&repository)
        .run()
        .expect_code(0);
    insta::assert_snapshot!(output.stdout, @r#"
    backend.image.tag = "v1.3.0-rc.1"  (clipper-staging: environments/clipper-staging/clipper/values.yaml:8:5)
        over "v1.2.2"  (clipper-base: environments/clipper-base/clipper/values.yaml:13:5)
        over ""  (chart clipper-backend: charts/clipper-backend/values.yaml:25:3)
    "#);
    // The umbrella's subchart is the lowest layer of all.
    let output = Evenkeel::new(["explain", "clipper-production/clipper", "backend.autoscaling.minReplicas"])
        .repository(&repository)
        .run()
        .expect_code(0);
    let text = output.stdout;
    assert!(text.contains("= 3  (clipper-production: environments/clipper-production/clipper/values.yaml:"), "{text}");
    assert!(text.contains("over 2  (chart clipper-backend: charts/clipper-backend/values.yaml:"), "{text}");
    let output = Evenkeel::new(["explain", "clipper-production/redis", "resources.limits.memory", "--output", "json"])
        .repository(&repository)
        .run()
        .expect_code(0);
    let value = &output.json()["values"][0];
    assert_eq!(value["path"], "resources.limits.memory");
    assert_eq!(value["origin"]["file"], "charts/clipper-redis/values.yaml");
}

#[test]
fn explain_shows_no_secret_value() {
    let repository = project();
    let file = "environments/clipper-staging/redis/values.yaml";
    let more = "s3: {secretKey: leaked-1, bucket: b}\nurl: redis://app:leaked-2@redis:6379\npasswords: {admin: 73577357}\nenv: [{name: API_TOKEN, value: leaked-3}]\n";
    repository.write(file, &(repository.read(file) + more));
    for arguments in [&[][..], &["--output", "json"], &["--all"]] {
        let output = Evenkeel::new(["explain", "clipper-staging/redis"])
            .args(arguments)
            .repository(&repository)
            .run()
            .expect_code(0);
        for secret in ["leaked", "73577357", "staging-only"] {
            assert!(!format!("{output}").contains(secret), "{secret}: {output}");
        }
        assert!(output.stdout.contains("redis://<secret>@redis:6379"), "{output}");
    }
    let entry = Evenkeel::new(["explain", "clipper-staging/redis", "env[0].value"]).repository(&repository).run();
    assert!(entry.stdout.contains("<secret>"), "{entry}");
    let shown =
        Evenkeel::new(["explain", "clipper-production/redis", "secrets.existingSecret"]).repository(&repository).run();
    assert!(shown.stdout.contains("= \"redis-secrets\""), "{shown}");
}

#[test]
fn a_working_folder_and_a_revision_are_two_sources() {
    let repository = project();
    let first = repository.commit("first");
    repository.replace("environments/clipper-base/clipper/values.yaml", "tag: v1.2.2", "tag: v9.9.9");
    let render = |more: &[&str]| {
        let output = Evenkeel::new(["render", "clipper-production/clipper"]).repository(&repository).args(more).run();
        output.expect_code(0).stdout
    };
    assert!(render(&[]).contains("clipper/clipper-backend:v9.9.9"));
    assert!(render(&["--rev", &first]).contains("clipper/clipper-backend:v1.2.2"));
    assert!(render(&["--rev", "HEAD"]).contains("clipper/clipper-backend:v1.2.2"));
}

#[test]
fn render_shows_no_secret_value() {
    let repository = project();
    let output = Evenkeel::new(["render", "clipper-staging"]).repository(&repository).run().expect_code(0);
    assert!(output.stdout.contains("kind: Secret") && output.stdout.contains("<secret>"), "{output}");
    assert!(!format!("{output}").contains("staging-only"), "{output}");
    // base64 of it
    assert!(!output.stdout.contains("c3RhZ2luZy1vbmx5"), "{output}");
}
