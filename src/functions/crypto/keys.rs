//! Private keys: `genPrivateKey`, and keys from and to PEM in the forms that Go's `crypto/x509` has.

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::{Rsa, RsaPrivateKeyBuilder};

use super::super::random::{Draw, Stream};
use super::super::{Surroundings, fixed};
use super::{der, pem, primes};
use crate::template::{FunctionTable, Type};

pub(super) fn register(table: &mut FunctionTable, surroundings: &Surroundings) {
    let draw = Draw::new(surroundings, "genPrivateKey");
    table.add("genPrivateKey", fixed(&[Type::String]), move |ctx, a| {
        let mut stream = draw.stream(ctx);
        let key = match a[0].str() {
            "" | "rsa" => Key::rsa(&mut stream, 4096),
            "dsa" => Key::dsa(&mut stream),
            "ecdsa" => Key::ecdsa(&mut stream),
            "ed25519" => Key::ed25519(&mut stream),
            other => return Ok(format!("Unknown type {other}").into()),
        };
        Ok(match key.and_then(|key| key.pem()) {
            Ok(text) => text.into(),
            Err(error) => format!("failed to generate private key: {error}").into(),
        })
    });
}

/// A private key.
pub(super) enum Key {
    /// RSA, ECDSA and Ed25519: what certificates can have.
    Signing(PKey<Private>),
    /// DSA, in its PEM block's bytes. Go signs no certificate with it.
    Dsa(Vec<u8>),
}

impl Key {
    pub(super) fn rsa(stream: &mut Stream, bits: usize) -> Result<Self, ErrorStack> {
        let mut ctx = BigNumContext::new()?;
        let p = primes::for_rsa(stream, bits / 2)?;
        let q = loop {
            let q = primes::for_rsa(stream, bits / 2)?;
            if q != p {
                break q;
            }
        };
        let (one, e) = (BigNum::from_u32(1)?, BigNum::from_u32(primes::EXPONENT)?);
        let number = || BigNum::new();
        let (mut n, mut p1, mut q1, mut order, mut d) = (number()?, number()?, number()?, number()?, number()?);
        n.checked_mul(&p, &q, &mut ctx)?;
        p1.checked_sub(&p, &one)?;
        q1.checked_sub(&q, &one)?;
        order.checked_mul(&p1, &q1, &mut ctx)?;
        d.mod_inverse(&e, &order, &mut ctx)?;
        let (mut dp, mut dq, mut inverse) = (number()?, number()?, number()?);
        dp.nnmod(&d, &p1, &mut ctx)?;
        dq.nnmod(&d, &q1, &mut ctx)?;
        inverse.mod_inverse(&q, &p, &mut ctx)?;
        let rsa = RsaPrivateKeyBuilder::new(n, e, d)?.set_factors(p, q)?.set_crt_params(dp, dq, inverse)?.build();
        Ok(Self::Signing(PKey::from_rsa(rsa)?))
    }

    fn dsa(stream: &mut Stream) -> Result<Self, ErrorStack> {
        let (p, q, g) = primes::for_dsa(stream)?;
        let x = primes::below(stream, &q)?;
        let mut y = BigNum::new()?;
        y.mod_exp(&g, &x, &p, &mut *BigNumContext::new()?)?;
        let numbers: Vec<Vec<u8>> = [p, q, g, y, x].iter().map(|number| der::integer(&number.to_vec())).collect();
        Ok(Self::Dsa(der::element(der::SEQUENCE, &[&der::integer(&[]), &numbers.concat()])))
    }

    fn ecdsa(stream: &mut Stream) -> Result<Self, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let mut ctx = BigNumContext::new()?;
        let mut order = BigNum::new()?;
        group.order(&mut order, &mut ctx)?;
        let secret = primes::below(stream, &order)?;
        let mut public = EcPoint::new(&group)?;
        public.mul_generator2(&group, &secret, &mut ctx)?;
        Ok(Self::Signing(PKey::from_ec_key(EcKey::from_private_components(&group, &secret, &public)?)?))
    }

    fn ed25519(stream: &mut Stream) -> Result<Self, ErrorStack> {
        let mut seed = [0; 32];
        stream.fill(&mut seed);
        Ok(Self::Signing(PKey::private_key_from_raw_bytes(&seed, Id::ED25519)?))
    }

    /// As Go writes it: PKCS #1 for RSA, SEC 1 for elliptic curves, PKCS #8 for Ed25519.
    pub(super) fn pem(&self) -> Result<String, ErrorStack> {
        let key = match self {
            Self::Dsa(bytes) => return Ok(pem::write("DSA PRIVATE KEY", bytes)),
            Self::Signing(key) => key,
        };
        Ok(match key.id() {
            Id::RSA => pem::write("RSA PRIVATE KEY", &key.rsa()?.private_key_to_der()?),
            Id::EC => pem::write("EC PRIVATE KEY", &key.ec_key()?.private_key_to_der()?),
            _ => pem::write("PRIVATE KEY", &key.private_key_to_pkcs8()?),
        })
    }

    /// # Errors
    /// With sprig's words; what is wrong inside of a block is told in fewer than Go's.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let Some((kind, bytes)) = pem::read(text) else { return Err("no PEM data in input".to_owned()) };
        let signing = |key: Result<PKey<Private>, ErrorStack>| key.map(Self::Signing);
        if kind == "PRIVATE KEY" {
            return signing(PKey::private_key_from_pkcs8(&bytes))
                .map_err(|_| format!("decoding PEM as PKCS#8: {}", mistaken(&bytes, Form::Pkcs8)));
        }
        let Some(name) = kind.strip_suffix(" PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {kind}"));
        };
        match name {
            "RSA" => signing(Rsa::private_key_from_der(&bytes).and_then(PKey::from_rsa))
                .map_err(|_| format!("parsing RSA private key from PEM: {}", mistaken(&bytes, Form::Pkcs1))),
            "EC" => signing(EcKey::private_key_from_der(&bytes).and_then(PKey::from_ec_key))
                .map_err(|_| format!("parsing EC private key from PEM: {}", mistaken(&bytes, Form::Sec1))),
            "DSA" => Ok(Self::Dsa(bytes)),
            _ => Err(format!("invalid private key type {kind}")),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Pkcs1,
    Pkcs8,
    Sec1,
}

/// Why bytes are no key of a form: they are one of another, or none.
fn mistaken(bytes: &[u8], wanted: Form) -> String {
    let function = if wanted != Form::Pkcs8 && PKey::private_key_from_pkcs8(bytes).is_ok() {
        "ParsePKCS8PrivateKey"
    } else if wanted != Form::Pkcs1 && Rsa::private_key_from_der(bytes).is_ok() {
        "ParsePKCS1PrivateKey"
    } else if wanted != Form::Sec1 && EcKey::private_key_from_der(bytes).is_ok() {
        "ParseECPrivateKey"
    } else if bytes.is_empty() {
        return "asn1: syntax error: sequence truncated".to_owned();
    } else if wanted == Form::Sec1 {
        return "x509: failed to parse EC private key: asn1: structure error: tags don't match".to_owned();
    } else {
        return "asn1: structure error: tags don't match".to_owned();
    };
    format!("x509: failed to parse private key (use {function} instead for this key format)")
}
