//! Objects as the tables that `kubectl get` prints, with the columns of kube-apiserver's printers for the kinds that people
//! look at, `additionalPrinterColumns` for custom resources, and NAME and AGE (or CREATED AT) for the rest.

mod cells;
mod jsonpath;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::resources::ResourceType;

/// How a cell is made.
#[derive(Clone, Copy)]
enum Cell {
    Name,
    Age,
    /// The creation time as it is.
    Created,
    Make(fn(&Value, Timestamp) -> Value),
}

/// One column: its name, its type, whether it is shown only in wide output.
struct Column {
    name: &'static str,
    kind: &'static str,
    wide: bool,
    cell: Cell,
}

const fn column(name: &'static str, cell: Cell) -> Column {
    Column { name, kind: "string", wide: false, cell }
}

const fn number(name: &'static str, make: fn(&Value, Timestamp) -> Value) -> Column {
    Column { name, kind: "integer", wide: false, cell: Cell::Make(make) }
}

const fn text(name: &'static str, make: fn(&Value, Timestamp) -> Value) -> Column {
    column(name, Cell::Make(make))
}

const fn wide(name: &'static str, make: fn(&Value, Timestamp) -> Value) -> Column {
    Column { name, kind: "string", wide: true, cell: Cell::Make(make) }
}

/// A `meta.k8s.io/v1` Table of objects.
pub(super) fn of(
    resource: &ResourceType,
    objects: &[&Value],
    metadata: Value,
    include: &str,
    with_columns: bool,
    now: Timestamp,
) -> Value {
    let mut definitions = Vec::new();
    let mut rows: Vec<Vec<Value>> = vec![Vec::new(); objects.len()];
    let name = json!({"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0});
    let age = |object: &Value| Value::from(cells::age(object["metadata"]["creationTimestamp"].as_str(), now));
    if let Some(custom) = &resource.custom {
        definitions.push(name);
        for column in &custom.columns {
            definitions.push(json!({
                "name": column["name"],
                "type": column["type"],
                "format": column["format"].as_str().unwrap_or_default(),
                "description": column["description"].as_str().unwrap_or_default(),
                "priority": column["priority"].as_i64().unwrap_or_default(),
            }));
        }
        if custom.columns.is_empty() {
            definitions.push(json!({"name": "Age", "type": "date", "format": "", "description": "", "priority": 0}));
        }
        for (row, object) in rows.iter_mut().zip(objects) {
            row.push(object["metadata"]["name"].clone());
            if custom.columns.is_empty() {
                row.push(age(object));
            }
            for column in &custom.columns {
                let found = column["jsonPath"].as_str().and_then(|path| jsonpath::find(object, path));
                row.push(match (column["type"].as_str(), found) {
                    (_, None) => Value::Null,
                    (Some("date"), Some(time)) => cells::age(time.as_str(), now).into(),
                    (Some("string"), Some(value)) if !value.is_string() => value.to_string().into(),
                    (_, Some(value)) => value.clone(),
                });
            }
        }
    } else {
        for column in cells::columns(&resource.table()) {
            let mut definition = json!({
                "name": column.name,
                "type": column.kind,
                "format": "",
                "description": "",
                "priority": i32::from(column.wide),
            });
            if matches!(column.cell, Cell::Name) {
                definition["format"] = "name".into();
            }
            definitions.push(definition);
            for (row, object) in rows.iter_mut().zip(objects) {
                row.push(match column.cell {
                    Cell::Name => object["metadata"]["name"].clone(),
                    Cell::Age => age(object),
                    Cell::Created => object["metadata"]["creationTimestamp"].clone(),
                    Cell::Make(make) => make(object, now),
                });
            }
        }
    }
    let rows: Vec<Value> = rows
        .into_iter()
        .zip(objects)
        .map(|(cells, object)| {
            let mut row = json!({"cells": cells});
            match include {
                "None" => {}
                "Object" => row["object"] = (*object).clone(),
                _ => {
                    row["object"] = json!({
                        "kind": "PartialObjectMetadata",
                        "apiVersion": "meta.k8s.io/v1",
                        "metadata": object["metadata"],
                    });
                }
            }
            row
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": if with_columns { definitions } else { Vec::new() },
        "rows": rows,
    })
}
