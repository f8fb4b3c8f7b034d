//! Keys and certificates as OpenSSL reads them: it is the witness for what is written here by hand.

use std::sync::Arc;

use openssl::pkey::{Id, PKey, Private};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509StoreContext, X509StoreContextRef};

use crate::functions::{Clock, Seeded, Surroundings, register};
use crate::template::{Dialect, Engine, FunctionTable, Limits, MissingKey, Set, Value};

/// What a template renders, with a key and at a moment.
fn rendered(key: &[u8], now: &str, text: &str) -> String {
    let surroundings = Surroundings {
        random: Arc::new(Seeded::new(key)),
        now: Clock::at(now.parse().unwrap()),
        ..Surroundings::default()
    };
    let mut table = FunctionTable::new();
    register(&mut table, &surroundings);
    let mut set = Set::named("gotpl", Dialect::Go1_23);
    set.parse("t", text, &table).unwrap();
    Engine::new(&set, &table, MissingKey::Zero, Limits::default()).execute("t", Value::Nil).unwrap()
}

const NOW: &str = "2025-03-04T05:06:07Z";

/// The PEM blocks of a text, each with what stands before the next.
fn blocks(text: &str) -> Vec<String> {
    text.split_inclusive("-----\n").collect::<Vec<_>>().chunks_exact(2).map(<[&str]>::concat).collect()
}

fn cert(pem: &str) -> X509 {
    X509::from_pem(pem.as_bytes()).unwrap()
}

fn key(pem: &str) -> PKey<Private> {
    PKey::private_key_from_pem(pem.as_bytes()).unwrap()
}

fn verifies(authority: &X509, leaf: &X509) -> bool {
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(authority.clone()).unwrap();
    let mut parameters = openssl::x509::verify::X509VerifyParam::new().unwrap();
    parameters.set_time(NOW.parse::<jiff::Timestamp>().unwrap().as_second());
    store.set_param(&parameters).unwrap();
    let mut context = X509StoreContext::new().unwrap();
    context.init(&store.build(), leaf, &Stack::new().unwrap(), X509StoreContextRef::verify_cert).unwrap()
}

const SIGNED: &str = r#"{{ $ca := genCA "the authority" 365 -}}
{{ $leaf := genSignedCert "*.example.com" (list "10.0.0.1" "::1") (list "example.com" "b") 30 $ca -}}
{{ $ca.Cert }}{{ $ca.Key }}{{ $leaf.Cert }}{{ $leaf.Key }}"#;

