//! `${environment}` and `${release}` in the strings of `release.yaml`. There is no other substitution; `$${` stands for `${`.

use super::located::{Located, Shape};
use crate::diagnostic::Diagnostic;

/// What may be substituted.
const NAMES: [&str; 2] = ["environment", "release"];

/// Substitutes in every string below `value`.
pub(super) fn substitute(value: &mut Located, environment: &str, release: &str, errors: &mut Vec<Diagnostic>) {
    match &mut value.shape {
        Shape::String(text) => {
            if let Some(new) = substituted(text, environment, release, |part, message| {
                let error = value.place.error_at_part(part, message);
                let name = part.trim_start_matches("${").trim_end_matches('}');
                errors.push(error.suggest(name, NAMES).note("`$${` stands for `${` itself"));
            }) {
                *text = new;
            }
        }
        Shape::List(items) => items.iter_mut().for_each(|item| substitute(item, environment, release, errors)),
        Shape::Map(map) => {
            map.values_mut().for_each(|entry| substitute(&mut entry.value, environment, release, errors));
        }
        _ => {}
    }
}

/// The text with its names replaced; `None` when nothing is to replace.
fn substituted(text: &str, environment: &str, release: &str, mut wrong: impl FnMut(&str, String)) -> Option<String> {
    let mut rest = text;
    let mut result = String::new();
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            result.push_str(before);
            result.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        result.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else {
            wrong("${", "`${` without its `}`".to_owned());
            return None;
        };
        let part = &rest[at..=at + end];
        match &part[2..part.len() - 1] {
            "environment" => result.push_str(environment),
            "release" => result.push_str(release),
            other => wrong(part, format!("nothing is known as `${{{}}}`", super::fields::shown(other))),
        }
        rest = &rest[at + end + 1..];
    }
    (rest.len() != text.len()).then(|| result + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<String, Vec<String>> {
        let mut wrong = Vec::new();
        let new = substituted(text, "production", "clipper", |part, message| wrong.push(format!("{part}: {message}")));
        if wrong.is_empty() { Ok(new.unwrap_or_else(|| text.to_owned())) } else { Err(wrong) }
    }

    #[test]
    fn replaces_names_and_keeps_the_rest() {
        assert_eq!(run("a-${environment}-${release}").unwrap(), "a-production-clipper");
        assert_eq!(run("$${environment} $ {x} $x").unwrap(), "${environment} $ {x} $x");
        assert_eq!(run("$$${environment}").unwrap(), "$${environment}");
        assert_eq!(run("${enviroment}").unwrap_err(), ["${enviroment}: nothing is known as `${enviroment}`"]);
        assert!(run("${environment").is_err() && run("${}").is_err());
    }
}
