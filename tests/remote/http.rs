//! Repositories over HTTP.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::support::{Home, Repository, write};
use crate::harness::helm;
use crate::require;

/// A repository that real helm filled: three versions of `web`.
fn filled(home: &Home, helm: &Path) -> PathBuf {
    for version in ["0.1.0", "1.2.3+b.1", "2.0.0-rc.1"] {
        home.packed(helm, "web", version);
    }
    let folder = home.path().join("packed");
    home.helm_ok(helm, &["repo", "index", folder.to_str().unwrap()]);
    folder
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn what_is_pulled_shown_and_rendered_is_helms() {
    let helm = require!(helm());
    let home = Home::new();
    let served = Repository::serve(&filled(&home, &helm));
    let url = served.url();
    let (ours, theirs) = (home.folder("work"), home.folder("helm-work"));
    for version in ["", "0.1.0", "^1", ">0.0.0-0", "1.2.3", "~0"] {
        let mut arguments = vec!["pull", "web", "--repo", &url];
        if !version.is_empty() {
            arguments.extend(["--version", version]);
        }
        home.helm_ok(&helm, &arguments);
        home.run([&["chart"], arguments.as_slice()].concat()).expect_code(0);
    }
    let names = |folder: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&ours), names(&theirs));
    assert_eq!(names(&ours).len(), 3);
    for name in names(&ours) {
        assert_eq!(bytes(&ours.join(&name)), bytes(&theirs.join(&name)), "{name:?}");
    }
    for part in ["all", "chart", "values", "readme", "crds"] {
        let arguments = ["show", part, "web", "--repo", &url, "--version", "~0"];
        let shown = home.run([&["chart"], arguments.as_slice()].concat()).expect_code(0);
        assert_eq!(shown.stdout, home.helm_ok(&helm, &arguments), "{part}");
    }
    for extra in [&["--version", "<1"][..], &["--devel"], &["--set", "word=x"]] {
        let arguments = [&["template", "r", "web", "--repo", &url][..], extra].concat();
        assert_eq!(home.run(arguments.clone()).expect_code(0).stdout, home.helm_ok(&helm, &arguments), "{extra:?}");
    }
    for wrong in [
        &["template", "r", "nope", "--repo", &url][..],
        &["template", "r", "web", "--repo", &url, "--version", ">9"],
        &["template", "r", "web", "--repo", "ftp://127.0.0.1:1"],
        &["template", "r", "web", "--repo", "http://127.0.0.1:1/x"],
        &["template", "r", "nope"],
        &["template", "r", "./nope"],
        &["template", "r", "a/nope"],
    ] {
        let (fine, _, err) = home.helm(&helm, wrong);
        assert!(!fine);
        assert_eq!(home.run(wrong.to_vec()).expect_code(1).stderr.trim_end(), err.trim_end(), "{wrong:?}");
    }
}

#[test]
fn repositories_go_by_their_names_in_helms_list() {
    let helm = require!(helm());
    let home = Home::new();
    let served = Repository::locked(&filled(&home, &helm), "hush-hush");
    let url = served.url();
    home.helm_ok(&helm, &["repo", "add", "own", &url, "--username", "user", "--password", "hush-hush"]);
    home.helm_ok(&helm, &["pull", "own/web"]);
    home.run(["chart", "pull", "own/web"]).expect_code(0);
    let name = "web-1.2.3+b.1.tgz";
    assert_eq!(bytes(&home.folder("work").join(name)), bytes(&home.folder("helm-work").join(name)));
    // A URL inside of a repository of the list is asked for with its login.
    home.run(["chart", "show", "chart", &format!("{url}/web-0.1.0.tgz")]).expect_code(0);
    for wrong in [
        &["pull", "own/nope"][..],
        &["pull", "own/web", "--version", ">9"],
        &["pull", "own/web", "--version", "bad bad"],
        &["pull", "other/web"],
        &["pull", "web"],
    ] {
        let (_, _, err) = home.helm(&helm, wrong);
        assert_eq!(home.run([&["chart"], wrong].concat()).expect_code(1).stderr, err, "{wrong:?}");
    }
    // The index is asked for again, and not sent again.
    served.came();
    home.run(["chart", "pull", "own/web"]).expect_code(0);
    let paths: Vec<String> = served.came().into_iter().map(|came| came.path).collect();
    assert_eq!(paths, ["/index.yaml"], "the archive is in the cache");
    // Another list by flag and by variable.
    let list = home.path().join("other.yaml");
    write(&list, &format!("repositories: [{{name: x, url: '{url}', username: user, password: hush-hush}}]\n"));
    home.run(["chart", "pull", "x/web", "--repository-config", list.to_str().unwrap()]).expect_code(0);
    home.evenkeel(["chart", "pull", "x/web"]).env("HELM_REPOSITORY_CONFIG", &list).run().expect_code(0);
}

