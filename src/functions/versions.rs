//! Semantic versions: `semver`, `semverCompare`.

use std::any::Any;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::fixed;
use crate::chart::version::{Constraint, Version};
use crate::template::{FuncError, FunctionTable, Kind, Method, Object, Signature, Type, Value};

const S: Type = Type::String;

/// Ranges whose answers are kept, and versions of each.
const ANSWERS: usize = 32;

const POINTER: Type = Type::Object("*semver.Version");

pub(super) fn register(table: &mut FunctionTable) {
    table.add("semver", fixed(&[S]), |_, a| Ok(Value::object(parse(a[0].str())?)));
    // A chart asks the same few questions in each of its templates.
    let answers: RefCell<BTreeMap<String, Vec<(String, bool)>>> = RefCell::default();
    table.add("semverCompare", fixed(&[S, S]), move |_, a| {
        let (range, version) = (a[0].str(), a[1].str());
        let mut answers = answers.borrow_mut();
        let known = answers.get(range).and_then(|known| known.iter().find(|(asked, _)| asked == version));
        if let Some((_, fits)) = known {
            return Ok((*fits).into());
        }
        let constraint = Constraint::parse(range).map_err(|error| FuncError::new(error.to_string()))?;
        let fits = constraint.check(&parse(version)?);
        if answers.len() < ANSWERS {
            let known = answers.entry(range.to_owned()).or_default();
            if known.len() < ANSWERS {
                known.push((version.to_owned(), fits));
            }
        }
        Ok(fits.into())
    });
}

fn parse(text: &str) -> Result<Version, FuncError> {
    Version::parse(text).map_err(|error| FuncError::new(error.to_string()))
}

impl Object for Version {
    fn type_name(&self) -> &'static str {
        "*semver.Version"
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// Go's fields have names that templates cannot see; `printf` prints them where a verb asks for more than the text.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("major", Value::Uint64(self.major)),
            ("minor", Value::Uint64(self.minor)),
            ("patch", Value::Uint64(self.patch)),
            ("pre", self.prerelease.as_str().into()),
            ("metadata", self.metadata.as_str().into()),
            ("original", self.original.as_str().into()),
        ]
    }

    fn methods(&self) -> &'static [Method] {
        METHODS
    }

    fn string(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn json(&self) -> Option<serde_json::Value> {
        Some(self.to_string().into())
    }

    fn equals(&self, _other: &dyn Object) -> bool {
        false
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Go's `semver.Version` as a value of its own, not a pointer: only the methods that need none.
#[derive(Debug)]
struct Plain(Version);

impl Object for Plain {
    fn type_name(&self) -> &'static str {
        "semver.Version"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn methods(&self) -> &'static [Method] {
        PLAIN_METHODS
    }

    fn string(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn json(&self) -> Option<serde_json::Value> {
        Some(self.0.to_string().into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn numbers(major: u64, minor: u64, patch: u64) -> Value {
    let original = format!("{major}.{minor}.{patch}");
    Value::object(Plain(Version { major, minor, patch, prerelease: String::new(), metadata: String::new(), original }))
}

const NONE: Signature = Signature::new(&[]);
const OTHER: Signature = Signature::new(&[POINTER]);

static PLAIN_METHODS: &[Method] = &[
    Method { name: "Major", signature: NONE, call: |_, v, _| Ok(own(v, |v| Value::Uint64(v.major))) },
    Method { name: "Minor", signature: NONE, call: |_, v, _| Ok(own(v, |v| Value::Uint64(v.minor))) },
    Method { name: "Patch", signature: NONE, call: |_, v, _| Ok(own(v, |v| Value::Uint64(v.patch))) },
    Method { name: "Prerelease", signature: NONE, call: |_, v, _| Ok(own(v, |v| v.prerelease.as_str().into())) },
    Method { name: "Metadata", signature: NONE, call: |_, v, _| Ok(own(v, |v| v.metadata.as_str().into())) },
    Method { name: "String", signature: NONE, call: |_, v, _| Ok(own(v, |v| v.to_string().into())) },
    INC_MAJOR,
    INC_MINOR,
    INC_PATCH,
];

const INC_MAJOR: Method = Method {
    name: "IncMajor",
    signature: NONE,
    call: |_, v, _| Ok(own(v, |v| numbers(v.major.wrapping_add(1), 0, 0))),
};
const INC_MINOR: Method = Method {
    name: "IncMinor",
    signature: NONE,
    call: |_, v, _| Ok(own(v, |v| numbers(v.major, v.minor.wrapping_add(1), 0))),
};
/// Of a pre-release, the release is next.
const INC_PATCH: Method = Method {
    name: "IncPatch",
    signature: NONE,
    call: |_, v, _| Ok(own(v, |v| numbers(v.major, v.minor, v.patch.wrapping_add(u64::from(v.prerelease.is_empty()))))),
};

static METHODS: &[Method] = &[
    INC_MAJOR,
    INC_MINOR,
    INC_PATCH,
    Method { name: "Major", signature: NONE, call: |_, v, _| Ok(own(v, |v| Value::Uint64(v.major))) },
    Method { name: "Minor", signature: NONE, call: |_, v, _| Ok(own(v, |v| Value::Uint64(v.minor))) },
    Method { name: "Patch", signature: NONE, call: |_, v, _| Ok(own(v, |v| Value::Uint64(v.patch))) },
    Method { name: "Prerelease", signature: NONE, call: |_, v, _| Ok(own(v, |v| v.prerelease.as_str().into())) },
    Method { name: "Metadata", signature: NONE, call: |_, v, _| Ok(own(v, |v| v.metadata.as_str().into())) },
    Method { name: "Original", signature: NONE, call: |_, v, _| Ok(own(v, |v| v.original.as_str().into())) },
    Method { name: "String", signature: NONE, call: |_, v, _| Ok(own(v, |v| v.to_string().into())) },
    Method {
        name: "Compare",
        signature: OTHER,
        call: |_, v, a| Ok(Value::Int(order(v, a).map_or(0, |order| order as i64))),
    },
    Method { name: "Equal", signature: OTHER, call: |_, v, a| Ok((order(v, a) == Some(Ordering::Equal)).into()) },
    Method { name: "LessThan", signature: OTHER, call: |_, v, a| Ok((order(v, a) == Some(Ordering::Less)).into()) },
    Method {
        name: "GreaterThan",
        signature: OTHER,
        call: |_, v, a| Ok((order(v, a) == Some(Ordering::Greater)).into()),
    },
];

fn own(value: &Value, read: impl Fn(&Version) -> Value) -> Value {
    value.downcast::<Version>().or_else(|| Some(&value.downcast::<Plain>()?.0)).map(read).unwrap_or_default()
}

fn order(value: &Value, args: &[Value]) -> Option<Ordering> {
    Some(value.downcast::<Version>()?.compare(args.first()?.downcast::<Version>()?))
}
