//! A chart as helm stores it in a revision. Subcharts are not in it: helm leaves them out, too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::chart::{Chart, ChartFile};

/// The chart as it was rendered (dependencies processed), in helm's JSON.
#[must_use]
pub fn chart_json(chart: &Chart) -> Value {
    let metadata: Value = serde_json::from_str(&chart.metadata.to_go_json()).unwrap_or_default();
    json!({
        "metadata": metadata,
        "lock": chart.lock.as_ref().and_then(|lock| serde_json::from_str::<Value>(&lock.to_go_json()).ok()),
        "templates": files(&chart.templates),
        "values": Value::Object((*chart.values).clone()),
        "schema": chart.schema.as_ref().map(|schema| STANDARD.encode(schema)),
        "files": files(&chart.files),
    })
}

/// What stands in the place of a chart where a release has none: its manifests are plain.
#[must_use]
pub fn plain_chart(release: &str) -> Value {
    json!({"metadata": {"apiVersion": "v2", "name": release, "version": "0.0.0", "type": "application",
        "description": "plain manifests"}, "lock": null, "templates": null, "values": {}, "schema": null, "files": null})
}

fn files(files: &[ChartFile]) -> Value {
    files.iter().map(|file| json!({"name": file.name, "data": STANDARD.encode(&file.data)})).collect()
}