#[test]
fn passwords_are_needed_and_never_shown() {
    let helm = require!(helm());
    let home = Home::new();
    let served = Repository::locked(&filled(&home, &helm), "hush-hush");
    let url = served.url();
    let of = |extra: &[&str]| home.run([&["-vv", "chart", "show", "chart", "web", "--repo"], extra].concat());
    of(&[&url, "--username", "user", "--password", "hush-hush"]).expect_code(0);
    let with_login = url.replace("http://", "http://user:hush-hush@");
    of(&[&with_login]).expect_code(0);
    let none = of(&[&url]).expect_code(1);
    assert!(none.stderr.contains("401 Unauthorized"), "{none}");
    let wrong = of(&[&url, "--username", "user", "--password", "not-hush"]).expect_code(1);
    assert!(wrong.stderr.contains("401 Unauthorized") && !wrong.stderr.contains("not-hush"), "{wrong}");
    let gone = of(&[&format!("{with_login}/none")]).expect_code(1);
    assert!(gone.stderr.contains("***@") && gone.stderr.contains("404"), "{gone}");
    let dead = of(&["http://user:hush-hush@127.0.0.1:1"]).expect_code(1);
    assert!(dead.stderr.contains("connection refused"), "{dead}");
    for output in [none, wrong, gone, dead] {
        assert!(!format!("{}{}", output.stdout, output.stderr).contains("hush-hush"), "{output}");
    }
}

#[test]
fn credentials_go_to_the_repositorys_host_alone() {
    let helm = require!(helm());
    let home = Home::new();
    let folder = filled(&home, &helm);
    let elsewhere = Repository::serve(&folder);
    let index = home.folder("index");
    let text = std::fs::read_to_string(folder.join("index.yaml")).unwrap();
    write(&index.join("index.yaml"), &text.replace("- web-", &format!("- {}/web-", elsewhere.url())));
    let served = Repository::start(&index, Some("Basic dXNlcjpzZWNyZXQ=".into()), BTreeMap::new());
    let url = served.url();
    let login = ["--repo", &url, "--username", "user", "--password", "secret"];
    let pull = |extra: &[&str]| {
        let fresh = home.folder("fresh-cache");
        let _ = std::fs::remove_dir_all(&fresh);
        home.evenkeel([&["chart", "pull", "web"], &login[..], extra].concat()).env("XDG_CACHE_HOME", fresh).run()
    };
    pull(&[]).expect_code(0);
    assert!(served.came().iter().all(|came| came.authorization.is_some()));
    let came = elsewhere.came();
    assert!(came.len() == 1 && came[0].authorization.is_none(), "{came:?}");
    pull(&["--pass-credentials"]).expect_code(0);
    assert!(elsewhere.came()[0].authorization.is_some());

    // A redirect to another host goes without them, asked for or not.
    write(&index.join("index.yaml"), &text);
    let to: BTreeMap<String, String> =
        ["web-1.2.3+b.1.tgz"].map(|file| (format!("/{file}"), format!("{}/{file}", elsewhere.url()))).into();
    let redirecting = Repository::start(&index, Some("Basic dXNlcjpzZWNyZXQ=".into()), to);
    let url = redirecting.url();
    let fresh = home.folder("another-cache");
    let arguments = ["chart", "pull", "web", "--repo", &url, "--username", "user", "--password", "secret"];
    home.evenkeel(arguments).env("XDG_CACHE_HOME", fresh).run().expect_code(0);
    let came = elsewhere.came();
    assert!(came.len() == 1 && came[0].authorization.is_none(), "{came:?}");
    assert_eq!(redirecting.came().len(), 2);
}

