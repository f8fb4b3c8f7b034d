//! What each function does with the containers that it is given ([`Touch`]): traced renders and the analysis of charts ask here.
//! A function that is not named reads all of its arguments.

use crate::template::Touch;

/// What the function or builtin of this name does with its arguments.
#[must_use]
pub fn touch(name: &str) -> Touch {
    match name {
        "kindOf" | "kindIs" | "typeOf" | "typeIs" | "typeIsLike" => Touch::Nothing,
        "and" | "or" | "not" | "default" | "empty" | "coalesce" | "required" | "ternary" | "all" | "any" => {
            Touch::Choose
        }
        "dict" => Touch::Dict,
        "list" | "tuple" => Touch::List,
        "include" => Touch::Include,
        "tpl" => Touch::Text,
        "get" | "hasKey" | "index" => Touch::Get,
        "dig" => Touch::Dig,
        "pluck" => Touch::Pluck,
        "pick" => Touch::Pick,
        "keys" => Touch::Keys,
        "set" | "unset" => Touch::Set,
        "merge" | "mustMerge" | "mergeOverwrite" | "mustMergeOverwrite" => Touch::Merge,
        "deepCopy" | "mustDeepCopy" => Touch::Copy,
        "values" | "first" | "mustFirst" | "last" | "mustLast" | "rest" | "mustRest" | "initial" | "mustInitial"
        | "append" | "mustAppend" | "push" | "mustPush" | "prepend" | "mustPrepend" | "concat" | "reverse"
        | "mustReverse" | "uniq" | "mustUniq" | "without" | "mustWithout" | "compact" | "mustCompact" | "slice"
        | "mustSlice" | "chunk" | "mustChunk" | "omit" => Touch::Elements,
        "fromYaml" | "fromYamlArray" | "fromJson" | "fromJsonArray" | "mustFromJson" | "fromToml" | "call" => {
            Touch::Parse
        }
        "lookup"
        | "getHostByName"
        | "now"
        | "ago"
        | "date"
        | "htmlDate"
        | "uuidv4"
        | "shuffle"
        | "randAlpha"
        | "randAlphaNum"
        | "randAscii"
        | "randBytes"
        | "randInt"
        | "randNumeric"
        | "genPrivateKey"
        | "genCA"
        | "genCAWithKey"
        | "genSelfSignedCert"
        | "genSelfSignedCertWithKey"
        | "genSignedCert"
        | "genSignedCertWithKey"
        | "bcrypt"
        | "htpasswd"
        | "encryptAES" => Touch::World,
        _ => Touch::Whole,
    }
}
