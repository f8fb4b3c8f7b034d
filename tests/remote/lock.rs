//! Environments whose charts are elsewhere: locked, rendered through the lock, and through nothing else.

use super::support::{Home, Repository, write};
use crate::harness::{Registry, helm};
use crate::require;

/// A working folder with the environments `base` and `production`, and the release `web` declared in base.
fn environments(home: &Home, release: &str) -> String {
    let root = home.folder("repo");
    let header = "apiVersion: evenkeel.dev/v1alpha1\nkind: ";
    write(&root.join("environments/base/environment.yaml"), &format!("{header}Environment\nabstract: true\n"));
    write(
        &root.join("environments/production/environment.yaml"),
        &format!("{header}Environment\nextends: [base]\nnamespace: web\n"),
    );
    write(&root.join("environments/base/web/release.yaml"), &format!("{header}Release\n{release}"));
    write(&root.join("environments/production/web/values.yaml"), "word: production\n");
    root.to_str().unwrap().to_owned()
}

#[test]
fn a_chart_of_a_registry_is_rendered_through_its_lock() {
    let (helm, registry) = (require!(helm()), require!(Registry::start()));
    let home = Home::new();
    home.helm_ok(&helm, &["registry", "login", registry.address(), "-u", "user", "-p", Registry::PASSWORD]);
    let remote = format!("oci://{}/charts", registry.address());
    let push = |version: &str| {
        let archive = home.packed(&helm, "web", version);
        home.helm_ok(&helm, &["push", archive.to_str().unwrap(), &remote]);
        archive
    };
    push("1.0.0");
    let root = environments(&home, &format!("chart: {remote}/web\nversion: ^1\n"));
    let render = |extra: &[&str]| home.run([&["render", "production", "-C", &root], extra].concat());

    let unlocked = render(&[]).expect_code(2);
    assert!(unlocked.stderr.contains("is not locked"), "{unlocked}");
    assert!(unlocked.stderr.contains("run `evenkeel lock production/web`"), "{unlocked}");
    home.run(["render", "base", "-C", &root]).expect_code(2);

    let locked = home.run(["lock", "production", "-C", &root]).expect_code(0);
    assert!(locked.stdout.contains("1.0.0 sha256:"), "{locked}");
    let file = home.path().join("repo/environments/base/web/release.lock");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("version: \"1.0.0\"") && text.contains("manifest: sha256:"), "{text}");
    let rendered = render(&[]).expect_code(0);
    assert!(rendered.stdout.contains("v: 1.0.0") && rendered.stdout.contains("w: production"), "{rendered}");
    let explained = home.run(["explain", "production/web", "word", "-C", &root]).expect_code(0);
    assert!(
        explained.stdout.contains("hello") && explained.stdout.contains("charts/web/values.yaml:2:1"),
        "{explained}"
    );

    // A newer version changes nothing until somebody asks for it; the same tag with another content never counts.
    push("1.1.0");
    assert_eq!(render(&[]).expect_code(0).stdout, rendered.stdout);
    let kept = home.run(["lock", "production/web", "-C", &root, "--output", "json"]).expect_code(0).json();
    assert_eq!((&kept["locks"][0]["changed"], &kept["locks"][0]["version"]), (&false.into(), &"1.0.0".into()));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    write(&home.path().join("charts/web-1.0.0/values.yaml"), "word: moved\n");
    let moved = home.path().join("charts/web-1.0.0");
    home.helm_ok(&helm, &["package", moved.to_str().unwrap(), "-d", home.folder("moved").to_str().unwrap()]);
    home.helm_ok(&helm, &["push", home.path().join("moved/web-1.0.0.tgz").to_str().unwrap(), &remote]);
    let fresh = home.folder("fresh-cache");
    let arguments = ["render", "production", "-C", &root];
    let again = home.evenkeel(arguments).env("XDG_CACHE_HOME", &fresh).run().expect_code(0);
    assert_eq!(again.stdout, rendered.stdout, "the manifest's digest is what is asked for");
    // With the tag alone, what comes has another digest.
    let without: String =
        text.lines().filter(|line| !line.starts_with("manifest:")).map(|line| format!("{line}\n")).collect();
    write(&file, &without);
    let fresh = home.folder("fresher-cache");
    let refused = home.evenkeel(arguments).env("XDG_CACHE_HOME", &fresh).run().expect_code(2);
    assert!(refused.stderr.contains("the lock says sha256:"), "{refused}");
    write(&file, &text);
    let offline = home.evenkeel(arguments).arg("--offline").env("XDG_CACHE_HOME", &fresh).run().expect_code(2);
    assert!(offline.stderr.contains("offline: the chart") && offline.stderr.contains("1.0.0"), "{offline}");
    render(&["--offline"]).expect_code(0);

    let upgraded = home.run(["lock", "production", "-C", &root, "--upgrade"]).expect_code(0);
    assert!(upgraded.stdout.contains(" 1.1.0 sha256:"), "{upgraded}");
    assert!(render(&[]).expect_code(0).stdout.contains("v: 1.1.0"));

    // A lock of something else.
    write(
        &home.path().join("repo/environments/base/web/release.yaml"),
        &format!("apiVersion: evenkeel.dev/v1alpha1\nkind: Release\nchart: {remote}/web\nversion: ^2\n"),
    );
    let stale = render(&[]).expect_code(2);
    assert!(stale.stderr.contains("the release asks for"), "{stale}");
    let none = home.run(["lock", "production", "-C", &root]).expect_code(2);
    assert!(none.stderr.contains("Could not locate a version matching provided version string ^2"), "{none}");
}

