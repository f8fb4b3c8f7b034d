//! `chart dependency` beside `helm dependency`: the same words, the same files, the same lock.

use std::path::{Path, PathBuf};

use super::support::{Home, Repository, write};
use crate::harness::{Registry, copy_folder, helm};
use crate::require;

/// The same chart twice, each in the working folder of its program.
struct Twice<'a> {
    home: &'a Home,
    helm: PathBuf,
}

impl Twice<'_> {
    fn ours(&self) -> PathBuf {
        self.home.folder("work").join("app")
    }

    fn theirs(&self) -> PathBuf {
        self.home.folder("helm-work").join("app")
    }

    /// The chart with this Chart.yaml, without charts and lock.
    fn chart(&self, version: &str, dependencies: &str) {
        for folder in [self.ours(), self.theirs()] {
            let _ = std::fs::remove_dir_all(&folder);
            let text = format!("apiVersion: {version}\nname: app\nversion: 1.0.0\n");
            if version == "v1" {
                write(&folder.join("Chart.yaml"), &text);
                write(&folder.join("requirements.yaml"), dependencies);
            } else {
                write(&folder.join("Chart.yaml"), &format!("{text}{dependencies}"));
            }
            write(&folder.join("templates/a.yaml"), "kind: A\n");
        }
    }

    /// Runs both and compares what they say.
    fn same(&self, arguments: &[&str]) -> (bool, String) {
        let (fine, out, err) = self.home.helm(&self.helm, &[&["dependency"], arguments].concat());
        let ours = self.home.run([&["chart", "dependency"], arguments].concat());
        let ours = ours.expect_code(i32::from(!fine));
        assert_eq!((ours.stdout.as_str(), ours.stderr.as_str()), (out.as_str(), err.as_str()), "{arguments:?}");
        (fine, format!("{out}{err}"))
    }

    /// Compares what stands in the folders.
    fn same_files(&self) {
        let listed = |folder: &Path| {
            let mut names: Vec<_> = std::fs::read_dir(folder.join("charts"))
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(listed(&self.ours()), listed(&self.theirs()));
        let lock = |folder: &Path| {
            ["Chart.lock", "requirements.lock"].map(|name| {
                let text = std::fs::read_to_string(folder.join(name)).ok()?;
                let (rest, generated) = text.split_once("generated: \"")?;
                assert!(generated.trim_end().trim_end_matches('"').parse::<jiff::Timestamp>().is_ok(), "{generated}");
                Some(rest.to_owned())
            })
        };
        assert_eq!(lock(&self.ours()), lock(&self.theirs()));
    }
}

