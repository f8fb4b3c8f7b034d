//! Hostile archives: refused with helm's words where helm refuses them, read as helm reads them where it does not.

use std::io::Write;
use std::path::Path;

use super::support::Home;
use crate::harness::helm;
use crate::require;

/// An entry as bytes: what a builder of tars would refuse to write.
fn entry(name: &str, kind: u8, size: u64, link: &str, data: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    let raw = header.as_mut_bytes();
    raw[..name.len()].copy_from_slice(name.as_bytes());
    raw[157..157 + link.len()].copy_from_slice(link.as_bytes());
    raw[156] = kind;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend_from_slice(data);
    out.resize(out.len().div_ceil(512) * 512, 0);
    out
}

fn file(name: &str, data: &str) -> Vec<u8> {
    entry(name, b'0', data.len() as u64, "", data.as_bytes())
}

/// The entries as a tar.
fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut out = entries.concat();
    out.resize(out.len() + 1024, 0);
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

const CHART: &str = "apiVersion: v2\nname: a\nversion: 1.0.0\n";
const TEMPLATE: &str = "kind: {{ .Values.kind | default \"None\" }}\n";

fn good() -> Vec<Vec<u8>> {
    vec![file("a/Chart.yaml", CHART), file("a/templates/a.yaml", TEMPLATE)]
}

fn with(more: &[Vec<u8>]) -> Vec<u8> {
    gzip(&tar(&[good(), more.to_vec()].concat()))
}

#[test]
fn hostile_archives_are_refused_as_helm_refuses_them() {
    let helm = require!(helm());
    let home = Home::new();
    let zeros = vec![0_u8; 5 << 20];
    let many: Vec<Vec<u8>> = (0..21).map(|n| entry(&format!("a/files/{n}"), b'0', 5 << 20, "", &zeros)).collect();
    let mut huge_name = entry("././@LongLink", b'L', 300 << 20, "", b"");
    huge_name.extend_from_slice(&zeros);
    let whole = with(&[]);
    let mut corrupt = whole.clone();
    let middle = corrupt.len() / 2;
    corrupt[middle..middle + 8].fill(0xff);
    for (name, bytes) in [
        ("parent", with(&[file("a/../../etc/passwd", "x")])),
        ("parent-name", with(&[file("a/..b", "x")])),
        ("absolute", with(&[file("a//etc/passwd", "x")])),
        ("outside", with(&[file("a", "x")])),
        ("drive", with(&[file("a\\c:\\x", "x")])),
        ("chart-yaml", gzip(&tar(&[file("Chart.yaml", CHART)]))),
        ("no-files", gzip(&tar(&[]))),
        ("no-chart", gzip(&tar(&[file("a/values.yaml", "x: 1")]))),
        ("large-file", with(&[entry("a/big", b'0', (5 << 20) + 1, "", &[zeros.as_slice(), &[0]].concat())])),
        ("many-large", with(&many)),
        ("says-larger", with(&[entry("a/big", b'0', 200 << 20, "", b"x")])),
        ("plain-tar", tar(&good())),
        ("text.yaml", b"a: 1\n".to_vec()),
        ("html", [b"<html><body>".as_slice(), &[b' '; 600]].concat()),
        ("text", vec![b'a'; 600]),
        ("empty", Vec::new()),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("cut-tar", gzip(&good().concat()[..530])),
        ("no-tar", gzip(&[b'x'; 2000])),
    ] {
        let path = home.path().join(if name.contains('.') { name.to_owned() } else { format!("{name}.tgz") });
        std::fs::write(&path, bytes).unwrap();
        let path = path.to_str().unwrap();
        let (fine, _, theirs) = home.helm(&helm, &["template", path]);
        assert!(!fine, "helm takes {name}");
        let ours = home.run(["template", path]).expect_code(1);
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        assert_eq!(first(&ours.stderr), first(&theirs), "{name}");
    }
    // Helm says where in the stream; that it is refused is what counts.
    for (name, bytes) in [("corrupt", corrupt), ("huge-name", gzip(&huge_name))] {
        let path = home.path().join(format!("{name}.tgz"));
        std::fs::write(&path, bytes).unwrap();
        assert!(!home.helm(&helm, &["template", path.to_str().unwrap()]).0);
        home.run(["template", path.to_str().unwrap()]).expect_code(1);
    }
}