#[test]
fn what_is_damaged_is_refused() {
    let helm = require!(helm());
    let home = Home::new();
    let folder = filled(&home, &helm);
    let served = Repository::serve(&folder);
    let url = served.url();
    let index = std::fs::read_to_string(folder.join("index.yaml")).unwrap();
    let show = |version: &str| home.run(["chart", "show", "chart", "web", "--repo", &url, "--version", version]);

    // Another content than the index says: not used, not kept.
    std::fs::copy(folder.join("web-0.1.0.tgz"), folder.join("web-2.0.0-rc.1.tgz")).unwrap();
    for _ in 0..2 {
        let wrong = show("2.0.0-rc.1").expect_code(1);
        assert!(wrong.stderr.contains("has the digest sha256:"), "{wrong}");
    }
    // A download that breaks off.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let broken = format!("http://{}/web-0.1.0.tgz", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 1024];
        let _ = stream.read(&mut asked).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n\x1f\x8bshort").unwrap();
    });
    let cut = home.run(["chart", "show", "chart", &broken]).expect_code(1);
    assert!(cut.stderr.contains("unexpected EOF"), "{cut}");
    server.join().unwrap();
    // Indexes that are none.
    for (text, message) in [
        ("", "empty index.yaml file"),
        ("<html>", "cannot unmarshal string"),
        ("entries: {}", "no API version specified"),
        ("apiVersion: v1\nentries: {web: [{name: web, version: 1.0.0}]}", "has no downloadable URLs"),
        ("a: [", "error converting YAML to JSON"),
    ] {
        write(&folder.join("index.yaml"), text);
        let wrong = home.run(["chart", "show", "chart", "web", "--repo", &url]).expect_code(1);
        assert!(wrong.stderr.contains(message), "{text}: {wrong}");
    }
    // No archive at all.
    write(&folder.join("index.yaml"), &index.replace("digest: ", "checksum: "));
    write(&folder.join("web-0.1.0.tgz"), "<html>");
    let wrong = show("0.1.0").expect_code(1);
    assert!(
        wrong.stderr.contains("does not appear to be a gzipped archive; got 'text/html; charset=utf-8'"),
        "{wrong}"
    );
}

