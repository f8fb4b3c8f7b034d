//! `evenkeel chart docs`: tables of values in READMEs.

use crate::harness::{Evenkeel, GitRepository};

fn chart() -> GitRepository {
    let repository = GitRepository::new();
    repository.write("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n");
    repository.write(
        "web/values.yaml",
        "# -- How many pods there are.\nreplicas: 2\nimage:\n  # -- (string) The chart's appVersion, if none.\n  tag:\n",
    );
    repository.write("web/README.md", "# web\n\n## Values\n\n<!-- values -->\n<!-- /values -->\n");
    repository
}

#[test]
fn the_table_is_written_once_and_checked_after() {
    let repository = chart();
    let docs = |more: &[&str]| Evenkeel::new(["chart", "docs"]).args(more).arg("web").folder(repository.path());
    let stale = docs(&["--check"]).run().expect_code(1);
    assert_eq!(stale.stdout, "web/README.md: the table of values is not what web/values.yaml says\n");
    assert!(stale.stderr.starts_with("Error: 1 thing to mend"), "{stale}");

    assert_eq!(docs(&[]).run().expect_code(0).stdout, "web/README.md: 2 values\n");
    insta::assert_snapshot!(repository.read("web/README.md"), @r"
    # web

    ## Values

    <!-- values -->

    | Key | Type | Default | Description |
    |-----|------|---------|-------------|
    | image.tag | string | `nil` | The chart's appVersion, if none. |
    | replicas | int | `2` | How many pods there are. |

    <!-- /values -->
    ");
    assert_eq!(docs(&["--check"]).run().expect_code(0).stdout, "");
    assert_eq!(docs(&[]).run().expect_code(0).stdout, "", "nothing is written where nothing changes");

    repository.replace("web/values.yaml", "replicas: 2", "replicas: 3\nnew: x");
    let stale = docs(&["--check"]).run().expect_code(1);
    assert!(stale.stdout.starts_with("web/values.yaml:3: new has no description\n"), "{stale}");
    assert!(docs(&["--print"]).run().expect_code(0).stdout.contains("| replicas | int | `3` |"));
}

#[test]
fn what_is_missing_is_named() {
    let repository = chart();
    repository.write("web/README.md", "# web\n");
    let docs = || Evenkeel::new(["chart", "docs", "web"]).folder(repository.path()).run().expect_code(1).stderr;
    assert!(docs().contains("web/README.md: no lines `<!-- values -->` and `<!-- /values -->`"), "{}", docs());
    repository.write("web/values.yaml", "a: [\n");
    assert!(docs().contains("web/values.yaml:"), "{}", docs());
    repository.remove("web/values.yaml");
    assert_eq!(docs(), "Error: open web/values.yaml: no such file or directory\n");
}
