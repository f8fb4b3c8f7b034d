//! One look after the other, as the commands take them: what is read, as whom, and what is said when it cannot be.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::{Ground, pass, scenarios};
use crate::harness::{ControlPlane, Evenkeel, eventually, helm};
use crate::require;

scenarios!(a_password_that_is_there_is_kept, secrets_that_were_read_are_not_told, what_is_taken_back_looks_up_too);

/// As charts do it.
pub(super) const PASSWORD: &str = r#"
{{- $known := lookup "v1" "Secret" .Release.Namespace "login" }}
apiVersion: v1
kind: Secret
metadata: {name: login}
data:
  password: {{ if $known }}{{ $known.data.password }}{{ else }}{{ randAlphaNum 16 | b64enc }}{{ end }}
  note: {{ .Values.note | b64enc }}
"#;

pub(super) async fn login(ground: &Ground, namespace: &str) -> (String, String) {
    let secrets: Api<Secret> = Api::namespaced(ground.cluster.client(), namespace);
    let data = secrets.get("login").await.unwrap().data.unwrap();
    let text = |key: &str| String::from_utf8(data[key].0.clone()).unwrap();
    (text("password"), text("note"))
}

pub(super) async fn change(ground: &Ground, namespace: &str, password: &str) {
    let secrets: Api<Secret> = Api::namespaced(ground.cluster.client(), namespace);
    let change = Patch::Merge(json!({"stringData": {"password": password}}));
    secrets.patch("login", &PatchParams::default(), &change).await.unwrap();
}

async fn a_password_that_is_there_is_kept(kubeconfig: &Path) {
    let ground = Ground::new(kubeconfig, PASSWORD).await;
    let source = ground.commit();
    let mut reconciler = ground.reconciler();
    let report = pass(&mut reconciler, &source).await;
    assert!(!report.failed, "{:?}", report.status);
    let (first, note) = login(&ground, &ground.namespace).await;
    assert_eq!((first.len(), note.as_str()), (16, "one"));
    let report = pass(&mut reconciler, &source).await;
    assert!(report.outcomes.values().all(|o| o.done.is_empty()), "it converges: {:?}", report.outcomes);
    assert_eq!(login(&ground, &ground.namespace).await.0, first);

    // Whoever changes it has the last word, through upgrades too.
    change(&ground, &ground.namespace, "changed by hand").await;
    ground.write("app/values.yaml", "note: two\n");
    let source = ground.commit();
    let report = pass(&mut reconciler, &source).await;
    assert!(!report.failed, "{:?}", report.status);
    let kept = ("changed by hand".to_owned(), "two".to_owned());
    assert_eq!(login(&ground, &ground.namespace).await, kept);
    let report = pass(&mut reconciler, &source).await;
    assert!(report.outcomes.values().all(|o| o.done.is_empty()), "it converges: {:?}", report.outcomes);
    // Another process sees the same.
    let diff = Evenkeel::new(["diff", &ground.environment, "--rev", "HEAD"]).repository(&ground.repository);
    let diff = diff.kubeconfig(kubeconfig).run();
    assert!(!diff.stdout.contains("changed by hand"), "{diff}");

    // Gone is gone.
    let secrets: Api<Secret> = Api::namespaced(ground.cluster.client(), &ground.namespace);
    secrets.delete("login", &DeleteParams::default()).await.unwrap();
    pass(&mut reconciler, &source).await;
    assert_eq!(login(&ground, &ground.namespace).await.0, first, "random values are sticky");
}

async fn secrets_that_were_read_are_not_told(kubeconfig: &Path) {
    let ground = Ground::new(kubeconfig, "").await;
    let secret = json!({"metadata": {"name": "login"}, "stringData": {"password": "correct horse"}});
    let secrets: Api<Secret> = Api::namespaced(ground.cluster.client(), &ground.namespace);
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    let read = r#"{{- $s := lookup "v1" "Secret" .Release.Namespace "login" }}"#;
    for rest in [
        r#"{{ fail (printf "no use for %s" ($s.data.password | b64dec)) }}"#,
        r#"{{ fail (printf "no use for %s" $s.data.password) }}"#,
        "\nkind: ConfigMap\ndata: {{ $s.data.password | b64dec }}: [",
    ] {
        ground.template(&format!("{read}{rest}"));
        let report = pass(&mut ground.reconciler(), &ground.commit()).await;
        let told = format!("{:?}", report.status);
        assert!(told.contains("Broken") && !told.contains("correct horse"), "{told}");
        assert!(!told.contains("Y29ycmVjdCBob3JzZQ"), "{told}");
    }
}

