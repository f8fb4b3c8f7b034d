//! What helm installed becomes evenkeel's without a change to what it is, and stays helm's to read.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::api::{Api, ListParams, PostParams};
use serde_json::json;

use super::support::{RELEASE, Stage, lines_of};
use crate::harness::{ControlPlane, helm};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_is_taken_over_as_it_is() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.hooks("{up: {events: \"pre-upgrade,pre-install\"}}");
    let values = stage.values();
    stage
        .helm(&["install", RELEASE, "charts/web", "--values", &values, "--create-namespace", "--labels", "team=a"])
        .fine();
    let deployments: Api<Deployment> = Api::namespaced(plane.client().await, &stage.namespace);
    let before = deployments.get(RELEASE).await.unwrap();

    let adopted = stage.apply();
    assert!(lines_of(&adopted, "ran").is_empty(), "no hook runs: {adopted}");
    assert_eq!(stage.history(), ["1 deployed Install complete"], "no revision is written");
    let after = deployments.get(RELEASE).await.unwrap();
    assert_eq!(after.spec, before.spec);
    // (A Deployment's generation counts changes of its annotations, too: what matters is that no pod is made anew.)
    let sets: Api<ReplicaSet> = Api::namespaced(plane.client().await, &stage.namespace);
    let sets = sets.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(sets.len(), 1);
    assert_eq!(sets[0].metadata.generation, Some(1));
    let annotations = after.metadata.annotations.unwrap();
    assert_eq!(annotations["meta.helm.sh/release-name"], RELEASE);
    let helms =
        after.metadata.managed_fields.unwrap().into_iter().find(|m| m.manager.as_deref() == Some("helm")).unwrap();
    assert_eq!(helms.fields_v1.unwrap().0.get("f:spec"), None, "the fields are evenkeel's now");
    assert!(lines_of(&stage.apply(), "ran").is_empty());

    // The next change is the next number, and what leaves the chart leaves the object.
    stage.repository.replace(
        "charts/web/templates/deployment.yaml",
        "      - name: app\n",
        "      - name: app\n        env: []\n",
    );
    stage.repository.replace(
        "charts/web/templates/configmap.yaml",
        "  labels:\n    app.kubernetes.io/managed-by: {{ .Release.Service }}\n",
        "",
    );
    stage.say("one", "two");
    let upgraded = stage.apply();
    assert_eq!(lines_of(&upgraded, "ran").len(), 1, "{upgraded}");
    assert_eq!(stage.history(), ["1 superseded Install complete", "2 deployed Upgrade complete"]);
    let (secret, _) = stage.record(&stage.namespace, 2).await;
    assert_eq!(secret.metadata.labels.unwrap()["team"], "a", "the release's own labels stay");

    // Helm goes on.
    stage.helm(&["upgrade", RELEASE, "charts/web", "--values", &values, "--set", "replicas=2"]).fine();
    assert_eq!(stage.history().len(), 3);
    stage.helm(&["rollback", RELEASE, "2"]).fine();
    stage.helm(&["uninstall", RELEASE]).fine();
    assert!(deployments.get_opt(RELEASE).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_content_is_an_upgrade() {
    let plane = crate::require!(ControlPlane::shared());
    crate::require!(helm());
    let stage = Stage::new(plane);
    stage.hooks("{up: {events: pre-upgrade}, in: {events: pre-install}}");
    stage.helm(&["install", RELEASE, "charts/web", "--set", "message=other", "--create-namespace"]).fine();
    let applied = stage.apply();
    let ran = lines_of(&applied, "ran");
    assert!(ran.len() == 1 && ran[0].contains("pre-upgrade"), "{applied}");
    assert_eq!(stage.message().await, "one");
    assert_eq!(stage.history(), ["1 superseded Install complete", "2 deployed Upgrade complete"]);
    // A release that helm left in the middle of something.
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::namespaced(plane.client().await, &stage.namespace);
    let (mut secret, mut record) = stage.record(&stage.namespace, 2).await;
    record["version"] = json!(3);
    record["info"]["status"] = json!("pending-upgrade");
    let revision = evenkeel::history::Revision::of_json(record);
    secret.metadata = kube::core::ObjectMeta {
        name: Some(revision.secret_name()),
        labels: Some(revision.secret_labels()),
        ..kube::core::ObjectMeta::default()
    };
    let packed = evenkeel::history::encode(&revision, evenkeel::history::LARGEST);
    secret.data = Some([("release".to_owned(), k8s_openapi::ByteString(packed.text.into_bytes()))].into());
    secrets.create(&PostParams::default(), &secret).await.unwrap();
    stage.helm(&["upgrade", RELEASE, "charts/web"]).stderr.contains("another operation").then_some(()).unwrap();
    stage.say("one", "two");
    stage.apply();
    assert_eq!(stage.message().await, "two");
    stage.helm(&["upgrade", RELEASE, "charts/web", "--reuse-values"]).fine();
}
