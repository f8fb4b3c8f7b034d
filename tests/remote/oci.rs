//! Charts in a real registry with basic authentication.

use std::path::Path;

use super::support::{Home, write};
use crate::harness::{Registry, helm};
use crate::require;

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Helm, logged in and pushed: three versions of `web` below `charts`.
fn filled(home: &Home, helm: &Path, registry: &Registry) {
    home.helm_ok(helm, &["registry", "login", registry.address(), "-u", "user", "-p", Registry::PASSWORD]);
    let remote = format!("oci://{}/charts", registry.address());
    for version in ["0.1.0", "1.2.3+b.1", "2.0.0-rc.1"] {
        let archive = home.packed(helm, "web", version);
        home.helm_ok(helm, &["push", archive.to_str().unwrap(), &remote]);
    }
}

#[test]
fn what_helm_pushed_is_pulled_as_helm_pulls_it() {
    let (helm, registry) = (require!(helm()), require!(Registry::start()));
    let home = Home::new();
    filled(&home, &helm, &registry);
    let chart = format!("oci://{}/charts/web", registry.address());
    // Helm's own file of logins is read.
    for arguments in [
        &["pull", &chart, "--version", "0.1.0"][..],
        &["pull", &chart, "--version", "1.2.3+b.1"],
        &["pull", &format!("{chart}:0.1.0")],
        &["pull", &chart, "--plain-http"],
        &["pull", &chart, "--plain-http", "--version", ">0.0.0-0"],
        &["pull", &chart, "--plain-http", "--devel"],
        &["show", "chart", &chart, "--version", "1.2.3+b.1"],
        &["pull", &format!("{chart}:0.1.0"), "--version", "0.1.1"],
        &["pull", &chart, "--version", "9.9.9"],
        &["pull", &chart, "--version", ">9", "--plain-http"],
        &["pull", &chart, "--version", "bad bad", "--plain-http"],
        &["pull", &format!("oci://{}/charts/nope", registry.address()), "--plain-http"],
        &["pull", &format!("oci://{}/charts/nope", registry.address()), "--version", "1.0.0"],
        &["pull", &format!("oci://{}/charts/Web", registry.address()), "--version", "1.0.0"],
        &["pull", &format!("oci://{}", registry.address()), "--version", "1.0.0"],
        &["pull", &chart, "--version", "0.1.0", "--prov"],
    ] {
        let (fine, out, err) = home.helm(&helm, arguments);
        let ours = home.run([&["chart"], arguments].concat()).expect_code(i32::from(!fine));
        assert_eq!((ours.stdout.as_str(), ours.stderr.as_str()), (out.as_str(), err.as_str()), "{arguments:?}");
    }
    for name in ["web-0.1.0.tgz", "web-1.2.3+b.1.tgz", "web-2.0.0-rc.1.tgz"] {
        let ours = bytes(&home.folder("work").join(name));
        assert_eq!(ours, bytes(&home.folder("helm-work").join(name)), "{name}");
        assert_eq!(ours, bytes(&home.path().join("packed").join(name)), "{name}");
    }
    let arguments = ["template", "r", &chart, "--version", "0.1.0"];
    assert_eq!(home.run(arguments).expect_code(0).stdout, home.helm_ok(&helm, &arguments));

    // Without a network, what is in the cache is there, ranges of versions too.
    for version in ["0.1.0", "^1"] {
        let held = home.run(["chart", "show", "chart", &chart, "--version", version, "--offline"]).expect_code(0);
        assert!(held.stdout.contains("name: web"));
    }
    let not_held = home.run(["chart", "show", "chart", &chart, "--version", "9.9.9", "--offline"]).expect_code(1);
    assert!(not_held.stderr.contains(":9.9.9 is not in the cache"), "{not_held}");
}

#[test]
fn what_is_pushed_is_what_helm_pushes() {
    let (helm, registry) = (require!(helm()), require!(Registry::start()));
    let home = Home::new();
    home.helm_ok(&helm, &["registry", "login", registry.address(), "-u", "user", "-p", Registry::PASSWORD]);
    for version in ["0.1.0", "1.2.3+b.1"] {
        let archive = home.packed(&helm, "web", version);
        write(&archive.with_extension("tgz.prov"), "signed");
        let archive = archive.to_str().unwrap();
        let (_, _, theirs) = home.helm(&helm, &["push", archive, &format!("oci://{}/helm", registry.address())]);
        let ours = home
            .evenkeel(["chart", "push", archive, &format!("oci://{}/ours", registry.address())])
            .run()
            .expect_code(0);
        assert_eq!(ours.stderr.replace("/ours/", "/helm/"), theirs, "reference and digest are helm's");
    }
    let ours = format!("oci://{}/ours/web", registry.address());
    home.helm_ok(&helm, &["pull", &ours, "--version", "0.1.0", "--prov"]);
    home.run(["chart", "pull", &ours, "--version", "0.1.0", "--prov"]).expect_code(0);
    for name in ["web-0.1.0.tgz", "web-0.1.0.tgz.prov"] {
        assert_eq!(bytes(&home.folder("work").join(name)), bytes(&home.folder("helm-work").join(name)), "{name}");
    }
    let folder = home.chart("web", "0.1.0");
    for wrong in [
        &["push", folder.to_str().unwrap(), "oci://127.0.0.1:1/x"][..],
        &["push", "nope.tgz", "oci://127.0.0.1:1/x"],
        &["push", home.packed(&helm, "web", "0.1.0").to_str().unwrap(), "http://127.0.0.1:1/x"],
    ] {
        let (_, _, theirs) = home.helm(&helm, wrong);
        assert_eq!(home.run([&["chart"], wrong].concat()).expect_code(1).stderr, theirs, "{wrong:?}");
    }
}

