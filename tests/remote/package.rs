//! `chart package` beside `helm package`: the same files with the same content, and helm reads what we pack.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::support::{Home, write};
use crate::harness::helm;
use crate::require;

/// What an archive holds: names, modes and contents in order of names.
fn content(path: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut data = Vec::new();
        entry.read_to_end(&mut data).unwrap();
        assert!(found.insert(name, (entry.header().mode().unwrap(), data)).is_none());
    }
    found
}

/// The header that gzip has: helm's mark and comment.
fn header(path: &Path) -> (Option<Vec<u8>>, Option<Vec<u8>>, u8) {
    let bytes = std::fs::read(path).unwrap();
    let decoder = flate2::bufread::GzDecoder::new(bytes.as_slice());
    let header = decoder.header().unwrap();
    (header.extra().map(<[u8]>::to_vec), header.comment().map(<[u8]>::to_vec), header.operating_system())
}

#[test]
fn what_is_packed_is_what_helm_packs() {
    let helm = require!(helm());
    let home = Home::new();
    let web = home.chart("web", "1.2.3+b.1");
    write(&web.join(".helmignore"), "*.bak\nsecret/\n");
    write(&web.join("a.bak"), "no");
    write(&web.join("secret/b"), "no");
    write(&web.join("values.schema.json"), "{\"type\": \"object\"}\n");
    write(&web.join("files/mark.txt"), "\u{feff}with a mark\n");
    write(&web.join(format!("files/{}/{}.txt", "a".repeat(90), "b".repeat(90))), "long\n");
    write(&web.join("charts/inner/Chart.yaml"), "apiVersion: v1\nname: inner\nversion: 0.1.0\n# a comment\n");
    write(&web.join("charts/inner/requirements.yaml"), "dependencies: []\n");
    write(&web.join("charts/inner/values.yaml"), "# kept\nx: 1\n");
    std::fs::copy(home.packed(&helm, "other", "2.0.0"), web.join("charts/other-2.0.0.tgz")).unwrap();
    write(&web.join("Chart.lock"), "dependencies: []\ndigest: sha256:x\ngenerated: \"2026-01-01T00:00:00.5Z\"\n");
    let old = home.path().join("charts/old");
    write(&old.join("Chart.yaml"), "name: old\nversion: 0.1.0\ndescription: |\n  Two\n  lines\ndeprecated: true\n");
    write(&old.join("requirements.yaml"), "dependencies:\n- {name: inner, version: 0.1.0, repository: 'file://x'}\n");
    write(&old.join("charts/inner/Chart.yaml"), "apiVersion: v1\nname: inner\nversion: 0.1.0\n");
    for (chart, extra, name) in [
        (&web, &[][..], "web-1.2.3+b.1.tgz"),
        (&web, &["--version", "3.0.0", "--app-version", "7", "-d", "deep/er"], "deep/er/web-3.0.0.tgz"),
        (&old, &["--destination", "./x"], "x/old-0.1.0.tgz"),
    ] {
        let arguments = [&["package", chart.to_str().unwrap()][..], extra].concat();
        let theirs = home.helm_ok(&helm, &arguments);
        let ours = home.run([&["chart"], arguments.as_slice()].concat()).expect_code(0);
        assert_eq!(ours.stdout, theirs.replace("/helm-work/", "/work/"));
        let (ours, theirs) = (home.folder("work").join(name), home.folder("helm-work").join(name));
        assert_eq!(content(&ours), content(&theirs), "{name}");
        assert_eq!(header(&ours), header(&theirs));
        let (ours, theirs) = (ours.to_str().unwrap(), theirs.to_str().unwrap());
        for command in [&["template", "r", ours][..], &["show", "all", ours]] {
            let of_theirs: Vec<&str> = command.iter().map(|word| if *word == ours { theirs } else { word }).collect();
            assert_eq!(home.helm_ok(&helm, command), home.helm_ok(&helm, &of_theirs));
        }
        assert_eq!(
            home.run(["template", "r", ours]).expect_code(0).stdout,
            home.helm_ok(&helm, &["template", "r", theirs])
        );
    }
    // Dependencies first.
    let app = home.path().join("charts/app");
    write(
        &app.join("Chart.yaml"),
        "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies: [{name: inner, version: '*', repository: 'file://../web-1.2.3+b.1/charts/inner'}]\n",
    );
    let shown = app.to_str().unwrap();
    let wrong = home.run(["chart", "package", shown]).expect_code(1);
    assert_eq!(wrong.stderr, home.helm(&helm, &["package", shown]).2);
    home.run(["chart", "package", "-u", shown]).expect_code(0);
    assert!(content(&home.folder("work").join("app-1.0.0.tgz")).contains_key("app/charts/inner/Chart.yaml"));

    write(&web.join("values.schema.json"), "{");
    for wrong in [&["package", "nope"][..], &["package", shown, "--version", "x"], &["package", web.to_str().unwrap()]]
    {
        let (fine, _, err) = home.helm(&helm, wrong);
        assert!(!fine);
        assert_eq!(home.run([&["chart"], wrong].concat()).expect_code(1).stderr, err, "{wrong:?}");
    }
}
