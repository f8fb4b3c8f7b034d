//! Holds values against compiled schemas, step by step as gojsonschema does: the order of the faults, and the scores by which
//! the nearest of several schemas is chosen, are part of helm's output.

use serde_json::{Map, Value};

use super::decimal::Decimal;
use super::document::canonical;
use super::outcome::{FaultKind, Outcome, Path, better};
use super::{Additional, CHECK_DEPTH, Dependency, Id, Node, STEPS, SchemaError, Type, formats};

type Checked = Result<(), SchemaError>;

/// Holds the values of a chart against its schema.
pub(super) fn check(nodes: &[Node], values: &Map<String, Value>) -> Checked {
    let root = Value::Object(values.clone());
    let mut outcome = Outcome::default();
    Checker { nodes, steps: 0, depth: 0 }.hold(0, &root, &Path::Root, &mut outcome)?;
    if outcome.is_good() {
        return Ok(());
    }
    Err(SchemaError::Values(outcome.faults.iter().map(|fault| format!("- {}\n", fault.text())).collect()))
}

struct Checker<'a> {
    nodes: &'a [Node],
    steps: u64,
    depth: usize,
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        Value::Number(n) if n.as_f64().is_some_and(|f| n.is_f64() && f.fract() != 0.0) => Type::Number,
        Value::Number(_) => Type::Integer,
        Value::String(_) => Type::String,
        Value::Array(_) => Type::Array,
        Value::Object(_) => Type::Object,
    }
}

