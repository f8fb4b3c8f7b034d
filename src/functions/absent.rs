//! Functions of Helm's that evenkeel does not have yet. A template may name them; only a call fails, and says so.

use super::rest;
use crate::template::{FuncError, FunctionTable};

/// Certificates, passwords and ciphers, and two spellings of formats.
const ABSENT: &[&str] = &[
    "bcrypt",
    "buildCustomCert",
    "decryptAES",
    "derivePassword",
    "encryptAES",
    "fromToml",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "htpasswd",
    "toYamlPretty",
];

pub(super) fn register(table: &mut FunctionTable) {
    for name in ABSENT {
        table.add(name, rest(&[]), move |_, _| {
            Err(FuncError::new(format!("evenkeel does not have the function `{name}` yet")))
        });
    }
}
