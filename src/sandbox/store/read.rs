//! Get, list with paging, and the history that watches follow.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{ChangeKind, Store, Target};
use crate::sandbox::error::ApiError;
use crate::sandbox::selector::Selector;

/// What a list request asks for.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct ListOptions {
    pub(in crate::sandbox) selector: Selector,
    /// At most this many items (0: all).
    pub(in crate::sandbox) limit: usize,
    /// `continue` of the page before.
    pub(in crate::sandbox) token: String,
    /// A minimal version; 0 and nothing take the newest.
    pub(in crate::sandbox) version: u64,
    /// `resourceVersionMatch=Exact`.
    pub(in crate::sandbox) exact: bool,
}

/// One page of a list.
#[derive(Debug)]
pub(in crate::sandbox) struct Page {
    pub(in crate::sandbox) version: u64,
    pub(in crate::sandbox) items: Vec<Arc<Value>>,
    /// `continue` for the next page, empty on the last.
    pub(in crate::sandbox) token: String,
    /// How many items follow this page, where that is known (no selector).
    pub(in crate::sandbox) remaining: Option<usize>,
}

/// One event of a watch; the object is in its stored form.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct WatchEvent {
    pub(in crate::sandbox) kind: ChangeKind,
    pub(in crate::sandbox) object: Arc<Value>,
}

impl Store {
    /// An object.
    pub(in crate::sandbox) fn get(&self, target: &Target) -> Result<Arc<Value>, ApiError> {
        self.look(&target.resource.table(), &target.namespace, &target.name).ok_or_else(|| target.not_found())
    }

    /// The objects of a resource, in the order of namespace and name. Pages are not from one snapshot: what changes
    /// between two pages is seen as it is when its page is read.
    pub(in crate::sandbox) fn list(&self, target: &Target, options: &ListOptions) -> Result<Page, ApiError> {
        if options.version > self.version {
            return Err(ApiError::too_new(options.version, self.version));
        }
        if options.exact && options.version > 0 && options.version < self.version {
            let unchanged = self
                .tables
                .get(target.resource.table().as_str())
                .is_none_or(|t| t.log.back().is_none_or(|last| last.version <= options.version));
            if !unchanged {
                return Err(ApiError::expired(
                    "The provided resourceVersion is too old: the sandbox keeps no old lists",
                ));
            }
        }
        let mut version = if options.exact && options.version > 0 { options.version } else { self.version };
        let mut after = None;
        if !options.token.is_empty() {
            let bad = || ApiError::bad_request("continue key is not valid");
            let token = URL_SAFE_NO_PAD.decode(&options.token).map_err(|_| bad())?;
            let token: Value = serde_json::from_slice(&token).map_err(|_| bad())?;
            version = token["rv"].as_u64().ok_or_else(bad)?;
            let text = |key: &str| token[key].as_str().map(str::to_owned).ok_or_else(bad);
            after = Some((text("ns")?, text("name")?));
        }
        let table = target.resource.table();
        let Some(table) = self.tables.get(table.as_str()) else {
            return Ok(Page { version, items: Vec::new(), token: String::new(), remaining: None });
        };
        let everywhere = target.namespace.is_empty();
        let from = after.clone().unwrap_or_else(|| (target.namespace.clone(), String::new()));
        let mut items = Vec::new();
        let mut rest = table
            .objects
            .range(from..)
            .skip_while(|(place, _)| after.as_ref() == Some(place))
            .take_while(|((ns, _), _)| everywhere || *ns == target.namespace)
            .filter(|(_, object)| options.selector.matches(object))
            .peekable();
        let mut last = None;
        for (place, object) in rest.by_ref() {
            items.push(Arc::clone(object));
            last = Some(place);
            if options.limit > 0 && items.len() >= options.limit {
                break;
            }
        }
        let mut token = String::new();
        let mut remaining = None;
        if let (Some((ns, name)), true) = (last, rest.peek().is_some()) {
            token = URL_SAFE_NO_PAD.encode(json!({"rv": version, "ns": ns, "name": name}).to_string());
            remaining = options.selector.is_empty().then(|| rest.count());
        }
        Ok(Page { version, items, token, remaining })
    }

    /// The events of a resource after `version`, with the version that they reach. An object that starts or stops to be
    /// selected is added or deleted.
    ///
    /// # Errors
    /// 410 when the history no longer reaches back so far.
    pub(in crate::sandbox) fn events(
        &self,
        target: &Target,
        selector: &Selector,
        version: u64,
    ) -> Result<(u64, Vec<WatchEvent>), ApiError> {
        let Some(table) = self.tables.get(target.resource.table().as_str()) else {
            return Ok((self.version, Vec::new()));
        };
        if version < table.floor {
            return Err(ApiError::expired(format!("too old resource version: {version} ({})", table.floor)));
        }
        let start = table.log.partition_point(|logged| logged.version <= version);
        let selected = |object: &Value| {
            (target.namespace.is_empty() || object["metadata"]["namespace"] == target.namespace.as_str())
                && (target.name.is_empty() || object["metadata"]["name"] == target.name.as_str())
                && selector.matches(object)
        };
        let mut events = Vec::new();
        for logged in table.log.range(start..) {
            let now = logged.kind != ChangeKind::Deleted && selected(&logged.object);
            let before = logged.previous.as_ref().is_some_and(|p| selected(p));
            let kind = match (before, now) {
                (false, true) => ChangeKind::Added,
                (true, true) => ChangeKind::Modified,
                (true, false) => ChangeKind::Deleted,
                (false, false) => continue,
            };
            events.push(WatchEvent { kind, object: Arc::clone(&logged.object) });
        }
        Ok((self.version, events))
    }
}