/// A value as `const`, `enum` and `uniqueItems` compare it: its numbers are float64.
fn comparable(value: &Value) -> String {
    fn floats(value: &Value) -> Value {
        match value {
            // Through YAML, -0 has become 0.
            Value::Number(n) => Value::from(n.as_f64().map_or(0.0, |f| if f == 0.0 { 0.0 } else { f })),
            Value::Array(items) => items.iter().map(floats).collect(),
            Value::Object(map) => Value::Object(map.iter().map(|(key, item)| (key.clone(), floats(item))).collect()),
            other => other.clone(),
        }
    }
    canonical(&floats(value))
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

impl<'a> Checker<'a> {
    fn hold(&mut self, id: Id, value: &'a Value, path: &Path<'_>, out: &mut Outcome<'a>) -> Checked {
        self.steps += 1;
        if self.steps > STEPS {
            let what = format!("comparing the values with the schema takes more than {STEPS} steps");
            return Err(SchemaError::Limit { what, limit: "schema steps" });
        }
        if self.depth > CHECK_DEPTH {
            let what = format!("the schema leads into itself, or nests deeper than {CHECK_DEPTH}");
            return Err(SchemaError::Limit { what, limit: "schema depth" });
        }
        self.depth += 1;
        let result = stacker::maybe_grow(128 << 10, 1 << 20, || self.hold_here(id, value, path, out));
        self.depth -= 1;
        result
    }

    /// An outcome of its own.
    fn alone(&mut self, id: Id, value: &'a Value, path: &Path<'_>) -> Result<Outcome<'a>, SchemaError> {
        let mut outcome = Outcome::default();
        self.hold(id, value, path, &mut outcome)?;
        Ok(outcome)
    }

    fn hold_here(&mut self, id: Id, value: &'a Value, path: &Path<'_>, out: &mut Outcome<'a>) -> Checked {
        let nodes = self.nodes;
        let node = &nodes[id];
        if let Some(pass) = node.pass {
            if !pass {
                out.fault(path, FaultKind::Plain("False always fails validation"));
            }
            return Ok(());
        }
        if let Some(target) = node.target {
            return self.hold(target, value, path, out);
        }
        let given = type_of(value);
        let fits = node.types.contains(&given) || given == Type::Integer && node.types.contains(&Type::Number);
        if !node.types.is_empty() && !fits {
            out.fault(path, FaultKind::Type(&node.types, given));
            return Ok(());
        }
        self.combined(node, value, path, out)?;
        match value {
            Value::Null => common(node, value, path, out),
            Value::Bool(_) => common(node, value, path, out),
            Value::Number(number) => {
                numeric(node, &Decimal::of(number), path, out);
                common(node, value, path, out);
            }
            Value::String(text) => {
                common(node, value, path, out);
                textual(node, text, path, out);
            }
            Value::Array(items) => {
                self.array(node, items, path, out)?;
                common(node, value, path, out);
            }
            Value::Object(map) => {
                self.object(node, map, path, out)?;
                common(node, value, path, out);
                for (name, schema) in &node.properties {
                    if let Some(inner) = map.get(name) {
                        self.hold(*schema, inner, &Path::Key(path, name), out)?;
                    }
                }
            }
        }
        out.passed();
        Ok(())
    }

    /// Keywords that combine schemas over the same value.
    fn combined(&mut self, node: &'a Node, value: &'a Value, path: &Path<'_>, out: &mut Outcome<'a>) -> Checked {
        if !node.any_of.is_empty() {
            let mut best = None;
            let mut found = false;
            for schema in &node.any_of {
                let outcome = self.alone(*schema, value, path)?;
                if outcome.is_good() {
                    found = true;
                    break;
                }
                better(&mut best, outcome);
            }
            if !found {
                out.fault(path, FaultKind::Plain("Must validate at least one schema (anyOf)"));
                best.into_iter().for_each(|best| out.take_over(best));
            }
        }
        if !node.one_of.is_empty() {
            let mut best = None;
            let mut good = 0;
            for schema in &node.one_of {
                let outcome = self.alone(*schema, value, path)?;
                if outcome.is_good() {
                    good += 1;
                } else if good == 0 {
                    better(&mut best, outcome);
                }
            }
            if good != 1 {
                out.fault(path, FaultKind::Plain("Must validate one and only one schema (oneOf)"));
                if good == 0 {
                    best.into_iter().for_each(|best| out.take_over(best));
                }
            }
        }
        if !node.all_of.is_empty() {
            let mut all = true;
            for schema in &node.all_of {
                let outcome = self.alone(*schema, value, path)?;
                all &= outcome.is_good();
                out.take_over(outcome);
            }
            if !all {
                out.fault(path, FaultKind::Plain("Must validate all the schemas (allOf)"));
            }
        }
        if let Some(schema) = node.not
            && self.alone(schema, value, path)?.is_good()
        {
            out.fault(path, FaultKind::Plain("Must not validate the schema (not)"));
        }
        if let Value::Object(map) = value {
            self.dependencies(node, map, value, path, out)?;
        }
        self.conditional(node, value, path, out)?;
        out.passed();
        Ok(())
    }

    fn dependencies(
        &mut self,
        node: &'a Node,
        map: &'a Map<String, Value>,
        value: &'a Value,
        path: &Path<'_>,
        out: &mut Outcome<'a>,
    ) -> Checked {
        for (_, dependency) in node.dependencies.iter().filter(|(key, _)| map.contains_key(key)) {
            match dependency {
                Dependency::Keys(keys) => {
                    for key in keys.iter().filter(|key| !map.contains_key(*key)) {
                        out.fault(path, FaultKind::Named("Has a dependency on ", key, ""));
                    }
                }
                Dependency::Schema(schema) => self.hold(*schema, value, path, out)?,
            }
        }
        Ok(())
    }

    fn conditional(&mut self, node: &'a Node, value: &'a Value, path: &Path<'_>, out: &mut Outcome<'a>) -> Checked {
        let Some(condition) = node.condition else { return Ok(()) };
        let (branch, text) = if self.alone(condition, value, path)?.is_good() {
            (node.then, "Must validate \"then\" as \"if\" was valid")
        } else {
            (node.otherwise, "Must validate \"else\" as \"if\" was not valid")
        };
        if let Some(branch) = branch {
            let outcome = self.alone(branch, value, path)?;
            if !outcome.is_good() {
                out.fault(path, FaultKind::Plain(text));
                out.take_over(outcome);
            }
        }
        Ok(())
    }

    fn array(&mut self, node: &'a Node, items: &'a [Value], path: &Path<'_>, out: &mut Outcome<'a>) -> Checked {
        for (index, item) in items.iter().enumerate() {
            let schema = match (node.items_for_all, node.items.get(index), node.additional_items) {
                (true, ..) => node.items[0],
                (false, Some(schema), _) => *schema,
                (false, None, Additional::Schema(schema)) if !node.items.is_empty() => schema,
                _ => break,
            };
            let outcome = self.alone(schema, item, &Path::Index(path, index))?;
            out.take_over(outcome);
        }
        let is_list = !node.items_for_all && !node.items.is_empty();
        if is_list && items.len() > node.items.len() && matches!(node.additional_items, Additional::Refused) {
            out.fault(path, FaultKind::Plain("No additional items allowed on array"));
        }
        if let Some(least) = node.min_items.filter(|least| count(items.len()) < *least) {
            out.fault(path, FaultKind::Count("Array must have at least ", least, " items"));
        }
        if let Some(most) = node.max_items.filter(|most| count(items.len()) > *most) {
            out.fault(path, FaultKind::Count("Array must have at most ", most, " items"));
        }
        if node.unique_items {
            let mut seen = std::collections::BTreeMap::new();
            for (index, item) in items.iter().enumerate() {
                if let Some(before) = seen.insert(comparable(item), index) {
                    out.fault(path, FaultKind::Unique(before, index));
                }
            }
        }
        if let Some(schema) = node.contains {
            let mut best = None;
            let mut found = false;
            for (index, item) in items.iter().enumerate() {
                let outcome = self.alone(schema, item, &Path::Index(path, index))?;
                if outcome.is_good() {
                    found = true;
                    break;
                }
                better(&mut best, outcome);
            }
            if !found {
                out.fault(path, FaultKind::Plain("At least one of the items must match"));
                best.into_iter().for_each(|best| out.take_over(best));
            }
        }
        out.passed();
        Ok(())
    }

    fn object(
        &mut self,
        node: &'a Node,
        map: &'a Map<String, Value>,
        path: &Path<'_>,
        out: &mut Outcome<'a>,
    ) -> Checked {
        if let Some(least) = node.min_properties.filter(|least| count(map.len()) < *least) {
            out.fault(path, FaultKind::Count("Must have at least ", least, " properties"));
        }
        if let Some(most) = node.max_properties.filter(|most| count(map.len()) > *most) {
            out.fault(path, FaultKind::Count("Must have at most ", most, " properties"));
        }
        for name in &node.required {
            if map.contains_key(name) {
                out.passed();
            } else {
                out.fault(path, FaultKind::Named("", name, " is required"));
            }
        }
        for (key, value) in map {
            let mut matched = false;
            for (pattern, schema) in &node.pattern_properties {
                if pattern.is_match(key) {
                    matched = true;
                    let outcome = self.alone(*schema, value, &Path::Key(path, key))?;
                    out.take_over(outcome);
                }
            }
            if matched {
                out.passed();
                continue;
            }
            // The names stand in order.
            if node.properties.binary_search_by(|(name, _)| name.cmp(key)).is_ok() {
                continue;
            }
            match node.additional_properties {
                Additional::Allowed => {}
                Additional::Refused => {
                    out.fault(path, FaultKind::Named("Additional property ", key, " is not allowed"));
                }
                Additional::Schema(schema) => {
                    let outcome = self.alone(schema, value, &Path::Key(path, key))?;
                    out.take_over(outcome);
                }
            }
        }
        if let Some(schema) = node.property_names {
            self.names(schema, map, path, out)?;
        }
        out.passed();
        Ok(())
    }

    fn names(&mut self, schema: Id, map: &'a Map<String, Value>, path: &Path<'_>, out: &mut Outcome<'a>) -> Checked {
        for key in map.keys() {
            let name = Value::String(key.clone());
            let mut inner = Checker { nodes: self.nodes, steps: self.steps, depth: self.depth };
            let outcome = inner.alone(schema, &name, path)?;
            self.steps = inner.steps;
            if !outcome.is_good() {
                out.fault(path, FaultKind::Named("Property name of \"", key, "\" does not match"));
                out.take_over(outcome.detached());
            }
        }
        Ok(())
    }
}

