//! Layers over each other, and what came of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::coalesce::coalesce_tables;
use super::layer::{Layer, LayerKind};

/// The map that a file of values holds; nothing is an empty one.
///
/// # Errors
/// Go's words for what is no map.
pub fn as_map(value: Value) -> Result<Map<String, Value>, String> {
    let found = match value {
        Value::Object(map) => return Ok(map),
        Value::Null => return Ok(Map::new()),
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
    };
    Err(format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
    ))
}

/// Layers, merged, with everything needed to say where a value came from.
#[derive(Debug, Clone, Default)]
pub struct Merged {
    /// The values. Nulls of the layers stay in them, because the chart's defaults are not known yet
    /// (see [`Merged::with_defaults`]).
    pub value: Map<String, Value>,
    /// The layers, lowest first.
    layers: Vec<Arc<Layer>>,
}

impl Merged {
    /// The layers, lowest first.
    #[must_use]
    pub fn layers(&self) -> &[Arc<Layer>] {
        &self.layers
    }

    /// The same layers with a chart's own values below them: what `explain` shows. A null over one of the chart's keys deletes
    /// it, any other null stays. (A subchart's defaults come in when the chart is rendered.)
    #[must_use]
    pub fn with_defaults(&self, mut defaults: Layer) -> Self {
        defaults.kind = LayerKind::ChartDefaults;
        let mut value = self.value.clone();
        coalesce_tables(&mut value, defaults.value(), &mut Vec::new());
        let mut layers = vec![Arc::new(defaults)];
        layers.extend(self.layers.iter().cloned());
        Self { value, layers }
    }
}

/// Merges layers, the lowest first, as Helm merges the files of several `-f`: maps deeply, everything else replaces, and a null
/// is a value. What the chart's defaults then make of it is [`super::coalesce()`]'s.
#[must_use]
pub fn merge_layers(layers: Vec<Layer>) -> Merged {
    let mut value = Map::new();
    for layer in &layers {
        merge_maps(&mut value, layer.value());
    }
    Merged { value, layers: layers.into_iter().map(Arc::new).collect() }
}

/// Puts `upper` over `lower`: maps merge deeply, everything else replaces.
pub fn merge_maps(lower: &mut Map<String, Value>, upper: &Map<String, Value>) {
    for (key, value) in upper {
        match (lower.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge_maps(below, above),
            _ => {
                lower.insert(key.clone(), value.clone());
            }
        }
    }
}