async fn what_is_taken_back_looks_up_too(kubeconfig: &Path) {
    let template = r#"
{{- $input := lookup "v1" "ConfigMap" .Release.Namespace "input" }}
apiVersion: v1
kind: ConfigMap
metadata: {name: output}
data: {heard: {{ dig "data" "word" "nothing" $input | quote }}, version: {{ .Values.note }}}
"#;
    let ground = Ground::new(kubeconfig, template).await;
    let rule = "{apiVersion: v1, kind: ConfigMap, current: has(data.version), failed: data.version == 'bad'}";
    ground.settings(&format!("onFailure: rollback\nhealth: [{rule}]\n"));
    let mut reconciler = ground.reconciler();
    let output = async || {
        let data = ground.config_maps().get("output").await.unwrap().data.unwrap();
        (data["version"].clone(), data["heard"].clone())
    };
    let says = |version: &str, heard: &str| (version.to_owned(), heard.to_owned());
    pass(&mut reconciler, &ground.commit()).await;
    assert_eq!(output().await, says("one", "nothing"));
    ground.write("app/values.yaml", "note: bad\n");
    let bad = ground.commit();
    pass(&mut reconciler, &bad).await;
    assert_eq!(output().await, says("bad", "nothing"));
    pass(&mut reconciler, &bad).await;
    assert_eq!(output().await, says("one", "nothing"), "it is taken back");
    ground.put("input", "two").await;
    // What is looked up makes it another release than the one that failed: it is tried, fails, and is taken back again.
    pass(&mut reconciler, &bad).await;
    let report = pass(&mut reconciler, &bad).await;
    assert_eq!(output().await, says("one", "two"), "{:?}", report.status);

    // Where there is no cluster, nothing is found.
    let render = Evenkeel::new(["render", &ground.environment]).repository(&ground.repository).run().expect_code(0);
    assert!(render.stdout.contains("heard: nothing"), "{render}");
    Evenkeel::new(["lint", &ground.environment]).repository(&ground.repository).run().expect_code(0);
}

/// What helm says of a chart that is rendered with a cluster, or what it renders.
fn by_helm(ground: &Ground, plane: &ControlPlane, values: &str, user: Option<&str>) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, values).unwrap();
    let mut command = Command::new(helm().unwrap());
    command.args(["template", "app", "charts/app", "--dry-run=server", "--namespace", &ground.namespace, "--values"]);
    command.arg(&file).arg("--kubeconfig").arg(plane.kubeconfig()).current_dir(ground.repository.path());
    if let Some(user) = user {
        command.args(["--kube-as-user", user]);
    }
    let output = command.env("HOME", folder.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(stderr.lines().find_map(|l| l.strip_prefix("Error: ")).unwrap_or(&stderr).to_owned()),
    }
}

