//! Writes a chart's metadata and locks as Go does (encoding/json over helm's structs): the JSON that digests are taken over and
//! that registries keep, and the YAML that `helm show chart` and packed charts hold.

use serde_json::Value;

use super::{Dependency, Metadata};
use crate::go::json;
use crate::yaml;

impl Metadata {
    /// As `json.Marshal` writes helm's `chart.Metadata`: fields in the order of the struct, empty ones left out.
    #[must_use]
    pub fn to_go_json(&self) -> String {
        let mut object = GoObject::default();
        object.text("name", &self.name);
        object.text("home", &self.home);
        object.texts("sources", &self.sources);
        object.text("version", &self.version);
        object.text("description", &self.description);
        object.texts("keywords", &self.keywords);
        object.list("maintainers", &self.maintainers, |maintainer| {
            let mut object = GoObject::default();
            object.text("name", &maintainer.name);
            object.text("email", &maintainer.email);
            object.text("url", &maintainer.url);
            object.finish()
        });
        object.text("icon", &self.icon);
        object.text("apiVersion", &self.api_version);
        object.text("condition", &self.condition);
        object.text("tags", &self.tags);
        object.text("appVersion", &self.app_version);
        object.flag("deprecated", self.deprecated);
        if !self.annotations.is_empty() {
            let mut annotations = GoObject::default();
            for (key, value) in &self.annotations {
                annotations.always(key, &json::text(value));
            }
            object.always("annotations", &annotations.finish());
        }
        object.text("kubeVersion", &self.kube_version);
        object.list("dependencies", self.dependencies.as_deref().unwrap_or_default(), Dependency::to_go_json);
        object.text("type", &self.kind);
        object.finish()
    }

    /// As helm writes `Chart.yaml` into a packed chart.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        yaml_of(&self.to_go_json())
    }
}

impl Dependency {
    /// As `json.Marshal` writes helm's `chart.Dependency`.
    #[must_use]
    pub fn to_go_json(&self) -> String {
        let mut object = GoObject::default();
        object.always("name", &json::text(&self.name));
        object.text("version", &self.version);
        object.always("repository", &json::text(&self.repository));
        object.text("condition", &self.condition);
        object.texts("tags", &self.tags);
        object.flag("enabled", self.enabled);
        object.list("import-values", &self.import_values, go_value);
        object.text("alias", &self.alias);
        object.finish()
    }
}

/// JSON as the YAML that sigs.k8s.io/yaml makes of it: keys sorted.
#[must_use]
pub(super) fn yaml_of(json: &str) -> String {
    yaml::emit(&serde_json::from_str::<Value>(json).unwrap_or_default())
}

fn go_value(value: &Value) -> String {
    match value {
        Value::String(text) => json::text(text),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => yaml::go_float(float),
            _ => number.to_string(),
        },
        Value::Array(items) => format!("[{}]", items.iter().map(go_value).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let sorted: std::collections::BTreeMap<_, _> = map.iter().collect();
            let mut object = GoObject::default();
            for (key, value) in sorted {
                object.always(key, &go_value(value));
            }
            object.finish()
        }
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

/// A JSON object being written field by field.
#[derive(Default)]
struct GoObject(String);

impl GoObject {
    fn always(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&json::text(name));
        self.0.push(':');
        self.0.push_str(json);
    }

    fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.always(name, &json::text(value));
        }
    }

    fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.always(name, "true");
        }
    }

    fn texts(&mut self, name: &str, values: &[String]) {
        self.list(name, values, |value| json::text(value));
    }

    fn list<T>(&mut self, name: &str, items: &[T], json: impl Fn(&T) -> String) {
        if !items.is_empty() {
            let items: Vec<String> = items.iter().map(json).collect();
            self.always(name, &format!("[{}]", items.join(",")));
        }
    }

    fn finish(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

#[cfg(test)]
mod tests {
    use crate::chart::{Chart, ChartFile};

    #[test]
    fn fields_stand_in_the_order_of_helms_struct_and_are_escaped_as_go_does() {
        let text = "apiVersion: v2\nname: a\nversion: 1.0.0\ndescription: a <b> & \"c\"\nappVersion: 1.10\nannotations: {z: 1, b: x}\n\
                    dependencies:\n- name: d\n  version: 1.x\n  repository: https://h\n  import-values: [data, {parent: p, child: c}]\n";
        let chart = Chart::from_files(vec![ChartFile::new("Chart.yaml", text.as_bytes())], "a").unwrap();
        assert_eq!(
            chart.metadata.to_go_json(),
            r#"{"name":"a","version":"1.0.0","description":"a \u003cb\u003e \u0026 \"c\"","apiVersion":"v2","appVersion":"1.1","annotations":{"b":"x","z":"1"},"dependencies":[{"name":"d","version":"1.x","repository":"https://h","import-values":["data",{"child":"c","parent":"p"}]}]}"#
        );
        assert_eq!(
            chart.metadata.to_yaml(),
            "annotations:\n  b: x\n  z: \"1\"\napiVersion: v2\nappVersion: \"1.1\"\ndependencies:\n- import-values:\n  - data\n  - child: c\n    parent: p\n  name: d\n  repository: https://h\n  version: 1.x\ndescription: a <b> & \"c\"\nname: a\nversion: 1.0.0\n"
        );
    }
}
