//! The API server's side: an account for what is measured, and how many requests of that account the server has counted.
//!
//! The server counts requests by flow schema (`apiserver_flowcontrol_dispatched_requests_total`): schemas for the account alone, one
//! for each sort of request, tell its requests from everybody else's in the server's own words.

use std::path::PathBuf;

use kube::api::{Api, DynamicObject, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use serde_json::{Value, json};

use crate::harness::wait::DEADLINE;
use crate::harness::{ControlPlane, eventually, unique_name};

/// The sorts of requests, and the verbs that make each.
const SORTS: [(&str, &[&str]); 4] = [
    ("watch", &["watch"]),
    ("read", &["get", "list"]),
    ("write", &["create", "update", "patch", "delete", "deletecollection"]),
    ("other", &[]),
];

/// A running API server.
pub(super) struct Server {
    /// Somebody who may do everything.
    pub(super) admin: kube::Client,
    /// The account's.
    pub(super) kubeconfig: PathBuf,
    account: String,
    _folder: tempfile::TempDir,
}

/// Requests of the account since the server's start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Requests {
    pub(super) watches: u64,
    reads: u64,
    writes: u64,
    /// Discovery and the like.
    others: u64,
}

impl Requests {
    pub(super) fn total(&self) -> u64 {
        self.watches + self.without_watches()
    }

    pub(super) fn without_watches(&self) -> u64 {
        self.reads + self.writes + self.others
    }

    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            watches: self.watches - before.watches,
            reads: self.reads - before.reads,
            writes: self.writes - before.writes,
            others: self.others - before.others,
        }
    }
}

impl Server {
    /// Makes the account, what it may do, and what counts its requests.
    pub(super) async fn prepare(plane: &ControlPlane) -> Self {
        let admin = plane.client().await;
        let account = unique_name("bench");
        let namespace = plane.new_namespace("bench").await;
        let subject = json!({"kind": "ServiceAccount", "name": account, "namespace": namespace});
        create(&admin, "v1", "ServiceAccount", Some(&namespace), json!({"metadata": {"name": account}})).await;
        let binding = json!({"metadata": {"name": account}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}});
        create(&admin, "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", None, binding).await;
        let subject = json!({"kind": "ServiceAccount", "serviceAccount": {"name": account, "namespace": namespace}});
        for (place, (sort, verbs)) in SORTS.into_iter().enumerate() {
            let mut rule = json!({"subjects": [subject]});
            if verbs.is_empty() {
                rule["nonResourceRules"] = json!([{"verbs": ["*"], "nonResourceURLs": ["*"]}]);
            } else {
                rule["resourceRules"] = json!([{"verbs": verbs, "apiGroups": ["*"], "resources": ["*"],
                    "clusterScope": true, "namespaces": ["*"]}]);
            }
            let schema = json!({"metadata": {"name": format!("{account}-{sort}")}, "spec": {
                "matchingPrecedence": 50 + place, "rules": [rule],
                "priorityLevelConfiguration": {"name": "exempt"}}});
            create(&admin, "flowcontrol.apiserver.k8s.io/v1", "FlowSchema", None, schema).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let token = token(&admin, &namespace, &account).await;
        let mut file = Kubeconfig::read_from(plane.kubeconfig()).unwrap();
        for user in &mut file.auth_infos {
            user.auth_info = Some(kube::config::AuthInfo { token: Some(token.clone().into()), ..Default::default() });
        }
        // The type writes secrets as they are, but not through `Debug`.
        std::fs::write(&kubeconfig, kubeconfig_text(&file, &token)).unwrap();
        let server = Self { admin, kubeconfig, account, _folder: folder };
        let client = server.client().await;
        eventually("the server to count the account's requests", DEADLINE, || async {
            let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
            namespaces.get("default").await.map_err(|e| e.to_string())?;
            let count = server.requests().await.reads;
            if count > 0 { Ok(()) } else { Err("none".to_owned()) }
        })
        .await;
        server
    }

    /// A new client with connections of its own, as the account.
    pub(super) async fn client(&self) -> kube::Client {
        let file = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    /// The account's requests so far.
    pub(super) async fn requests(&self) -> Requests {
        let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
        let text = self.admin.request_text(request).await.unwrap();
        let of = |sort: &str| {
            let label = format!("flow_schema=\"{}-{sort}\"", self.account);
            let lines = text.lines().filter(|line| {
                line.starts_with("apiserver_flowcontrol_dispatched_requests_total{") && line.contains(&label)
            });
            lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64).sum()
        };
        Requests { watches: of("watch"), reads: of("read"), writes: of("write"), others: of("other") }
    }

    /// The same once no request has come for a second.
    pub(super) async fn settled_requests(&self) -> Requests {
        let mut last = self.requests().await;
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let now = self.requests().await;
            if now.total() == last.total() {
                return now;
            }
            last = now;
        }
    }
}

fn kubeconfig_text(file: &Kubeconfig, token: &str) -> String {
    let mut value = serde_json::to_value(file).unwrap();
    for user in value["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token});
    }
    value.to_string()
}

async fn token(admin: &kube::Client, namespace: &str, account: &str) -> String {
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"expirationSeconds": 86_400, "audiences": []}});
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
    let request = http::Request::post(path).header("content-type", "application/json");
    let answer: Value = admin.request(request.body(body.to_string().into_bytes()).unwrap()).await.unwrap();
    answer["status"]["token"].as_str().unwrap().to_owned()
}

/// Creates an object of any kind.
pub(super) async fn create(client: &kube::Client, version: &str, kind: &str, namespace: Option<&str>, body: Value) {
    let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let mut body = body;
    body["apiVersion"] = resource.api_version.clone().into();
    body["kind"] = kind.into();
    let object: DynamicObject = serde_json::from_value(body).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}