#[test]
fn a_chart_of_a_repository_and_a_packed_one() {
    let helm = require!(helm());
    let home = Home::new();
    let archive = home.packed(&helm, "web", "1.0.0");
    home.helm_ok(&helm, &["repo", "index", home.folder("packed").to_str().unwrap()]);
    let served = Repository::serve(&home.folder("packed"));
    let root = environments(&home, &format!("chart: web\nrepository: {}\n", served.url()));
    home.run(["lock", "production/web", "-C", &root]).expect_code(0);
    let lock = home.path().join("repo/environments/base/web/release.lock");
    let text = std::fs::read_to_string(&lock).unwrap();
    assert!(text.contains("provenance: false"), "{text}");
    let rendered = home.run(["render", "production", "-C", &root]).expect_code(0);
    assert!(rendered.stdout.contains("w: production"), "{rendered}");

    // Applied through its lock: what the registry says later changes nothing, and nobody needs to answer any more.
    let kubeconfig = home.path().join("kubeconfig");
    let declared = home.path().join("repo/environments/base/web/release.yaml");
    let declared_text = std::fs::read_to_string(&declared).unwrap();
    // The chart's definition is none that a server takes.
    write(&declared, &format!("{declared_text}crds: skip\n"));
    let mut sandbox = home.evenkeel(["sandbox"]).kubeconfig(&kubeconfig).start();
    let deadline = std::time::Duration::from_secs(20);
    sandbox.next_line("the address", deadline, |line| line.starts_with("serving http://127.0.0.1:"));
    let apply = |extra: &[&'static str]| {
        let arguments = [&["apply", "production", "-C", root.as_str(), "--output", "json"], extra].concat();
        home.evenkeel(arguments).kubeconfig(&kubeconfig).run()
    };
    let first = apply(&[]).expect_code(0).json();
    assert_eq!(first["done"]["web"][0]["action"], "created", "{first:#}");
    assert_eq!(apply(&["--offline"]).expect_code(0).json()["done"]["web"], serde_json::json!([]));
    let lock_text = std::fs::read_to_string(&lock).unwrap();
    let digest = lock_text.split("digest: sha256:").nth(1).unwrap().split_whitespace().next().unwrap();
    write(&lock, &lock_text.replace(digest, &"0".repeat(64)));
    let other = apply(&[]).expect_code(2);
    assert!(other.stdout.contains("the lock says") && other.stdout.contains("production/web"), "{other}");
    write(&lock, &lock_text);
    let again = apply(&[]).expect_code(0).json();
    assert_eq!(again["done"]["web"], serde_json::json!([]), "{again:#}");
    sandbox.terminate();
    write(&declared, &declared_text);

    // Higher layers may ask for another version: their lock stands beside them.
    let release = "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\nversion: \"1.0.0\"\n";
    write(&home.path().join("repo/environments/production/web/release.yaml"), release);
    let unlocked = home.run(["render", "production", "-C", &root]).expect_code(2);
    assert!(unlocked.stderr.contains("there is no environments/production/web/release.lock"), "{unlocked}");
    home.run(["lock", "production/web", "-C", &root]).expect_code(0);
    home.run(["render", "production", "-C", &root]).expect_code(0);

    // What a lock may not say, and what a release may not.
    let production = home.path().join("repo/environments/production/web/release.lock");
    let good = std::fs::read_to_string(&production).unwrap();
    for (bad, message) in [
        (good.replace("digest: sha256:", "digest: sha256:0"), "no digest"),
        (good.replace("kind: ReleaseLock", "kind: Release"), "`kind` must be `ReleaseLock`"),
        (good.replace("version:", "versoin:"), "did you mean `version`?"),
        (String::new(), "`digest` is missing"),
    ] {
        write(&production, &bad);
        let wrong = home.run(["render", "production", "-C", &root]).expect_code(2);
        assert!(wrong.stderr.contains(message) && wrong.stderr.contains("release.lock"), "{message}: {wrong}");
    }
    write(&production, &good);
    for (chart, message) in [
        ("chart: web\nrepository: https://user:hush-hush@example.org", "a user or password in a URL"),
        ("chart: web\nrepository: example.org", "a repository is a URL"),
        ("chart: web\nrepository: ftp://example.org", "charts cannot come from `ftp://…`"),
        ("chart: oci://example.org/web\nrepository: https://example.org", "both a chart with its address"),
    ] {
        write(
            &home.path().join("repo/environments/base/web/release.yaml"),
            &format!("apiVersion: evenkeel.dev/v1alpha1\nkind: Release\n{chart}\n"),
        );
        let wrong = home.run(["render", "production", "-C", &root]).expect_code(2);
        assert!(wrong.stderr.contains(message) && !wrong.stderr.contains("hush-hush"), "{chart}: {wrong}");
    }

    // Packed, in the repository itself.
    std::fs::create_dir_all(home.path().join("repo/charts")).unwrap();
    std::fs::copy(archive, home.path().join("repo/charts/web.tgz")).unwrap();
    let base = home.path().join("repo/environments/base/web/release.yaml");
    write(&base, "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\nchart: charts/web.tgz\n");
    let packed = home.run(["render", "production", "-C", &root]).expect_code(0);
    assert_eq!(packed.stdout, rendered.stdout);
    write(
        &home.path().join("repo/environments/production/web/release.yaml"),
        "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\nversion: \"2\"\n",
    );
    let wrong = home.run(["render", "production", "-C", &root]).expect_code(2);
    assert!(wrong.stderr.contains("the chart has version `1.0.0`, the release asks for `2`"), "{wrong}");
    write(&base, "apiVersion: evenkeel.dev/v1alpha1\nkind: Release\nchart: charts/none.tgz\n");
    let none = home.run(["render", "production", "-C", &root]).expect_code(2);
    assert!(none.stderr.contains("there is no chart `charts/none.tgz`"), "{none}");
}