#[test]
fn offline_the_cache_is_all_there_is() {
    let helm = require!(helm());
    let home = Home::new();
    let served = Repository::serve(&filled(&home, &helm));
    let url = served.url();
    let show =
        |version: &str| home.run(["chart", "show", "chart", "web", "--repo", &url, "--version", version, "--offline"]);
    let none = show("0.1.0").expect_code(1);
    assert!(none.stderr.contains("offline: the index of") && none.stderr.contains("--offline"), "{none}");
    assert_eq!(served.came(), []);
    let online = home.run(["chart", "show", "chart", "web", "--repo", &url, "--version", "0.1.0"]).expect_code(0);
    served.came();
    assert_eq!(show("0.1.0").expect_code(0).stdout, online.stdout);
    let other = show("1.2.3").expect_code(1);
    assert!(other.stderr.contains("web-1.2.3+b.1.tgz is not in the cache"), "{other}");
    let url_itself = format!("{url}/web-0.1.0.tgz");
    home.run(["chart", "show", "chart", &url_itself, "--offline"]).expect_code(0);
    assert_eq!(served.came(), []);
    // What was damaged on the disk is not used.
    let mut archives = Vec::new();
    for entry in std::fs::read_dir(home.path().join(".cache/evenkeel/charts/sha256")).unwrap() {
        archives.extend(std::fs::read_dir(entry.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    assert_eq!(archives.len(), 1);
    write(&archives[0], "damaged");
    show("0.1.0").expect_code(1);
    home.run(["chart", "show", "chart", "web", "--repo", &url, "--version", "0.1.0"]).expect_code(0);
}

#[test]
fn an_index_of_ten_megabytes_is_read() {
    let helm = require!(helm());
    let home = Home::new();
    let folder = filled(&home, &helm);
    let mut text = std::fs::read_to_string(folder.join("index.yaml")).unwrap();
    let generated = text.find("generated:").unwrap();
    let tail = text.split_off(generated);
    let mut chart = 0;
    while text.len() < 10 << 20 {
        text.push_str(&format!("  chart-{chart}:\n"));
        for version in 0..50 {
            text.push_str(&format!(
                "  - apiVersion: v2\n    appVersion: 1.{version}.0\n    created: \"2026-01-01T00:00:00.000000000Z\"\n    description: A chart of many\n    \
                 digest: 0000000000000000000000000000000000000000000000000000000000000000\n    keywords:\n    - one\n    - two\n    \
                 name: chart-{chart}\n    urls:\n    - https://example.org/chart-{chart}-1.{version}.0.tgz\n    version: 1.{version}.0\n"
            ));
        }
        chart += 1;
    }
    write(&folder.join("index.yaml"), &(text + &tail));
    let served = Repository::serve(&folder);
    let shown = home.run(["chart", "show", "chart", "web", "--repo", &served.url()]).expect_code(0);
    assert!(shown.stdout.contains("version: 1.2.3+b.1"));
}

#[test]
fn many_at_once_share_the_cache() {
    let helm = require!(helm());
    let home = Home::new();
    let served = Repository::serve(&filled(&home, &helm));
    let url = served.url();
    let running: Vec<_> =
        (0..6).map(|_| home.evenkeel(["chart", "show", "values", "web", "--repo", &url]).start()).collect();
    for process in running {
        assert_eq!(process.wait().expect_code(0).stdout, "# The values\nword: hello\n\n");
    }
    let mut left = vec![home.path().join(".cache/evenkeel/charts")];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(!path.to_string_lossy().ends_with(".tmp"), "{}", path.display());
            if path.is_dir() {
                left.push(path);
            }
        }
    }
}

#[test]
fn pulled_charts_are_unpacked_and_provenance_is_fetched() {
    let helm = require!(helm());
    let home = Home::new();
    let folder = filled(&home, &helm);
    let served = Repository::serve(&folder);
    let url = served.url();
    let none = home.run(["chart", "pull", "web", "--repo", &url, "--prov"]).expect_code(0);
    assert!(none.stdout.starts_with("WARNING: Verification not found for web: failed to fetch"), "{none}");
    write(&folder.join("web-0.1.0.tgz.prov"), "signed");
    home.run(["chart", "pull", "web", "--repo", &url, "--version", "~0", "--prov"]).expect_code(0);
    assert_eq!(bytes(&home.folder("work").join("web-0.1.0.tgz.prov")), b"signed");
    let refused = home.run(["chart", "pull", "web", "--repo", &url, "--verify"]).expect_code(1);
    assert!(refused.stderr.contains("not supported"), "{refused}");

    let untar = ["chart", "pull", "web", "--repo", &url, "--version", "~0", "--untar", "--untardir", "deep/er"];
    home.run(untar).expect_code(0);
    let (ours, theirs) = (home.folder("work").join("deep/er/web"), home.folder("helm-work").join("deep/er/web"));
    let url_itself = format!("{url}/web-0.1.0.tgz");
    home.helm_ok(&helm, &["pull", &url_itself, "--untar", "--untardir", "deep/er"]);
    for file in ["Chart.yaml", "values.yaml", "README.md", "crds/a.yaml", "templates/map.yaml"] {
        assert_eq!(bytes(&ours.join(file)), bytes(&theirs.join(file)), "{file}");
    }
    let again = home.run(untar).expect_code(1);
    assert!(
        again.stderr.contains("failed to untar: a file or directory with the name deep/er/web already exists"),
        "{again}"
    );
}

#[test]
fn values_are_read_from_urls() {
    let helm = require!(helm());
    let home = Home::new();
    let chart = home.chart("web", "1.0.0");
    let folder = home.folder("values");
    write(&folder.join("values.yaml"), "word: from afar\n");
    write(&folder.join("broken.yaml"), "word: [\n");
    write(&folder.join("text"), "a text, with a comma");
    let (open, locked) = (Repository::serve(&folder), Repository::locked(&folder, "secret"));
    let chart = chart.to_str().unwrap();
    for values in [
        vec!["-f".to_owned(), format!("{}/values.yaml", open.url())],
        vec!["-f".to_owned(), format!("{}/none.yaml", open.url())],
        vec!["-f".to_owned(), format!("{}/broken.yaml", open.url())],
        vec!["--set-file".to_owned(), format!("word={}/text", open.url())],
        vec!["--set-file".to_owned(), format!("word={}/none", open.url())],
        vec![
            "-f".to_owned(),
            format!("{}/values.yaml", locked.url()),
            "--username=user".into(),
            "--password=secret".into(),
        ],
    ] {
        let mut arguments = vec!["template", "r", chart];
        arguments.extend(values.iter().map(String::as_str));
        let (fine, out, err) = home.helm(&helm, &arguments);
        let ours = home.run(arguments);
        assert_eq!((ours.status.success(), &ours.stdout), (fine, &out), "{values:?}: {err}{ours}");
        assert_eq!(ours.stderr.lines().next(), err.lines().next(), "{values:?}");
    }
}
