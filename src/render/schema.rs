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

/// What came of the charts so far.
struct Said<'s> {
    faults: String,
    /// The first schema that values do not fit.
    location: Option<String>,
    warnings: &'s mut Vec<String>,
}

impl Schemas {
    /// Holds coalesced values against the schemas of the chart and all below it (helm: `ValidateAgainstSchema`).
    ///
    /// A schema that refers to documents elsewhere is not used, which is a warning: half of it could refuse what all of it
    /// takes.
    pub(super) fn check(&self, chart: &Chart, values: &Table, warnings: &mut Vec<String>) -> Result<(), RenderError> {
        let mut said = Said { faults: String::new(), location: None, warnings };
        self.collect(chart, values, &mut said);
        let Some(location) = said.location else { return Ok(()) };
        let faults = said.faults;
        Err(RenderError::of(
            &location,
            format!("values don't meet the specifications of the schema(s) in the following chart(s):\n{faults}"),
        ))
    }

    /// Adds what helm says of a chart, then of its subcharts.
    fn collect(&self, chart: &Chart, values: &Table, said: &mut Said<'_>) {
        let name = &chart.metadata.name;
        match chart.schema.as_ref().map(|text| self.hold(text, values)) {
            None | Some(Ok(())) => {}
            Some(Err(SchemaError::Elsewhere(address))) => said.warnings.push(format!(
                "WARNING: values are not checked against the schema of {name}: it refers to {address}, which is not fetched"
            )),
            Some(Err(error)) => {
                said.location.get_or_insert_with(|| chart.path_of("values.schema.json"));
                said.faults.push_str(&format!("{name}:\n{error}"));
            }
        }
        let empty = Table::new();
        for held in &chart.dependencies {
            let inner = values.get(&held.metadata.name).and_then(serde_json::Value::as_object);
            self.collect(held, inner.unwrap_or(&empty), said);
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