#[test]
fn logins_come_from_the_command_line_helms_file_dockers_and_helpers() {
    let (helm, registry) = (require!(helm()), require!(Registry::start()));
    let home = Home::new();
    filled(&home, &helm, &registry);
    let host = registry.address();
    home.helm_ok(&helm, &["registry", "logout", host]);
    let chart = format!("oci://{host}/charts/web");
    let show =
        |extra: &[&str]| home.run([&["-vv", "chart", "show", "chart", &chart, "--version", "0.1.0"], extra].concat());
    let config = home.path().join(".config/helm/registry/config.json");
    let denied = |extra: &[&str]| {
        let output = show(extra).expect_code(1);
        assert!(output.stderr.contains("pull access denied"), "{output}");
        assert!(!output.stderr.contains("not-the-w0rd"), "{output}");
    };
    denied(&[]);
    denied(&["--username", "user", "--password", "not-the-w0rd"]);
    show(&["--username", "user", "--password", Registry::PASSWORD]).expect_code(0);

    // Logging in and out as helm does, byte for byte in its file.
    let login = |password: &str| {
        home.evenkeel(["chart", "login", host, "-u", "user", "--password-stdin"]).input(format!("{password}\n")).run()
    };
    let refused = login("not-the-w0rd").expect_code(1);
    assert_eq!(
        refused.stderr.trim_end(),
        format!("Error: login attempt to http://{host}/v2/ failed with status: 401 Unauthorized")
    );
    let before = bytes(&config);
    assert_eq!(login(Registry::PASSWORD).expect_code(0).stderr, "Login Succeeded\n");
    let ours = bytes(&config);
    assert_ne!(before, ours);
    show(&[]).expect_code(0);
    home.helm_ok(&helm, &["registry", "logout", host]);
    home.helm_ok(&helm, &["registry", "login", host, "-u", "user", "-p", Registry::PASSWORD]);
    assert_eq!(ours, bytes(&config));
    let out = home.run(["chart", "logout", host]).expect_code(0);
    assert_eq!(out.stderr, format!("Removing login credentials for {host}\n"));
    assert_eq!(before, bytes(&config));
    assert_eq!(home.run(["chart", "logout", host]).expect_code(1).stderr, "Error: not logged in\n");

    // Docker's file, at its usual place and where DOCKER_CONFIG says.
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("user:{}", Registry::PASSWORD));
    let docker = format!(r#"{{"auths": {{"{host}": {{"auth": "{encoded}"}}}}}}"#);
    write(&home.path().join("docker/config.json"), &docker);
    denied(&[]);
    let arguments = ["chart", "show", "chart", &chart, "--version", "0.1.0"];
    home.evenkeel(arguments).env("DOCKER_CONFIG", home.path().join("docker")).run().expect_code(0);
    write(&home.path().join(".docker/config.json"), &docker);
    show(&[]).expect_code(0);

    // A credential helper.
    write(&home.path().join(".docker/config.json"), r#"{"credsStore": "testing"}"#);
    let helper = home.path().join("bin/docker-credential-testing");
    write(
        &helper,
        &format!(
            "#!/bin/sh\n[ \"$1\" = get ] || exit 1\nread -r host\n[ \"$host\" = '{host}' ] || {{ echo 'credentials not found in native keychain'; exit 1; }}\n\
             echo '{{\"ServerURL\":\"{host}\",\"Username\":\"user\",\"Secret\":\"{}\"}}'\n",
            Registry::PASSWORD
        ),
    );
    #[cfg(unix)]
    std::fs::set_permissions(&helper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let missing = show(&[]).expect_code(1);
    assert!(missing.stderr.contains("docker-credential-testing"), "{missing}");
    let path = std::env::join_paths(
        [helper.parent().unwrap().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    home.evenkeel(arguments).env("PATH", path).run().expect_code(0);
}

#[test]
fn digests_hold() {
    let (helm, registry) = (require!(helm()), require!(Registry::start()));
    let home = Home::new();
    filled(&home, &helm, &registry);
    let chart = format!("oci://{}/charts/web", registry.address());
    let pulled = home.run(["chart", "pull", &chart, "--version", "0.1.0"]).expect_code(0);
    let digest = pulled.stderr.lines().find_map(|line| line.strip_prefix("Digest: ")).unwrap();
    let by_digest = home.run(["chart", "show", "chart", &format!("{chart}@{digest}")]).expect_code(0);
    assert!(by_digest.stdout.contains("version: 0.1.0"));
    let (_, _, theirs) = home.helm(&helm, &["pull", &format!("{chart}@{digest}")]);
    assert_eq!(by_digest.stderr, theirs);
    // The digest is what counts, whatever the tag is now.
    let both = home.run(["chart", "show", "chart", &format!("{chart}:2.0.0-rc.1@{digest}")]).expect_code(0);
    assert!(both.stdout.contains("version: 0.1.0"));
    let other = format!("{chart}@sha256:{}", "0".repeat(64));
    let (_, _, theirs) = home.helm(&helm, &["pull", &other]);
    assert_eq!(home.run(["chart", "pull", &other]).expect_code(1).stderr, theirs);
}
