//! The clipper charts as they are packed and published: every component by itself, the umbrella with its dependencies fetched, by
//! helm and by evenkeel, to the same archives and the same lock.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use super::support::Home;
use crate::harness::{copy_folder, helm, project};
use crate::require;

const COMPONENTS: [&str; 4] = ["clipper-backend", "clipper-frontend", "clipper-postgres", "clipper-redis"];

/// The files of an archive, with what they hold. (helm packs linked subcharts in an order of its own each time.)
fn content(archive: &Path) -> BTreeSet<(String, Vec<u8>)> {
    let bytes = std::fs::read(archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    let files = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut data = Vec::new();
        entry.read_to_end(&mut data).unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        // The lock says when it was made, which differs.
        let lock = name.ends_with("/Chart.lock");
        (name, if lock { ungenerated(&String::from_utf8(data).unwrap()).into_bytes() } else { data })
    });
    files.collect()
}

fn ungenerated(lock: &str) -> String {
    lock.lines().filter(|line| !line.starts_with("generated: ")).fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn clipper_is_packed_and_locked_as_by_helm() {
    let helm = require!(helm());
    let home = Home::new();
    let (ours, theirs) = (home.folder("work"), home.folder("helm-work"));
    for folder in [&ours, &theirs] {
        for chart in COMPONENTS.into_iter().chain(["clipper"]) {
            copy_folder(&project().join("charts").join(chart), &folder.join(chart));
        }
    }
    let both = |arguments: &[&str], within: &str| {
        let said = std::process::Command::new(&helm)
            .args(arguments)
            .current_dir(theirs.join(within))
            .env("HOME", home.path())
            .output()
            .unwrap();
        assert!(said.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
        let said_too = home.evenkeel([&["chart"], arguments].concat()).folder(&ours.join(within)).run().expect_code(0);
        assert_eq!(
            said_too.stdout.replace("/work/", "/helm-work/"),
            String::from_utf8_lossy(&said.stdout),
            "{arguments:?}"
        );
    };
    let same = |archive: &str| {
        let (ours, theirs) = (content(&ours.join(archive)), content(&theirs.join(archive)));
        let names = |files: &BTreeSet<(String, Vec<u8>)>| files.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&theirs), "{archive}");
        assert!(ours == theirs, "{archive} holds other texts");
        names(&ours)
    };
    for chart in COMPONENTS {
        both(&["package", &format!("./{chart}")], "");
        let files = same(&format!("{chart}-0.1.0.tgz"));
        for file in ["values.schema.json", "README.md", "templates/NOTES.txt"] {
            assert!(files.contains(&format!("{chart}/{file}")), "{chart} is packed without {file}: {files:?}");
        }
    }
    // As it stands in the repository, with links to its subcharts.
    both(&["package", "./clipper"], "");
    same("clipper-0.1.0.tgz");

    // From within the chart, as after a checkout that has no links.
    for folder in [&ours, &theirs] {
        std::fs::remove_dir_all(folder.join("clipper/charts")).unwrap();
    }
    both(&["dependency", "update"], "clipper");
    let lock = |folder: &Path| std::fs::read_to_string(folder.join("clipper/Chart.lock")).unwrap();
    assert_eq!(ungenerated(&lock(&ours)), ungenerated(&lock(&theirs)));
    assert!(lock(&ours).contains("digest: sha256:"), "{}", lock(&ours));
    for chart in COMPONENTS {
        same(&format!("clipper/charts/{chart}-0.1.0.tgz"));
    }
    both(&["dependency", "build"], "clipper");
    both(&["dependency", "list"], "clipper");
    both(&["package", "./clipper"], "");
    let files = same("clipper-0.1.0.tgz");
    assert!(files.contains(&"clipper/Chart.lock".to_owned()), "{files:?}");
}
