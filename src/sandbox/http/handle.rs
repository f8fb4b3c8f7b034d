//! One request to one answer.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::request::{self, Form, MEDIA_TYPES, Query, ResourcePath};
use super::{Shared, answer, body, review, watch};
use crate::sandbox::error::ApiError;
use crate::sandbox::openapi;
use crate::sandbox::patch::PatchKind;
use crate::sandbox::resources::ResourceType;
use crate::sandbox::scale;
use crate::sandbox::selector::Selector;
use crate::sandbox::store::{DeleteOptions, ListOptions, Propagation, Target, Validation, WriteOptions, Written};

const JSON: &str = "application/json";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Answers a request; a refusal becomes a Status.
pub(super) async fn handle(shared: Arc<Shared>, request: Request<Body>) -> Response<Body> {
    match answer(&shared, request).await {
        Ok(response) => response,
        Err(error) => {
            let code = StatusCode::from_u16(error.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            respond(code, JSON, serde_json::to_vec(&error.status()).unwrap_or_default())
        }
    }
}

fn respond(code: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

fn json_response(value: &Value) -> Response<Body> {
    respond(StatusCode::OK, JSON, serde_json::to_vec(value).unwrap_or_default())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

async fn answer(shared: &Arc<Shared>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let segments = request::segments(request.uri().path());
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let aggregated = request::wants_aggregated(text(request.headers(), header::ACCEPT));
    let discovery = |value: Value| respond(StatusCode::OK, AGGREGATED, serde_json::to_vec(&value).unwrap_or_default());
    if request.method() == Method::GET {
        let store = shared.store();
        let registry = store.registry();
        let found = match &parts[..] {
            [] => Some(
                json!({"paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]}),
            ),
            ["version"] => Some(registry.version()),
            ["healthz" | "livez" | "readyz", ..] => {
                return Ok(respond(StatusCode::OK, "text/plain; charset=utf-8", "ok"));
            }
            ["api"] if aggregated => return Ok(discovery(registry.aggregated(true))),
            ["apis"] if aggregated => return Ok(discovery(registry.aggregated(false))),
            ["api"] => Some(json!({
                "kind": "APIVersions",
                "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": shared.address.to_string()}],
            })),
            ["apis"] => Some(registry.group_list()),
            ["apis", group] => Some(registry.api_group(group).ok_or_else(ApiError::no_such_path)?),
            ["api", version] => Some(registry.resource_list("", version).ok_or_else(ApiError::no_such_path)?),
            ["apis", group, version] => {
                Some(registry.resource_list(group, version).ok_or_else(ApiError::no_such_path)?)
            }
            ["openapi", "v3"] => Some(openapi::index(registry)),
            ["openapi", "v3", "api", version] => {
                Some(openapi::document(registry, "", version).ok_or_else(ApiError::no_such_path)?)
            }
            ["openapi", "v3", "apis", group, version] => {
                Some(openapi::document(registry, group, version).ok_or_else(ApiError::no_such_path)?)
            }
            ["openapi", "v2"] => {
                let accept = text(request.headers(), header::ACCEPT);
                if !accept.is_empty() && !accept.contains("json") && !accept.contains("*/*") {
                    return Err(ApiError::not_acceptable(MEDIA_TYPES));
                }
                Some(openapi::definitions(registry))
            }
            _ => None,
        };
        if let Some(found) = found {
            return Ok(json_response(&found));
        }
    }
    let path = request::resource_path(&segments).ok_or_else(ApiError::no_such_path)?;
    if shared.store().registry().of_version(&path.group, &path.version).is_empty() {
        return Ok(respond(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n"));
    }
    resource(shared, path, request).await
}

/// Everything about one request to a resource.
struct Call<'a> {
    shared: &'a Arc<Shared>,
    resource: Arc<ResourceType>,
    target: Target,
    query: Query,
    form: Form,
    options: WriteOptions,
    now: Timestamp,
}

async fn resource(
    shared: &Arc<Shared>,
    path: ResourcePath,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    let resource =
        shared.store().registry().find(&path.group, &path.version, &path.plural).ok_or_else(ApiError::no_such_path)?;
    if !path.namespace.is_empty() && !resource.namespaced {
        return Err(ApiError::no_such_path());
    }
    if resource.namespaced && path.namespace.is_empty() && !path.name.is_empty() {
        return Err(ApiError::no_such_path());
    }
    let (head, content) = request.into_parts();
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let form =
        request::accepted(text(&head.headers, header::ACCEPT)).ok_or_else(|| ApiError::not_acceptable(MEDIA_TYPES))?;
    let media_type = text(&head.headers, header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_owned();
    let options = write_options(&query, &head.headers)?;
    let target = Target {
        resource: Arc::clone(&resource),
        namespace: path.namespace,
        name: path.name,
        subresource: path.subresource,
    };
    let call = Call { shared, resource, target, query, form, options, now: Timestamp::now() };
    if !call.target.subresource.is_empty() && call.resource.subresource(&call.target.subresource).is_none() {
        return Err(ApiError::no_such_path());
    }
    match (&head.method, call.target.name.is_empty()) {
        (&Method::GET, true) => call.list(),
        (&Method::GET, false) => call.get(),
        (&Method::DELETE, one) => {
            let content = body::read(content, &media_type).await?;
            call.delete(&content, one)
        }
        (&Method::POST, _) => {
            let content = body::read(content, &media_type).await?;
            call.post(content)
        }
        (&Method::PUT, false) => {
            call.may("update")?;
            let content = body::read(content, &media_type).await?;
            let written = shared.write(|store| store.update(&call.target, content, &call.options, call.now))?;
            Ok(call.written(&written))
        }
        (&Method::PATCH, false) => {
            call.may("patch")?;
            let kind = PatchKind::of(&media_type).ok_or_else(ApiError::unsupported_patch)?;
            if kind != PatchKind::Apply && call.query.get("force").is_some() {
                return Err(ApiError::invalid(
                    "meta.k8s.io",
                    "PatchOptions",
                    "",
                    &[(
                        "FieldValueForbidden",
                        "Forbidden: may not be specified for non-apply patch".to_owned(),
                        "force".to_owned(),
                    )],
                ));
            }
            if kind == PatchKind::Apply && call.query.text("fieldManager").is_empty() {
                return Err(ApiError::invalid(
                    "meta.k8s.io",
                    "PatchOptions",
                    "",
                    &[(
                        "FieldValueRequired",
                        "Required value: is required for apply patch".to_owned(),
                        "fieldManager".to_owned(),
                    )],
                ));
            }
            let content = body::read(content, &media_type).await?;
            let written = shared.write(|store| store.patch(&call.target, &content, kind, &call.options, call.now))?;
            Ok(call.written(&written))
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn write_options(query: &Query, headers: &HeaderMap) -> Result<WriteOptions, ApiError> {
    let dry_run = match query.get("dryRun") {
        None | Some("") => false,
        Some("All") => true,
        Some(other) => {
            return Err(ApiError::invalid(
                "meta.k8s.io",
                "CreateOptions",
                "",
                &[(
                    "FieldValueNotSupported",
                    format!("Unsupported value: {other:?}: supported values: \"All\""),
                    "dryRun".to_owned(),
                )],
            ));
        }
    };
    let validation = match query.text("fieldValidation") {
        "Strict" => Validation::Strict,
        "Ignore" => Validation::Ignore,
        "Warn" | "" => Validation::Warn,
        other => return Err(ApiError::bad_request(format!("fieldValidation: Unsupported value: {other:?}"))),
    };
    let manager = match query.text("fieldManager") {
        "" => {
            let agent = text(headers, header::USER_AGENT);
            agent.split('/').next().unwrap_or_default().chars().take(128).collect()
        }
        given => given.to_owned(),
    };
    if manager.chars().count() > 128 {
        return Err(ApiError::bad_request("fieldManager: Too long: may not be more than 128 bytes"));
    }
    Ok(WriteOptions { manager, dry_run, force: query.flag("force"), validation })
}

impl Call<'_> {
    fn may(&self, verb: &str) -> Result<(), ApiError> {
        if self.target.subresource.is_empty() && !self.resource.allows(verb) {
            return Err(ApiError::method_not_allowed());
        }
        Ok(())
    }

    fn include(&self) -> &str {
        self.query.text("includeObject")
    }

    fn selector(&self) -> Result<Selector, ApiError> {
        Selector::parse(&self.resource.table(), self.query.text("labelSelector"), self.query.text("fieldSelector"))
    }

    fn list(&self) -> Result<Response<Body>, ApiError> {
        let selector = self.selector()?;
        if self.query.flag("watch") {
            self.may("watch")?;
            let stream = watch::start(self.shared, self.target.clone(), selector, self.form, &self.query)?;
            return Ok(respond(StatusCode::OK, JSON, stream));
        }
        self.may("list")?;
        let version = self.query.text("resourceVersion");
        let options = ListOptions {
            selector,
            limit: self.query.text("limit").parse().unwrap_or(0),
            token: self.query.text("continue").to_owned(),
            version: if version.is_empty() {
                0
            } else {
                version.parse().map_err(|_| ApiError::bad_request(format!("invalid resource version {version:?}")))?
            },
            exact: self.query.text("resourceVersionMatch") == "Exact",
        };
        let page = self.shared.store().list(&self.target, &options)?;
        let body = answer::list(&self.resource, &page, self.form, self.include(), self.now);
        Ok(respond(StatusCode::OK, JSON, body))
    }

    fn get(&self) -> Result<Response<Body>, ApiError> {
        if self.query.flag("watch") {
            let selector = self.selector()?;
            let stream = watch::start(self.shared, self.target.clone(), selector, self.form, &self.query)?;
            return Ok(respond(StatusCode::OK, JSON, stream));
        }
        self.may("get")?;
        let object = self.shared.store().get(&self.target)?;
        match self.target.subresource.as_str() {
            "" | "status" => Ok(respond(
                StatusCode::OK,
                JSON,
                answer::one(&self.resource, &object, self.form, self.include(), self.now),
            )),
            "scale" => {
                let scale = scale::of(&self.target, &object).ok_or_else(ApiError::no_such_path)?;
                Ok(json_response(&scale))
            }
            "log" => Err(ApiError::not_simulated("logs")),
            "exec" | "attach" | "portforward" | "proxy" => Err(ApiError::not_simulated("connections into pods")),
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    fn post(&self, content: Value) -> Result<Response<Body>, ApiError> {
        if let Some(answer) = review::answer(&self.resource, &content) {
            return Ok(created(&answer));
        }
        match self.target.subresource.as_str() {
            "" => {}
            "eviction" => {
                self.shared
                    .write(|store| store.delete(&self.target.clone().whole(), &DeleteOptions::default(), self.now))?;
                return Ok(created(
                    &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}),
                ));
            }
            "exec" | "attach" | "portforward" | "proxy" => {
                return Err(ApiError::not_simulated("connections into pods"));
            }
            "token" => return Err(ApiError::not_simulated("tokens of service accounts")),
            _ => return Err(ApiError::method_not_allowed()),
        }
        if !self.resource.allows("create") || !self.target.name.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        if self.resource.namespaced && self.target.namespace.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        let written = self.shared.write(|store| store.create(&self.target, content, &self.options, self.now))?;
        Ok(self.written(&written))
    }

    fn written(&self, written: &Written) -> Response<Body> {
        let body = answer::one(&self.resource, &written.object, self.form, self.include(), self.now);
        let code = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        let mut response = respond(code, JSON, body);
        for warning in &written.warnings {
            let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
            if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
                response.headers_mut().append(header::WARNING, value);
            }
        }
        response
    }

    fn delete(&self, content: &Value, collection: bool) -> Result<Response<Body>, ApiError> {
        if !self.target.subresource.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        let mut options = DeleteOptions { dry_run: self.options.dry_run, ..DeleteOptions::default() };
        let policy = |text: &str| match text {
            "" => Ok(None),
            "Background" => Ok(Some(Propagation::Background)),
            "Foreground" => Ok(Some(Propagation::Foreground)),
            "Orphan" => Ok(Some(Propagation::Orphan)),
            other => Err(ApiError::invalid(
                "meta.k8s.io",
                "DeleteOptions",
                "",
                &[(
                    "FieldValueNotSupported",
                    format!(
                        "Unsupported value: {other:?}: supported values: \"Background\", \"Foreground\", \"Orphan\""
                    ),
                    "propagationPolicy".to_owned(),
                )],
            )),
        };
        options.grace = self.query.text("gracePeriodSeconds").parse().ok();
        options.propagation = policy(self.query.text("propagationPolicy"))?;
        if content.is_object() {
            let word = |value: &Value| value.as_str().map(str::to_owned);
            options.grace = content["gracePeriodSeconds"].as_i64().or(options.grace);
            options.uid = word(&content["preconditions"]["uid"]);
            options.version = word(&content["preconditions"]["resourceVersion"]);
            if let Some(given) = content["propagationPolicy"].as_str() {
                options.propagation = policy(given)?;
            }
            match content["orphanDependents"].as_bool() {
                Some(true) => options.propagation = Some(Propagation::Orphan),
                Some(false) => options.propagation = Some(Propagation::Background),
                None => {}
            }
            options.dry_run |= content["dryRun"].as_array().is_some_and(|d| d.iter().any(|v| v == "All"));
        }
        if collection {
            self.may("deletecollection")?;
            if self.resource.namespaced && self.target.namespace.is_empty() {
                return Err(ApiError::method_not_allowed());
            }
            let list = ListOptions { selector: self.selector()?, ..ListOptions::default() };
            let items = self.shared.write(|store| store.delete_collection(&self.target, &list, &options, self.now))?;
            let page = crate::sandbox::store::Page {
                version: self.shared.store().version(),
                items,
                token: String::new(),
                remaining: None,
            };
            let body = answer::list(&self.resource, &page, self.form, self.include(), self.now);
            return Ok(respond(StatusCode::OK, JSON, body));
        }
        self.may("delete")?;
        let answer = self.shared.write(|store| store.delete(&self.target, &options, self.now))?;
        let status = answer["kind"] == "Status" && self.resource.kind != "Status";
        let form = if status { Form::Plain } else { self.form };
        let body = answer::one(&self.resource, &answer, form, self.include(), self.now);
        Ok(respond(StatusCode::OK, JSON, body))
    }
}

fn created(value: &Value) -> Response<Body> {
    respond(StatusCode::CREATED, JSON, serde_json::to_vec(value).unwrap_or_default())
}
