//! Values on the command line, in helm's order: files (or URLs), JSON, typed, texts, files' contents, literals.
#![expect(clippy::disallowed_methods, reason = "values files are named on the command line and read here")]

use std::path::Path;

use clap::Args;
use serde_json::{Map, Value};

use crate::chart::remote::Remote;
use crate::cli::chart::source;
use crate::cli::files::go_error;
use crate::values::{self, merge_maps, set};
use crate::yaml::{self, Numbers};

/// Bytes that a file of values may have.
const MAX_VALUES: u64 = 64 << 20;

/// Values on the command line, as helm takes them.
#[derive(Debug, Clone, Default, Args)]
pub struct Given {
    /// Values from YAML files or URLs; later ones win.
    #[arg(short = 'f', long = "values", value_name = "FILE", value_delimiter = ',')]
    pub values: Vec<String>,
    /// Values, typed: key1=val1,key2=val2.
    #[arg(long, value_name = "VALUES")]
    pub set: Vec<String>,
    /// Values that are texts.
    #[arg(long, value_name = "VALUES")]
    pub set_string: Vec<String>,
    /// Values in JSON: key=jsonval.
    #[arg(long, value_name = "VALUES")]
    pub set_json: Vec<String>,
    /// One value taken as it is.
    #[arg(long, value_name = "VALUE")]
    pub set_literal: Vec<String>,
    /// Values from the contents of files or URLs: key=path.
    #[arg(long, value_name = "VALUES")]
    pub set_file: Vec<String>,
}

impl Given {
    /// Where values are given, the strongest last: for error messages.
    pub(super) fn layers(&self) -> Vec<String> {
        let files = self.values.iter().map(|path| format!("-f {path}"));
        let flags = [
            ("--set-json", &self.set_json),
            ("--set", &self.set),
            ("--set-string", &self.set_string),
            ("--set-file", &self.set_file),
            ("--set-literal", &self.set_literal),
        ];
        files.chain(flags.iter().filter(|(_, given)| !given.is_empty()).map(|(flag, _)| (*flag).to_owned())).collect()
    }

    /// All of them as one table; `remote` is what asks for URLs.
    ///
    /// # Errors
    /// With helm's message.
    pub(in crate::cli) fn values(&self, remote: &dyn Fn() -> Remote) -> Result<Map<String, Value>, String> {
        let mut values = Map::new();
        for path in &self.values {
            let text = read(path, remote)?;
            let read = yaml::to_json(&text, Numbers::Float).map_err(|error| {
                format!("failed to parse {path}: error converting YAML to JSON: {}", error.go_text())
            })?;
            let map = values::as_map(read).map_err(|message| format!("failed to parse {path}: {message}"))?;
            merge_maps(&mut values, &map);
        }
        let mut file = |name: &str| read(name, remote);
        for (kind, lines) in [
            (set::Kind::Json, &self.set_json),
            (set::Kind::Typed, &self.set),
            (set::Kind::String, &self.set_string),
            (set::Kind::File, &self.set_file),
            (set::Kind::Literal, &self.set_literal),
        ] {
            for line in lines {
                set::apply(&mut values, kind, line, &mut file).map_err(|error| error.to_string())?;
            }
        }
        Ok(values)
    }
}

fn read(name: &str, remote: &dyn Fn() -> Remote) -> Result<String, String> {
    if name.trim() == "-" {
        return std::io::read_to_string(std::io::stdin()).map_err(|error| go_error("read", "/dev/stdin", &error));
    }
    if ["http://", "https://"].iter().any(|scheme| name.starts_with(scheme)) {
        let bytes = source::run(remote().file(name, MAX_VALUES)).map_err(|refused| refused.0)?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let path = Path::new(name);
    let meta = std::fs::metadata(path).map_err(|error| go_error("open", name, &error))?;
    if meta.is_dir() {
        return Err(format!("read {name}: is a directory"));
    }
    if meta.len() > MAX_VALUES {
        return Err(format!("{name} is larger than {MAX_VALUES} bytes (limit: values file)"));
    }
    let bytes = std::fs::read(path).map_err(|error| go_error("open", name, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
