//! Keywords that hold plain values: bounds, lengths, patterns, `required`, `const`, `enum`.

use super::compile::{Compiler, Keywords, invalid_type, wrong};
use super::decimal::{Decimal, Unreadable};
use super::document::{Item, Json, Kind};
use super::pool::Draft;
use super::{Id, SchemaError};
use crate::go::regexp;

/// A number; nothing when it is none, or one that Go cannot read.
fn number(compiler: &Compiler, item: Item) -> Result<Option<Decimal>, SchemaError> {
    let Json::Number(text) = compiler.pool.documents.get(item) else { return Ok(None) };
    match Decimal::read(text) {
        Ok(number) => Ok(Some(number)),
        Err(Unreadable::Exponent) => Ok(None),
        Err(Unreadable::Digits) => {
            Err(SchemaError::Limit { what: "a number of the schema has too many digits".to_owned(), limit: "digits" })
        }
    }
}

pub(super) fn numbers(c: &mut Compiler, id: Id, map: &Keywords, draft: Draft) -> Result<(), SchemaError> {
    if let Some(item) = map.get("multipleOf") {
        let Some(multiple) = number(c, *item)? else { return invalid_type("number", "multipleOf") };
        if !multiple.is_positive() {
            return wrong("multipleOf must be strictly greater than 0");
        }
        c.nodes[id].multiple_of = Some(multiple);
    }
    (c.nodes[id].minimum, c.nodes[id].above) = bound(c, map, ["minimum", "exclusiveMinimum"], draft)?;
    (c.nodes[id].maximum, c.nodes[id].below) = bound(c, map, ["maximum", "exclusiveMaximum"], draft)?;
    Ok(())
}

/// A bound and its exclusive form, which in draft 4 is a flag.
fn bound(
    c: &Compiler,
    map: &Keywords,
    [plain, exclusive]: [&str; 2],
    draft: Draft,
) -> Result<(Option<Decimal>, Option<Decimal>), SchemaError> {
    let mut limit = None;
    if let Some(item) = map.get(plain) {
        limit = number(c, *item)?;
        if limit.is_none() {
            return wrong(format!("{plain} must be of a number"));
        }
    }
    let Some(item) = map.get(exclusive) else { return Ok((limit, None)) };
    let (may_flag, may_number) = (matches!(draft, Draft::Four | Draft::Mixed), draft != Draft::Four);
    if may_flag {
        c.kind(*item)?;
    }
    match c.pool.documents.get(*item) {
        Json::Bool(flag) if may_flag => match (limit, *flag) {
            (None, _) => wrong(format!("{exclusive} cannot be used without {plain}")),
            (limit, true) => Ok((None, limit)),
            (limit, false) => Ok((limit, None)),
        },
        Json::Number(_) if may_number => Ok((limit, number(c, *item)?)),
        _ => {
            let expected = match draft {
                Draft::Four => "boolean",
                Draft::Mixed => "boolean/number",
                _ => "number",
            };
            invalid_type(expected, exclusive)
        }
    }
}

/// A count: a whole number without fraction or exponent, that is not negative.
fn count(c: &Compiler, map: &Keywords, key: &str) -> Result<Option<i64>, SchemaError> {
    let Some(item) = map.get(key) else { return Ok(None) };
    let count = match c.pool.documents.get(*item) {
        Json::Number(text) => text.parse::<i64>().ok(),
        _ => None,
    };
    match count {
        None => wrong(format!("{key} must be of an integer")),
        Some(count) if count < 0 => wrong(format!("{key} must be greater than or equal to 0")),
        count => Ok(count),
    }
}

pub(super) fn texts(c: &mut Compiler, id: Id, map: &Keywords) -> Result<(), SchemaError> {
    let least = count(c, map, "minLength")?;
    let most = count(c, map, "maxLength")?;
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        return wrong("minLength cannot be greater than maxLength");
    }
    (c.nodes[id].min_length, c.nodes[id].max_length) = (least, most);
    if let Some(item) = map.get("pattern") {
        if c.kind(*item)? != Kind::String {
            return wrong("pattern must be of a string");
        }
        let pattern = c.pool.documents.text(*item).unwrap_or_default().to_owned();
        let Ok(regex) = regexp::compile(&pattern) else { return wrong("pattern must be a valid regex") };
        c.nodes[id].pattern = Some((pattern, regex));
    }
    if let Some(item) = map.get("format") {
        let Some(format) = c.pool.documents.text(*item) else { return wrong("format must be of type string") };
        c.nodes[id].format = format.to_owned();
    }
    Ok(())
}

pub(super) fn objects(c: &mut Compiler, id: Id, map: &Keywords) -> Result<(), SchemaError> {
    let least = count(c, map, "minProperties")?;
    let most = count(c, map, "maxProperties")?;
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        return wrong("minProperties cannot be greater than maxProperties");
    }
    (c.nodes[id].min_properties, c.nodes[id].max_properties) = (least, most);
    let Some(item) = map.get("required") else { return Ok(()) };
    let Json::Array(items) = c.pool.documents.get(*item).clone() else {
        c.kind(*item)?;
        return wrong("required must be of an array");
    };
    let mut seen = std::collections::BTreeSet::new();
    for item in items {
        c.kind(item)?;
        let Some(name) = c.pool.documents.text(item).map(str::to_owned) else {
            return wrong("required items must be string");
        };
        if !seen.insert(name.clone()) {
            return wrong("required items must be unique");
        }
        c.nodes[id].required.push(name);
    }
    Ok(())
}

pub(super) fn arrays(c: &mut Compiler, id: Id, map: &Keywords) -> Result<(), SchemaError> {
    c.nodes[id].min_items = count(c, map, "minItems")?;
    c.nodes[id].max_items = count(c, map, "maxItems")?;
    if let Some(item) = map.get("uniqueItems") {
        let Json::Bool(unique) = c.pool.documents.get(*item) else {
            c.kind(*item)?;
            return wrong("uniqueItems must be of a boolean");
        };
        c.nodes[id].unique_items = *unique;
    }
    Ok(())
}

pub(super) fn choices(c: &mut Compiler, id: Id, map: &Keywords, draft: Draft) -> Result<(), SchemaError> {
    if draft >= Draft::Six
        && let Some(item) = map.get("const")
    {
        c.nodes[id].constant = Some(c.pool.documents.canonical(*item)?);
    }
    let Some(item) = map.get("enum") else { return Ok(()) };
    let Json::Array(items) = c.pool.documents.get(*item).clone() else {
        c.kind(*item)?;
        return wrong("enum must be of an array");
    };
    let mut seen = std::collections::BTreeSet::new();
    for item in items {
        let choice = c.pool.documents.canonical(item)?;
        if !seen.insert(choice.clone()) {
            return wrong("enum items must be unique");
        }
        c.nodes[id].choices.push(choice);
    }
    Ok(())
}
