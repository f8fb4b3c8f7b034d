//! `evenkeel lint` and `evenkeel chart lint`.

use std::process::Command;

use crate::harness::{Evenkeel, GitRepository, helm, project as root};
use crate::require;

fn project() -> GitRepository {
    let repository = GitRepository::new();
    repository.copy("charts", "charts").copy("environments", "environments");
    crate::systems::support::without_operators(&repository);
    repository
}

#[test]
fn a_project_in_order() {
    // Some environments hold files of secrets; their key is public.
    let key = crate::harness::project().join("tests/sops/age.key");
    let output = Evenkeel::new(["lint"]).repository(&project()).env("SOPS_AGE_KEY_FILE", key).run().expect_code(0);
    assert!(output.stdout.ends_with("nothing found\n"), "{output}");
}

#[test]
fn a_key_that_nobody_reads_is_named_where_it_stands() {
    let repository = project();
    // A chart without a schema, which would refuse the key.
    repository.remove("charts/clipper-redis/values.schema.json");
    let file = "environments/clipper-production/redis/values.yaml";
    repository.write(file, "# sizes\npersistnce:\n  size: 1Gi\n");
    let output = Evenkeel::new(["lint", "clipper-production/redis"]).repository(&repository).run().expect_code(1);
    insta::assert_snapshot!(output.stdout, @r"
    warning: environments/clipper-production/redis/values.yaml:2:1: no template of the chart reads `persistnce`
      |
    2 | persistnce:
      | ^^^^^^^^^^
      = hint: nearest key that is read: `persistence`

    1 environment, 1 release: 1 warning
    ");
    let output =
        Evenkeel::new(["lint", "clipper-production", "--output", "json"]).repository(&repository).run().expect_code(1);
    let found: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let finding = &found["findings"][0];
    assert_eq!(finding["subject"], "unusedValue");
    assert_eq!((&finding["file"], &finding["line"], &finding["column"]), (&file.into(), &2.into(), &1.into()));
    assert_eq!(found["findings"].as_array().unwrap().len(), 1);
}

#[test]
fn everything_that_is_wrong_is_found_at_once() {
    let repository = project();
    repository.replace("environments/clipper-production/environment.yaml", "onDrift: correct", "onDrft: correct");
    repository.write(
        "charts/clipper-redis/templates/twice.yaml",
        "{{ range list 1 2 }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\n{{ end }}",
    );
    repository.write("environments/clipper-staging/postgres/manifests/a.yaml", "kind: Pod\n");
    let output = Evenkeel::new(["lint"]).repository(&repository).run().expect_code(1);
    for part in [
        "unknown key `onDrft`",
        "twice is written twice",
        "charts/clipper-redis/templates/twice.yaml",
        "environments/clipper-staging/postgres/manifests/a.yaml",
    ] {
        assert!(output.stdout.contains(part), "{part}: {output}");
    }
}

#[test]
fn a_template_that_fails_is_a_finding() {
    let repository = project();
    repository.write("charts/clipper-redis/templates/service.yaml", "kind: Service\nspec: {{ .Values.no.such }}\n");
    let output = Evenkeel::new(["lint", "clipper-production"]).repository(&repository).run().expect_code(1);
    assert!(output.stdout.contains("charts/clipper-redis/templates/service.yaml:2:10: nil pointer"), "{output}");
    assert!(output.stdout.contains("= helm: template: clipper-redis/templates/service.yaml:2:16: "), "{output}");
}

#[test]
fn what_cannot_be_looked_at_is_an_error() {
    let output = Evenkeel::new(["lint", "clipper-prodution"]).repository(&project()).run().expect_code(2);
    assert!(output.stderr.contains("did you mean `clipper-production`?"), "{output}");
}

/// The charts of `tests/charts`, the broken ones too, and helm's own words about each.
#[test]
fn charts_are_linted_in_helms_words() {
    let helm = require!(helm());
    let mut charts = Vec::new();
    for folder in ["errors-charts", "errors-texts", "lint"] {
        for entry in std::fs::read_dir(root().join("tests/charts").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.join("Chart.yaml").is_file() {
                charts.push(format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap()));
            }
        }
    }
    charts.sort();
    assert!(charts.len() > 80);
    for chart in charts {
        for flags in [&[][..], &["--strict", "--quiet"]] {
            let folder = root().join("tests/charts");
            let theirs = Command::new(&helm).arg("lint").args(flags).arg(&chart).current_dir(&folder).output().unwrap();
            let args = ["chart", "lint"].iter().chain(flags).copied().chain([chart.as_str()]);
            let ours = Evenkeel::new(args).folder(&folder).run();
            assert_eq!(ours.stdout, String::from_utf8_lossy(&theirs.stdout), "{chart} {flags:?}");
            assert_eq!(ours.status.code(), theirs.status.code(), "{chart} {flags:?}");
        }
    }
}

/// What a team's script checks of its charts: a file that should be there, an object that another one needs.
#[test]
fn what_is_missing_of_a_chart_is_named() {
    let environment = "ananta-dev";
    let lint = |repository: &GitRepository| {
        let output = Evenkeel::new(["lint", environment, "--strict"]).repository(repository).run();
        (output.status.code(), output.stdout)
    };
    assert!(lint(&project()).1.ends_with("nothing found\n"));
    for (file, said) in [
        ("README.md", "charts/admin-app: the chart has no README.md"),
        ("values.schema.json", "charts/admin-app: the chart has no values.schema.json"),
        ("templates/NOTES.txt", "charts/admin-app: the chart has no templates/NOTES.txt"),
        (
            "templates/service.yaml",
            "Ingress ananta-dev/admin-app names Service ananta-dev/admin-app, the Service behind it",
        ),
        ("templates/serviceaccount.yaml", "names ServiceAccount ananta-dev/admin-app, the account of its pods"),
        ("Chart.yaml", "charts/admin-app"),
    ] {
        let repository = project();
        repository.remove(&format!("charts/admin-app/{file}"));
        let (code, out) = lint(&repository);
        assert!(code == Some(1) && out.contains(said), "without {file}: {out}");
    }
    // An autoscaler without its workload.
    let repository = project();
    repository.remove("charts/cns-service/templates/deployment.yaml");
    let output = Evenkeel::new(["lint", "ananta-staging"]).repository(&repository).run().expect_code(1);
    assert!(output.stdout.contains("names Deployment ananta-staging/cns-service, what it scales"), "{output}");
}
