//! The layers of an environment, lowest first.
//!
//! The order is depth first: a layer's own `extends`, in the order written, then the layer; a layer that is reached twice (a
//! diamond) stands once, at its lowest place. So every layer lies over all that it extends, and of the rest the one
//! written later lies higher.

use super::files::{self, ENVIRONMENT};
use super::located::{Located, Place};
use super::names::label_fault;
use super::spec::{self, LayerSpec};
use super::{Diagnostics, discover};
use crate::diagnostic::Diagnostic;
use crate::tree::{Tree, join};

/// Layers that an environment may have (limit: layers).
const LAYERS: usize = 64;

/// One layer.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) name: String,
    /// Its folder from the tree's root.
    pub(super) folder: String,
    pub(super) content: Located,
    pub(super) own: LayerSpec,
}

/// Reads the environment `name` and all that it extends; all mistakes of all layers' `environment.yaml` at once.
pub(super) fn read(tree: &dyn Tree, root: &str, name: &str) -> Result<Vec<Layer>, Diagnostics> {
    let mut walk = Walk { tree, root, done: Vec::new(), open: Vec::new(), errors: Vec::new() };
    walk.visit(name, None);
    if walk.errors.is_empty() { Ok(walk.done) } else { Err(Diagnostics::sorted(walk.errors)) }
}

struct Walk<'a> {
    tree: &'a dyn Tree,
    root: &'a str,
    done: Vec<Layer>,
    /// The way from the environment to the layer at hand, with where each extends the next.
    open: Vec<(String, Option<Place>)>,
    errors: Vec<Diagnostic>,
}

impl Walk<'_> {
    fn visit(&mut self, name: &str, from: Option<&Place>) {
        if self.done.iter().any(|layer| layer.name == name) {
            return;
        }
        if let Some(start) = self.open.iter().position(|(open, _)| open == name) {
            self.cycle(start, name, from);
            return;
        }
        if self.open.len() >= LAYERS || self.done.len() >= LAYERS {
            self.fail(from, name, format!("more than {LAYERS} layers (limit: layers)"));
            return;
        }
        let folder = join(self.root, name);
        let path = join(&folder, ENVIRONMENT);
        let text = match label_fault(name) {
            Some(fault) => {
                self.fail(from, name, format!("`{}` cannot name an environment: {fault}", super::fields::shown(name)));
                return;
            }
            None => files::text(self.tree, &path),
        };
        let content = match text.and_then(|text| text.map(|text| Located::read(&path, text)).transpose()) {
            Ok(Some(content)) => content,
            Ok(None) => {
                self.missing(name, from);
                return;
            }
            Err(error) => {
                let error = self.led_here(error);
                self.errors.push(error);
                return;
            }
        };
        let mut wrong = Vec::new();
        let (_, own) = spec::environment(&content, &mut wrong);
        for error in wrong {
            let error = self.led_here(error);
            self.errors.push(error);
        }
        for (index, layer) in own.extends.iter().enumerate() {
            if own.extends[..index].iter().any(|before| before.text == layer.text) {
                self.errors.push(layer.place.error(format!("layer `{}` stands here twice", layer.text)));
                continue;
            }
            self.open.push((name.to_owned(), from.cloned()));
            self.visit(&layer.text, Some(&layer.place));
            self.open.pop();
        }
        self.done.push(Layer { name: name.to_owned(), folder, content, own });
    }

    /// A diagnostic where the layer is named; at the environment's own folder for the environment itself.
    fn fail(&mut self, from: Option<&Place>, name: &str, message: String) {
        let error = match from {
            Some(place) => place.error(message),
            None => Diagnostic::new(join(&join(self.root, name), ENVIRONMENT), message),
        };
        self.errors.push(error);
    }

    fn missing(&mut self, name: &str, from: Option<&Place>) {
        let names: Vec<String> =
            discover(self.tree, self.root).unwrap_or_default().into_iter().filter(|n| n != name).collect();
        let error = match from {
            Some(place) => place.error(format!("there is no layer `{name}`: no {}", self.file(name))),
            None => Diagnostic::new(self.file(name), format!("there is no environment `{name}`")),
        };
        let known: Vec<&str> = names.iter().map(String::as_str).filter(|n| !self.is_open(n)).collect();
        self.errors.push(error.suggest(name, known));
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|(open, _)| open == name)
    }

    fn file(&self, name: &str) -> String {
        join(&join(self.root, name), ENVIRONMENT)
    }

    fn cycle(&mut self, start: usize, name: &str, from: Option<&Place>) {
        let mut way: Vec<&str> = self.open[start..].iter().map(|(open, _)| open.as_str()).collect();
        way.push(name);
        let message = format!("layers extend each other in a circle: {}", way.join(" → "));
        self.fail(from, name, message);
    }

    /// Adds by which way a layer came in.
    fn led_here(&self, error: Diagnostic) -> Diagnostic {
        match self.open.first() {
            None => error,
            Some(_) => {
                let way: Vec<&str> = self.open.iter().map(|(open, _)| open.as_str()).collect();
                error.note(format!("a layer of {}", way.join(" → ")))
            }
        }
    }
}