#[test]
fn links_and_devices_in_archives_are_refused() {
    let home = Home::new();
    for (name, kind) in [("symbolic", b'2'), ("hard", b'1'), ("device", b'3'), ("pipe", b'6')] {
        let path = home.path().join(format!("{name}.tgz"));
        std::fs::write(&path, with(&[entry("a/templates/b.yaml", kind, 0, "/etc/passwd", b"")])).unwrap();
        let refused = home.run(["template", path.to_str().unwrap()]).expect_code(1);
        assert!(refused.stderr.contains("illegally contains a link or a device: \"a/templates/b.yaml\""), "{refused}");
        // In a subchart just so.
        let inner = std::fs::read(&path).unwrap();
        let outer = with(&[entry("a/charts/b.tgz", b'0', inner.len() as u64, "", &inner)]);
        std::fs::write(&path, outer).unwrap();
        let refused = home.run(["template", path.to_str().unwrap()]).expect_code(1);
        assert!(refused.stderr.contains("illegally contains"), "{refused}");
    }
}

#[test]
fn odd_archives_are_read_as_helm_reads_them() {
    let helm = require!(helm());
    let home = Home::new();
    // What comes after the tar's end is not looked at: the checksum, for one.
    let mut sum = with(&[]);
    let at = sum.len() - 8;
    sum[at] ^= 0xff;
    for (name, bytes) in [
        ("checksum", sum),
        ("twice", with(&[file("a/templates/a.yaml", "kind: Second\n"), file("a/values.yaml", "kind: One\n")])),
        ("dots", with(&[file("a/./templates/../templates/b.yaml", "kind: Dots\n")])),
        ("folders", with(&[entry("a/templates/", b'5', 0, "", b""), entry("pax", b'g', 0, "", b"")])),
        ("two-streams", [gzip(&good()[0]), gzip(&tar(&good()[1..]))].concat()),
        ("other-folder", with(&[file("b/templates/c.yaml", "kind: Other\n")])),
        ("mark", with(&[file("a/values.yaml", "\u{feff}kind: Mark\n")])),
    ] {
        let path = home.path().join(format!("{name}.tgz"));
        std::fs::write(&path, bytes).unwrap();
        let arguments = ["template", path.to_str().unwrap()];
        assert_eq!(home.run(arguments).expect_code(0).stdout, home.helm_ok(&helm, &arguments), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn links_of_folders_lead_where_the_user_says_and_nowhere_in_a_repository() {
    let helm = require!(helm());
    let home = Home::new();
    let chart = home.chart("web", "1.0.0");
    std::fs::write(home.path().join("outside.yaml"), "kind: Outside\n").unwrap();
    std::os::unix::fs::symlink("../../../outside.yaml", chart.join("templates/link.yaml")).unwrap();
    let arguments = ["template", chart.to_str().unwrap()];
    let ours = home.run(arguments).expect_code(0).stdout;
    assert_eq!(ours, home.helm_ok(&helm, &arguments));
    assert!(ours.contains("kind: Outside"));

    let repository = crate::harness::GitRepository::new();
    let write = |path: &str, text: &str| super::support::write(&repository.path().join(path), text);
    let header = "apiVersion: evenkeel.dev/v1alpha1\nkind: ";
    write("environments/production/environment.yaml", &format!("{header}Environment\nnamespace: a\n"));
    write("environments/production/web/release.yaml", &format!("{header}Release\nchart: charts/web\n"));
    crate::harness::copy_folder(&chart, &repository.path().join("charts/web"));
    repository.commit("a link");
    let rendered =
        home.evenkeel(["render", "production", "--rev", "HEAD"]).repository(&repository).run().expect_code(0);
    assert!(rendered.stdout.contains("kind: ConfigMap") && !rendered.stdout.contains("Outside"), "{rendered}");
    assert!(Path::new(repository.path()).join("charts/web/templates/link.yaml").is_symlink());
}