/// `const` and `enum`.
fn common<'a>(node: &'a Node, value: &Value, path: &Path<'_>, out: &mut Outcome<'a>) {
    if let Some(constant) = &node.constant
        && comparable(value) != *constant
    {
        out.fault(path, FaultKind::Constant(constant));
    }
    if !node.choices.is_empty() && !node.choices.contains(&comparable(value)) {
        out.fault(path, FaultKind::Choices(&node.choices));
    }
    out.passed();
}

fn numeric<'a>(node: &'a Node, number: &Decimal, path: &Path<'_>, out: &mut Outcome<'a>) {
    let bounds = [
        (&node.multiple_of, "Must be a multiple of "),
        (&node.maximum, "Must be less than or equal to "),
        (&node.below, "Must be less than "),
        (&node.minimum, "Must be greater than or equal to "),
        (&node.above, "Must be greater than "),
    ];
    for (index, (bound, text)) in bounds.into_iter().enumerate() {
        let Some(bound) = bound else { continue };
        let fits = match index {
            0 => number.is_multiple_of(bound),
            1 => number <= bound,
            2 => number < bound,
            3 => number >= bound,
            _ => number > bound,
        };
        if !fits {
            out.fault(path, FaultKind::Limit(text, bound.shown()));
        }
    }
    // A format that is known is one of texts: no number has it.
    if formats::is_known(&node.format) {
        out.fault(path, FaultKind::Named("Does not match format '", &node.format, "'"));
    }
    out.passed();
}

fn textual<'a>(node: &'a Node, text: &str, path: &Path<'_>, out: &mut Outcome<'a>) {
    if node.min_length.is_some() || node.max_length.is_some() {
        let length = count(text.chars().count());
        if let Some(least) = node.min_length.filter(|least| length < *least) {
            out.fault(path, FaultKind::Count("String length must be greater than or equal to ", least, ""));
        }
        if let Some(most) = node.max_length.filter(|most| length > *most) {
            out.fault(path, FaultKind::Count("String length must be less than or equal to ", most, ""));
        }
    }
    if let Some((pattern, regex)) = &node.pattern
        && !regex.is_match(text)
    {
        out.fault(path, FaultKind::Named("Does not match pattern '", pattern, "'"));
    }
    if !formats::fits(&node.format, text) {
        out.fault(path, FaultKind::Named("Does not match format '", &node.format, "'"));
    }
    out.passed();
}
