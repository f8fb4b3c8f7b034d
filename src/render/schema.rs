//! Values held against the `values.schema.json` of a chart and of its subcharts, before anything is rendered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::chart::{Chart, Table};
use crate::values::schema::{Schema, SchemaError};
use crate::yaml;

use super::error::RenderError;

/// Schemas by the text that they were read from, which the chart keeps: each is read once, under however many names its chart
/// takes part.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    read: Mutex<BTreeMap<usize, Arc<Result<Schema, SchemaError>>>>,
}

impl Schemas {
    /// Holds coalesced values against the schemas of the chart and all below it (helm: `ValidateAgainstSchema`).
    pub(super) fn check(&self, chart: &Chart, values: &Table) -> Result<(), RenderError> {
        let mut faults = String::new();
        let mut first = None;
        self.collect(chart, values, &mut faults, &mut first);
        let Some(location) = first else { return Ok(()) };
        Err(RenderError::of(
            &location,
            format!("values don't meet the specifications of the schema(s) in the following chart(s):\n{faults}"),
        ))
    }

    /// Adds what helm says of a chart, then of its subcharts.
    fn collect(&self, chart: &Chart, values: &Table, faults: &mut String, first: &mut Option<String>) {
        if let Some(text) = &chart.schema
            && let Err(error) = self.hold(text, values)
        {
            first.get_or_insert_with(|| chart.path_of("values.schema.json"));
            faults.push_str(&format!("{}:\n{error}", chart.metadata.name));
        }
        let empty = Table::new();
        for held in &chart.dependencies {
            let inner = values.get(&held.metadata.name).and_then(serde_json::Value::as_object);
            self.collect(held, inner.unwrap_or(&empty), faults, first);
        }
    }

    fn hold(&self, text: &Arc<[u8]>, values: &Table) -> Result<(), SchemaError> {
        // Helm writes the values as YAML and reads them again, before it reads the schema.
        let again = yaml::read_back(values).map_err(|error| SchemaError::Schema(error.to_string()))?;
        let key = text.as_ptr().addr();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let schema = Arc::clone(read.entry(key).or_insert_with(|| Arc::new(Schema::parse(text))));
        drop(read);
        schema.as_ref().as_ref().map_err(Clone::clone)?.check(again.as_ref().unwrap_or(values))
    }
}