#[test]
fn a_signed_certificate_verifies_against_its_authority() {
    let blocks = blocks(&rendered(b"key", NOW, SIGNED));
    let (authority, leaf) = (cert(&blocks[0]), cert(&blocks[2]));
    assert!(blocks[1].starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    assert!(verifies(&authority, &leaf));
    assert!(authority.verify(&key(&blocks[1])).unwrap() && leaf.verify(&key(&blocks[1])).unwrap());
    assert!(leaf.public_key().unwrap().public_eq(&key(&blocks[3])));
    assert!(!leaf.public_key().unwrap().public_eq(&key(&blocks[1])));
    assert!(key(&blocks[3]).rsa().unwrap().check_key().unwrap());
    assert_eq!(key(&blocks[3]).bits(), 2048);
    assert_eq!(leaf.authority_key_id().unwrap().as_slice(), authority.subject_key_id().unwrap().as_slice());
    assert!(leaf.subject_key_id().is_none());
    let names = leaf.subject_alt_names().unwrap();
    let texts: Vec<_> = names.iter().filter_map(|name| name.dnsname()).collect();
    let addresses: Vec<_> = names.iter().filter_map(|name| name.ipaddress()).map(<[u8]>::len).collect();
    assert_eq!((texts, addresses), (vec!["example.com", "b"], vec![4, 16]));
    assert_eq!(leaf.not_before().diff(leaf.not_after()).unwrap().days, 30);
    assert_ne!(authority.serial_number().to_bn().unwrap(), leaf.serial_number().to_bn().unwrap());
    let stranger = self::blocks(&rendered(b"another key", NOW, SIGNED));
    assert!(!verifies(&cert(&stranger[0]), &leaf));
}

#[test]
fn keys_of_every_kind_sign_and_are_read_again() {
    for (kind, id, begin) in [
        ("ecdsa", Id::EC, "-----BEGIN EC PRIVATE KEY-----\n"),
        ("ed25519", Id::ED25519, "-----BEGIN PRIVATE KEY-----\n"),
    ] {
        let text = format!(
            r#"{{{{ $key := genPrivateKey "{kind}" }}}}{{{{ $key }}}}{{{{ $ca := genCAWithKey "ca" 10 $key }}}}{{{{ $ca.Cert }}}}{{{{ $ca.Key -}}}}
            {{{{ (genSignedCertWithKey "leaf" nil (list "x") 5 $ca (genPrivateKey "{kind}")).Cert -}}}}
            {{{{ (genSelfSignedCertWithKey "self" nil (list "x") 5 $key).Cert }}}}"#
        );
        let blocks = blocks(&rendered(b"key", NOW, &text));
        assert!(blocks[0].starts_with(begin), "{kind}");
        assert_eq!(blocks[0], blocks[2], "{kind}: the key comes back as it was given");
        assert_eq!(key(&blocks[0]).id(), id);
        assert!(verifies(&cert(&blocks[1]), &cert(&blocks[3])), "{kind}");
        assert!(verifies(&cert(&blocks[4]), &cert(&blocks[4])), "{kind}");
    }
}

#[test]
fn a_dsa_key_has_its_five_numbers() {
    use super::der;
    let text = rendered(b"key", NOW, r#"{{ genPrivateKey "dsa" }}"#);
    let (kind, bytes) = super::pem::read(&text).unwrap();
    assert_eq!(kind, "DSA PRIVATE KEY");
    let (_, mut rest, _) = der::first(&bytes).unwrap();
    let mut numbers = Vec::new();
    while let Some((_, number, behind)) = der::first(rest) {
        numbers.push(openssl::bn::BigNum::from_slice(number).unwrap());
        rest = behind;
    }
    let [_, p, q, g, y, x] = &numbers[..] else { panic!("{} numbers", numbers.len()) };
    let mut ctx = openssl::bn::BigNumContext::new().unwrap();
    let mut raised = openssl::bn::BigNum::new().unwrap();
    assert_eq!((p.num_bits(), q.num_bits()), (2048, 256));
    raised.mod_exp(g, q, p, &mut ctx).unwrap();
    assert_eq!(raised, openssl::bn::BigNum::from_u32(1).unwrap(), "g is of order q");
    raised.mod_exp(g, x, p, &mut ctx).unwrap();
    assert_eq!(&raised, y);
}

#[test]
fn certificates_stay_until_half_of_their_time_is_over() {
    let text = r#"{{ $ca := genCA "ca" 100 }}{{ $ca.Cert }}{{ $ca.Key }}"#;
    let start = NOW.parse::<jiff::Timestamp>().unwrap();
    let day =
        |days: i64| blocks(&rendered(b"key", &(start + jiff::SignedDuration::from_hours(24 * days)).to_string(), text));
    let all: Vec<Vec<String>> = (0..=100).step_by(5).map(day).collect();
    let mut distinct: Vec<&String> = all.iter().map(|blocks| &blocks[0]).collect();
    distinct.dedup();
    assert!((2..=4).contains(&distinct.len()), "{} certificates in 100 days", distinct.len());
    assert!(all.iter().all(|blocks| blocks[1] == all[0][1]), "the key stays");
    let serials: std::collections::BTreeSet<_> = distinct
        .iter()
        .map(|pem| cert(pem).serial_number().to_bn().unwrap().to_hex_str().unwrap().to_string())
        .collect();
    assert_eq!(serials.len(), distinct.len(), "each certificate has a number of its own");
    for (blocks, days) in all.iter().zip((0..=100).step_by(5)) {
        let now = openssl::asn1::Asn1Time::from_unix((start + jiff::SignedDuration::from_hours(24 * days)).as_second())
            .unwrap();
        let cert = cert(&blocks[0]);
        assert!(cert.not_before() <= &*now);
        assert!(now.diff(cert.not_after()).unwrap().days >= 49, "at least half of its time is left");
    }
}

#[test]
fn ciphers_and_hashes_come_back() {
    let text =
        r#"{{ encryptAES "k" "some text" | decryptAES "k" }} {{ bcrypt "secret" }} {{ htpasswd "user" "secret" }}"#;
    let out = rendered(b"key", NOW, text);
    let parts: Vec<&str> = out.rsplitn(3, ' ').collect();
    assert_eq!(parts[2], "some text");
    assert!(bcrypt::verify("secret", parts[1]).unwrap() && parts[1].starts_with("$2a$10$"));
    assert!(bcrypt::verify("secret", parts[0].strip_prefix("user:").unwrap()).unwrap());
    assert_eq!(out, rendered(b"key", NOW, text), "sticky");
}
