//! What the templates of each chart see as `.`: values, chart, release, capabilities, files, subcharts. Maps are shared between
//! charts as in helm, so that a template that changes a value changes it for the others.

use std::sync::Arc;

use crate::chart::Chart;
use crate::go::quote::quote;
use crate::template::{ANY_MAP, Entries, Frozen, Map, MapType, Method, Signature, Type, Value, Watch};
use crate::yaml;

use super::trace::files_root;
use super::{RenderOptions, files, structs};

/// Helm's `chartutil.Values`.
static VALUES: MapType = MapType {
    name: "chartutil.Values",
    elem: Type::Any,
    methods: &[
        Method {
            name: "Table",
            signature: Signature::new(&[Type::String]),
            call: |_, values, a| {
                let values = values.as_map().ok_or("no values")?;
                Ok(table(values, a[0].str())?.converted(&VALUES).into())
            },
        },
        Method {
            name: "PathValue",
            signature: Signature::new(&[Type::String]),
            call: |_, values, a| {
                let values = values.as_map().ok_or("no values")?;
                path_value(values, a[0].str()).map_err(Into::into)
            },
        },
        Method {
            // There is no writer to give it.
            name: "Encode",
            signature: Signature::new(&[Type::Object("io.Writer")]),
            call: |_, _, _| Ok(Value::Nil),
        },
        Method {
            name: "AsMap",
            signature: Signature::new(&[]),
            call: |_, values, _| {
                Ok(values.as_map().map_or_else(|| values.clone(), |map| map.converted(&ANY_MAP).into()))
            },
        },
        Method {
            name: "YAML",
            signature: Signature::new(&[]),
            call: |_, values, _| {
                let json = values.to_json().map_err(|error| error.to_string())?;
                yaml::try_emit(&json).map(Value::from).map_err(|error| error.to_string().into())
            },
        },
    ],
};

/// Helm's `Values.Table`: dots lead deeper.
fn table(values: &Map, path: &str) -> Result<Map, String> {
    let mut at = values.clone();
    for key in path.split('.') {
        match at.get(key) {
            Some(Value::Map(next)) if [VALUES.name, ANY_MAP.name].contains(&next.ty().name) => at = next,
            _ => return Err(format!("{} is not a table", quote(key.as_bytes()))),
        }
    }
    Ok(at)
}

/// Helm's `Values.PathValue`: what is no table at the end of a path.
fn path_value(values: &Map, path: &str) -> Result<Value, String> {
    if path.is_empty() {
        return Err("YAML path cannot be empty".to_owned());
    }
    let (below, key) = path.rsplit_once('.').map_or((None, path), |(below, key)| (Some(below), key));
    let none = || format!("{} is not a value", quote(key.as_bytes()));
    let at = below.map_or_else(|| Ok(values.clone()), |below| table(values, below)).map_err(|_| none())?;
    match at.get(key) {
        Some(Value::Map(map)) if map.ty().name == ANY_MAP.name => Err(none()),
        Some(value) => Ok(value),
        None => Err(none()),
    }
}

/// A map of helm's type `Values`.
fn values_map<const N: usize>(entries: [(&str, Value); N]) -> Map {
    Map::new(&VALUES, entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// The dots of a chart and of all below it, in the order of [`Chart::visit`].
pub(super) struct Scopes {
    dots: Vec<(Vec<usize>, Map)>,
    /// The keys that every template is given anew.
    names: [Arc<str>; 3],
}

impl Scopes {
    /// From coalesced values.
    pub(super) fn new(chart: &Chart, values: &Frozen, options: &RenderOptions) -> Self {
        let release = Value::map([
            ("Name", Value::from(options.release_name.as_str())),
            ("Namespace", options.namespace.as_str().into()),
            ("IsUpgrade", options.is_upgrade.into()),
            ("IsInstall", (!options.is_upgrade).into()),
            ("Revision", Value::Int(options.revision)),
            ("Service", "Helm".into()),
        ]);
        let capabilities = structs::capabilities(&options.capabilities);
        let shared = Shared { release, capabilities };
        let mut dots = Vec::new();
        let _ =
            shared.descend(chart, Value::Map(Map::new(&VALUES, values.entries())), true, &mut Vec::new(), &mut dots);
        Self { dots, names: ["Name", "BasePath", "Template"].map(Arc::from) }
    }

    /// Lets a watch follow the data of all charts.
    pub(super) fn show(&self, watch: &mut Watch, chart: &Chart) {
        // The top's comes first: the values of the others are part of it.
        for (at, dot) in self.dots.iter().rev() {
            if at.is_empty() {
                for name in ["Values", "Release", "Capabilities"] {
                    watch.root(name, &dot.get(name).unwrap_or_default());
                }
            }
        }
        chart.visit(&mut |path, at, _| {
            if let Some((_, dot)) = self.dots.iter().find(|(known, _)| known == at) {
                watch.root(&files_root(path), &dot.get("Files").unwrap_or_default());
            }
        });
    }

    /// `.` of the chart at these indices, with `.Template` set.
    pub(super) fn dot(&self, chart: &[usize], template: &str, base: &str) -> Value {
        let Some((_, dot)) = self.dots.iter().find(|(at, _)| at == chart) else { return Value::Nil };
        let [name, base_path, key] = &self.names;
        let entries: Entries =
            [(Arc::clone(base_path), base.into()), (Arc::clone(name), template.into())].into_iter().collect();
        dot.insert(Arc::clone(key), Value::Map(Map::new(&VALUES, entries)));
        Value::Map(dot.clone())
    }
}

struct Shared {
    release: Value,
    capabilities: Value,
}

impl Shared {
    fn descend(
        &self,
        chart: &Chart,
        values: Value,
        is_root: bool,
        at: &mut Vec<usize>,
        dots: &mut Vec<(Vec<usize>, Map)>,
    ) -> Value {
        let subcharts = Map::empty();
        for (index, held) in chart.dependencies.iter().enumerate() {
            let name = &held.metadata.name;
            // A subchart sees the very map that its parent has under its name.
            let inner = values.as_map().and_then(|values| lookup(values, name));
            let inner = inner.unwrap_or_else(|| Value::Map(Map::new(&VALUES, Entries::new())));
            at.push(index);
            subcharts.insert(name.as_str(), self.descend(held, inner, false, at, dots));
            at.pop();
        }
        let dot = values_map([
            ("Chart", structs::chart(&chart.metadata, is_root)),
            ("Files", files::files(&chart.files)),
            ("Release", self.release.clone()),
            ("Capabilities", self.capabilities.clone()),
            ("Values", values),
            ("Subcharts", subcharts.into()),
        ]);
        // As a value of `.Subcharts`, it has no type of its own.
        let plain = dot.converted(&ANY_MAP);
        dots.push((at.clone(), dot));
        Value::Map(plain)
    }
}

/// The map at a name, of helm's type; a dot in it leads deeper, as helm's `Table` has it.
fn lookup(values: &Map, name: &str) -> Option<Value> {
    table(values, name).ok().map(|table| table.converted(&VALUES).into())
}