#[test]
fn update_build_and_list_are_helms() {
    let helm = require!(helm());
    let registry = require!(Registry::start());
    let home = Home::new();
    for version in ["0.1.0", "1.2.3+b.1", "2.0.0-rc.1"] {
        home.packed(&helm, "web", version);
    }
    let packed = home.folder("packed");
    home.helm_ok(&helm, &["repo", "index", packed.to_str().unwrap()]);
    let served = Repository::serve(&packed);
    let url = served.url();
    home.helm_ok(&helm, &["registry", "login", registry.address(), "-u", "user", "-p", Registry::PASSWORD]);
    let oci = format!("oci://{}/charts", registry.address());
    home.helm_ok(&helm, &["push", packed.join("web-0.1.0.tgz").to_str().unwrap(), &oci]);
    let both = Twice { home: &home, helm: helm.clone() };
    for folder in [home.folder("work"), home.folder("helm-work")] {
        copy_folder(&home.chart("sibling", "0.3.0"), &folder.join("sibling"));
    }
    let sibling = "- {name: sibling, version: '>=0.1', repository: 'file://../sibling', alias: other, tags: [a, b], import-values: [data, {child: x, parent: y}]}\n";

    // Before there is a list of repositories, one by its URL.
    both.chart("v2", &format!("dependencies:\n{sibling}- {{name: web, version: ^1, repository: '{url}'}}\n"));
    both.same(&["list", "app"]);
    both.same(&["update", "app"]);
    both.same_files();
    both.same(&["list", "app"]);
    let (fine, _) = both.same(&["build", "app"]);
    assert!(!fine, "helm builds from repositories of its list alone");

    home.helm_ok(&helm, &["repo", "add", "own", &url]);
    both.same(&["build", "app"]);
    for dependencies in [
        format!("dependencies:\n{sibling}- {{name: web, version: ^1, repository: '@own', condition: web.enabled}}\n"),
        format!(
            "dependencies:\n- {{name: web, version: '*', repository: 'alias:own'}}\n- {{name: web, version: 0.1.0, repository: '{url}/', alias: old}}\n"
        ),
        format!("dependencies:\n- {{name: web, version: 0.1.0, repository: '{oci}'}}\n"),
        "dependencies: []\n".to_owned(),
        String::new(),
    ] {
        both.chart("v2", &dependencies);
        both.same(&["update", "app"]);
        both.same_files();
        both.same(&["list", "app"]);
        both.same(&["build", "app"]);
        both.same_files();
        // Again: the lock stays as it is.
        let before = std::fs::read(both.ours().join("Chart.lock")).ok();
        both.same(&["update", "app"]);
        assert_eq!(before, std::fs::read(both.ours().join("Chart.lock")).ok());
    }
    both.chart("v1", &format!("dependencies:\n- {{name: web, version: 0.1.0, repository: '{url}'}}\n"));
    both.same(&["update", "app"]);
    both.same_files();
    both.same(&["build", "app"]);

    // What helm rendered of it is what we render of it.
    let (ours, theirs) = (both.ours(), both.theirs());
    assert_eq!(
        home.run(["template", "r", ours.to_str().unwrap()]).expect_code(0).stdout,
        home.helm_ok(&helm, &["template", "r", theirs.to_str().unwrap()])
    );

    both.chart("v2", &format!("dependencies:\n- {{name: web, version: 0.1.0, repository: '{url}'}}\n"));
    let arguments = ["template", "r", "app", "--dependency-update"];
    assert_eq!(home.run(arguments).expect_code(0).stdout, home.helm_ok(&helm, &arguments));
    both.same_files();

    // Ranges in a registry, where helm insists on TLS even on loopback.
    both.chart("v2", &format!("dependencies:\n- {{name: web, version: 0.x, repository: '{oci}'}}\n"));
    home.run(["chart", "dependency", "update", "app"]).expect_code(0);
    home.helm_ok(&helm, &["dependency", "update", "app", "--plain-http"]);
    both.same_files();
}

#[test]
fn what_does_not_fit_is_told_in_helms_words() {
    let helm = require!(helm());
    let home = Home::new();
    home.packed(&helm, "web", "0.1.0");
    let packed = home.folder("packed");
    home.helm_ok(&helm, &["repo", "index", packed.to_str().unwrap()]);
    let served = Repository::serve(&packed);
    let url = served.url();
    home.helm_ok(&helm, &["repo", "add", "own", &url]);
    let both = Twice { home: &home, helm };
    for dependencies in [
        format!("- {{name: web, version: ^7, repository: '{url}'}}"),
        format!("- {{name: webb, version: ^0, repository: '{url}'}}"),
        format!("- {{name: web, version: 'bad bad', repository: '{url}'}}"),
        "- {name: web, version: '*', repository: '@nope'}".to_owned(),
        "- {name: web, version: '*', repository: nope}".to_owned(),
        "- {name: web, version: '*', repository: 'file://../nope'}".to_owned(),
        "- {name: web, version: '*'}".to_owned(),
    ] {
        both.chart("v2", &format!("dependencies:\n{dependencies}\n"));
        for command in ["update", "build", "list"] {
            both.same(&[command, "app"]);
        }
        assert!(!both.ours().join("Chart.lock").exists(), "{dependencies}");
    }
    // A lock that is out of date.
    both.chart("v2", &format!("dependencies:\n- {{name: web, version: 0.1.0, repository: '{url}'}}\n"));
    both.same(&["update", "app"]);
    for folder in [both.ours(), both.theirs()] {
        let text = std::fs::read_to_string(folder.join("Chart.yaml")).unwrap();
        write(&folder.join("Chart.yaml"), &text.replace("0.1.0", "^0.1.0"));
        // What is in charts/ and not asked for goes, unless it is no chart; folders stay.
        std::fs::copy(packed.join("web-0.1.0.tgz"), folder.join("charts/old-0.0.1.tgz")).unwrap();
        write(&folder.join("charts/extra/Chart.yaml"), "apiVersion: v2\nname: extra\nversion: 1.0.0\n");
    }
    let (fine, text) = both.same(&["build", "app"]);
    assert!(!fine && text.contains("out of sync"), "{text}");
    both.same(&["list", "app"]);
    both.same(&["update", "app"]);
    both.same_files();
    for wrong in [&["update", "nope"][..], &["list", "nope"], &["build", "nope"]] {
        both.same(wrong);
    }
}