#[test]
fn lint_reads_charts_from_elsewhere_and_errors_stay_with_their_release() {
    let helm = require!(helm());
    let home = Home::new();
    home.packed(&helm, "web", "1.0.0");
    home.helm_ok(&helm, &["repo", "index", home.folder("packed").to_str().unwrap()]);
    let served = Repository::serve(&home.folder("packed"));
    let root = environments(&home, &format!("chart: {}/web-1.0.0.tgz\n", served.url()));
    let header = "apiVersion: evenkeel.dev/v1alpha1\nkind: ";
    write(
        &home.path().join("repo/environments/base/plain/release.yaml"),
        &format!("{header}Release\nreleaseName: plain\n"),
    );
    write(
        &home.path().join("repo/environments/base/plain/manifests/a.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n",
    );
    home.run(["lock", "production", "-C", &root]).expect_code(0);
    home.run(["lint", "production", "-C", &root]).expect_code(0);
    write(&home.path().join("repo/environments/production/web/values.yaml"), "wrod: production\n");
    let linted = home.run(["lint", "production", "-C", &root]).expect_code(1);
    assert!(linted.stdout.contains("wrod") && linted.stdout.contains("word"), "{linted}");
    // Nobody answers any more, and the cache is gone: this release alone is broken.
    drop(served);
    let fresh = home.folder("fresh-cache");
    let alone = home.evenkeel(["render", "production", "-C", &root]).env("XDG_CACHE_HOME", fresh).run().expect_code(2);
    assert!(alone.stdout.contains("name: plain"), "{alone}");
    assert!(alone.stderr.contains("production/web") && alone.stderr.contains("connection refused"), "{alone}");
}