/// Found, not there, not served and forbidden: as helm has it, word for word.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_and_what_is_said_is_helms() {
    let (plane, _) = (require!(ControlPlane::shared()), require!(helm()));
    let template = r#"
{{- with .Values.lookup }}
{{- $found := lookup .apiVersion .kind .namespace .name }}
apiVersion: v1
kind: ConfigMap
metadata: {name: output}
data:
  keys: {{ keys $found | sortAlpha | join " " | quote }}
  kind: {{ $found.kind | default "none" | quote }}
  word: {{ dig "data" "word" "" $found | quote }}
  words: {{ range $found.items }}{{ dig "data" "word" "" . }}{{ end }}
{{- end }}
"#;
    let ground = Ground::new(plane.kubeconfig(), template).await;
    ground.put("input", "hello").await;
    let namespace = ground.namespace.clone();
    let user = format!("system:serviceaccount:{namespace}:reader");
    let mut forbidden = 0;
    for (asked, account) in [
        (("v1", "ConfigMap", namespace.as_str(), "input"), false),
        (("v1", "ConfigMap", namespace.as_str(), "nothing"), false),
        (("v1", "ConfigMap", "no-such-namespace", "input"), false),
        (("v1", "ConfigMap", "", "input"), false),
        (("v1", "ConfigMap", namespace.as_str(), ""), false),
        (("v1", "Namespace", "", namespace.as_str()), false),
        (("v1", "Namespace", "ignored", namespace.as_str()), false),
        (("v1", "NoSuchKind", namespace.as_str(), "input"), false),
        (("example.org/v1", "NoSuchKind", namespace.as_str(), "input"), false),
        (("v1", "ConfigMap", namespace.as_str(), "input"), true),
        (("v1", "Secret", namespace.as_str(), "login"), true),
        (("v1", "Secret", namespace.as_str(), ""), true),
    ] {
        let (version, kind, space, name) = asked;
        let values =
            format!("lookup: {{apiVersion: {version}, kind: {kind}, namespace: \"{space}\", name: \"{name}\"}}\n");
        ground.write("app/values.yaml", &values);
        ground.settings(if account { "serviceAccount: reader\n" } else { "" });
        let expected = by_helm(&ground, plane, &values, account.then_some(user.as_str()));
        let look = ground.reconciler().look(&ground.commit()).await.unwrap();
        let rendered = &look.desired.releases[0].rendered;
        match (expected, rendered) {
            (Ok(text), Ok(rendered)) => {
                let helms = evenkeel::yaml::to_json(&text, evenkeel::yaml::Numbers::Float).unwrap();
                assert_eq!(rendered.objects[0].value()["data"], helms["data"], "{asked:?}");
            }
            (Err(error), Err(ours)) => {
                forbidden += usize::from(error.contains("forbidden"));
                assert_eq!(ours[0].lines().next().unwrap(), error, "{asked:?}");
            }
            (expected, ours) => panic!("{asked:?}: helm {expected:?}, evenkeel {ours:?}"),
        }
    }
    assert_eq!(forbidden, 3, "the account may read nothing");

    // The account is given the right to read, and only that.
    let meta = json!({"name": "reader", "namespace": namespace});
    let role = json!({"metadata": meta, "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]});
    let subject = json!({"kind": "ServiceAccount", "name": "reader", "namespace": namespace});
    let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"});
    let binding = json!({"metadata": meta, "roleRef": reference, "subjects": [subject]});
    let roles: Api<Role> = Api::namespaced(ground.cluster.client(), &namespace);
    roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(ground.cluster.client(), &namespace);
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    ground.write(
        "app/values.yaml",
        &format!("lookup: {{apiVersion: v1, kind: ConfigMap, namespace: {namespace}, name: input}}\n"),
    );
    let source = ground.commit();
    let word = eventually("the right to be there", Duration::from_secs(30), || async {
        let look = ground.reconciler().look(&source).await.map_err(|e| vec![e.to_string()])?;
        let rendered = look.desired.releases[0].rendered.clone()?;
        Ok::<_, Vec<String>>(rendered.objects[0].value()["data"]["word"].clone())
    })
    .await;
    assert_eq!(word, "hello");
}

/// Helm itself keeps the password, by the same chart.
#[tokio::test(flavor = "multi_thread")]
async fn helm_keeps_it_too() {
    let (plane, helm) = (require!(ControlPlane::shared()), require!(helm()));
    let ground = Ground::new(plane.kubeconfig(), PASSWORD).await;
    let upgrade = |note: &str| {
        let home = tempfile::tempdir().unwrap();
        let output = Command::new(&helm)
            .args(["upgrade", "--install", "app", "charts/app", "--namespace", &ground.namespace, "--set"])
            .arg(format!("note={note}"))
            .arg("--kubeconfig")
            .arg(plane.kubeconfig())
            .current_dir(ground.repository.path())
            .env("HOME", home.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    upgrade("one");
    change(&ground, &ground.namespace, "changed by hand").await;
    upgrade("two");
    let by_helm = login(&ground, &ground.namespace).await;
    assert_eq!(by_helm, ("changed by hand".to_owned(), "two".to_owned()));

    // Taken over from helm, the password stays.
    ground.write("app/values.yaml", "note: three\n");
    let report = pass(&mut ground.reconciler(), &ground.commit()).await;
    assert!(!report.failed, "{:?}", report.status);
    assert_eq!(login(&ground, &ground.namespace).await, ("changed by hand".to_owned(), "three".to_owned()));
}
