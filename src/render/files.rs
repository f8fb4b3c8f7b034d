//! `.Files`: the files of a chart that are no templates, by path, with helm's methods.

use std::sync::Arc;

use base64::Engine as _;

use crate::chart::ChartFile;
use crate::chart::glob::Glob;
use crate::template::{Entries, FuncError, Map, MapType, Method, Signature, Str, Type, Value};
use crate::yaml;

const NONE: Signature = Signature::new(&[]);
const TEXT: Signature = Signature::new(&[Type::String]);

static FILES: MapType = MapType {
    name: "engine.files",
    elem: Type::Bytes,
    methods: &[
        Method { name: "Get", signature: TEXT, call: |_, files, a| Ok(text(&bytes(files, a[0].str())).into()) },
        Method { name: "GetBytes", signature: TEXT, call: |_, files, a| Ok(bytes(files, a[0].str())) },
        Method { name: "Glob", signature: TEXT, call: |_, files, a| Ok(glob(files, a[0].str())) },
        Method { name: "Lines", signature: TEXT, call: |_, files, a| lines(files, a[0].str()) },
        Method { name: "AsConfig", signature: NONE, call: |_, files, _| Ok(as_config(files)) },
        Method { name: "AsSecrets", signature: NONE, call: |_, files, _| Ok(as_secrets(files)) },
    ],
};

/// `.Files` of a chart.
pub(super) fn files(files: &[ChartFile]) -> Value {
    let entries =
        files.iter().map(|file| (Arc::from(file.name.as_str()), Value::Bytes(Arc::clone(&file.data).into()))).collect();
    Value::Map(Map::new(&FILES, entries))
}

fn entries(files: &Value) -> Vec<(Arc<str>, Value)> {
    files.as_map().map(Map::snapshot).unwrap_or_default()
}

fn bytes(files: &Value, path: &str) -> Value {
    files.as_map().and_then(|files| files.get(path)).unwrap_or_else(|| Value::bytes(Vec::new()))
}

fn text(value: &Value) -> Str {
    match value {
        Value::Bytes(bytes) => Str::from(&**bytes),
        _ => Str::from(""),
    }
}

fn glob(files: &Value, pattern: &str) -> Value {
    // A pattern that cannot be read matches everything, in helm too.
    let glob = Glob::new(pattern).ok();
    let hit = |path: &str| glob.as_ref().is_none_or(|glob| glob.matches(path));
    let found: Entries = entries(files).into_iter().filter(|(path, _)| hit(path)).collect();
    Value::Map(Map::new(&FILES, found))
}

fn lines(files: &Value, path: &str) -> Result<Value, FuncError> {
    let Some(found) = files.as_map().and_then(|files| files.get(path)) else {
        return Ok(Value::strings(Vec::new()));
    };
    let text = text(&found);
    if text.is_empty() {
        return Err("runtime error: index out of range [-1]".into());
    }
    let text = text.as_str();
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Value::strings(text.split('\n').map(str::to_owned)))
}

fn as_yaml(files: &Value, shown: impl Fn(&Value) -> String) -> Value {
    let map: serde_json::Map<String, serde_json::Value> = entries(files)
        .into_iter()
        .map(|(path, data)| (path.rsplit('/').next().unwrap_or(&path).to_owned(), shown(&data).into()))
        .collect();
    let mut text = yaml::try_emit(&serde_json::Value::Object(map)).unwrap_or_default();
    if text.ends_with('\n') {
        text.pop();
    }
    text.into()
}

fn as_config(files: &Value) -> Value {
    as_yaml(files, |data| text(data).as_str().to_owned())
}

fn as_secrets(files: &Value) -> Value {
    as_yaml(files, |data| base64::engine::general_purpose::STANDARD.encode(text(data).as_bytes()))
}
