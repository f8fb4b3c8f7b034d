//! What the templates of each chart see as `.`: values, chart, release, capabilities, files, subcharts. Maps are shared between
//! charts as in helm, so that a template that changes a value changes it for the others.

use crate::chart::{Chart, Table};
use crate::template::{ANY_MAP, Entries, Map, MapType, Method, Signature, Type, Value, Watch};
use crate::yaml;

use super::trace::files_root;
use super::{RenderOptions, files, structs};

/// Helm's `chartutil.Values`.
static VALUES: MapType = MapType {
    name: "chartutil.Values",
    elem: Type::Any,
    methods: &[
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

/// A map of helm's type `Values`.
fn values_map<const N: usize>(entries: [(&str, Value); N]) -> Map {
    Map::new(&VALUES, entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// The dots of a chart and of all below it, in the order of [`Chart::visit`].
pub(super) struct Scopes {
    dots: Vec<(Vec<usize>, Map)>,
}

impl Scopes {
    /// From coalesced values.
    pub(super) fn new(chart: &Chart, values: &Table, options: &RenderOptions) -> Self {
        let release = Value::map([
            ("Name", Value::from(options.release_name.as_str())),
            ("Namespace", options.namespace.as_str().into()),
            ("IsUpgrade", options.is_upgrade.into()),
            ("IsInstall", (!options.is_upgrade).into()),
            ("Revision", Value::Int(options.revision)),
            ("Service", "Helm".into()),
        ]);
        let capabilities = structs::capabilities(&options.capabilities);
        let entries: Entries = values.iter().map(|(key, value)| (key.as_str().into(), Value::from(value))).collect();
        let shared = Shared { release, capabilities };
        let mut dots = Vec::new();
        let _ = shared.descend(chart, Value::Map(Map::new(&VALUES, entries)), true, &mut Vec::new(), &mut dots);
        Self { dots }
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
        dot.insert("Template", Value::Map(values_map([("Name", template.into()), ("BasePath", base.into())])));
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
        dots.push((at.clone(), dot.clone()));
        Value::Map(dot)
    }
}

/// The map at a name; a dot in it leads deeper, as helm's `Table` has it.
fn lookup(values: &Map, name: &str) -> Option<Value> {
    let mut at = values.clone();
    for part in name.split('.') {
        let Some(Value::Map(next)) = at.get(part) else { return None };
        at = next;
    }
    Some(Value::Map(at))
}
