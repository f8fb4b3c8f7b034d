//! The little of JSONPath that `additionalPrinterColumns` are written in: fields, indexes and equality filters.

use serde_json::Value;

/// The first value at a path like `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status` or `.a['b.c'][0]`.
pub(super) fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = object;
    let mut rest = path.trim().trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix("[?(@.") {
            let (filter, after) = tail.split_once(")]")?;
            let (field, wanted) = filter.split_once("==")?;
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            at = at.as_array()?.iter().find(|item| {
                find(item, field.trim())
                    .is_some_and(|v| v.as_str().map_or_else(|| v.to_string().as_str() == wanted, |s| s == wanted))
            })?;
            rest = after;
        } else if let Some(tail) = rest.strip_prefix('[') {
            let (inside, after) = tail.split_once(']')?;
            at = match inside.parse::<usize>() {
                Ok(index) => at.get(index)?,
                Err(_) if inside == "*" => at.get(0)?,
                Err(_) => at.get(inside.trim_matches(['"', '\'']))?,
            };
            rest = after;
        } else {
            let tail = rest.strip_prefix('.').unwrap_or(rest);
            // A dot within a name is escaped.
            let mut name = String::new();
            let mut end = tail.len();
            let mut escaped = false;
            for (index, c) in tail.char_indices() {
                match c {
                    '\\' if !escaped => {
                        escaped = true;
                        continue;
                    }
                    '.' | '[' if !escaped => {
                        end = index;
                        break;
                    }
                    c => name.push(c),
                }
                escaped = false;
            }
            if !name.is_empty() {
                at = at.get(&name)?;
            } else if end == 0 && tail.len() == rest.len() {
                return None;
            }
            rest = &tail[end..];
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::find;
    use serde_json::json;

    #[test]
    fn paths_of_printer_columns() {
        let object = json!({
            "spec": {"size": 3, "list": [{"a": 1}, {"a": 2}]},
            "metadata": {"labels": {"app.kubernetes.io/name": "x"}},
            "status": {"conditions": [{"type": "A", "status": "False"}, {"type": "Ready", "status": "True"}]},
        });
        for (path, value) in [
            (".spec.size", json!(3)),
            (".spec.list[1].a", json!(2)),
            (".metadata.labels['app.kubernetes.io/name']", json!("x")),
            (".metadata.labels.app\\.kubernetes\\.io/name", json!("x")),
            (".status.conditions[?(@.type==\"Ready\")].status", json!("True")),
            (".status.conditions[?(@.type=='A')].status", json!("False")),
        ] {
            assert_eq!(find(&object, path), Some(&value), "{path}");
        }
        for absent in
            [".spec.none", ".status.conditions[?(@.type==\"B\")].status", ".spec.list[7].a", "[", "..", "[?(@.x"]
        {
            assert_eq!(find(&object, absent).filter(|v| !v.is_object()), None, "{absent}");
        }
    }
}
