//! Checksums.

use sha2::Digest as _;

use super::super::encoding::raw;
use super::super::fixed;
use crate::template::{FunctionTable, Type};

const S: Type = Type::String;

pub(in crate::functions) fn register(table: &mut FunctionTable) {
    table.add("sha1sum", fixed(&[S]), |_, a| Ok(hex(&sha1::Sha1::digest(raw(&a[0]))).into()));
    table.add("sha256sum", fixed(&[S]), |_, a| Ok(hex(&sha2::Sha256::digest(raw(&a[0]))).into()));
    table.add("sha512sum", fixed(&[S]), |_, a| Ok(hex(&sha2::Sha512::digest(raw(&a[0]))).into()));
    table.add("adler32sum", fixed(&[S]), |_, a| Ok(adler32(raw(&a[0])).to_string().into()));
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        assert_eq!(adler32(b"Wikipedia"), 300_286_872);
        assert_eq!(hex(&sha1::Sha1::digest(b"a")), "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8");
    }
}
