//! X.509 certificates: `genCA`, `genSelfSignedCert`, `genSignedCert`, each with a key of the caller's too, and
//! `buildCustomCert`. They have the fields and extensions, in the order, of sprig's (Go's `x509.CreateCertificate`).

use core::net::IpAddr;
use std::any::Any;

use jiff::Timestamp;
use openssl::hash::{MessageDigest, hash};
use openssl::md::Md;
use openssl::pkey::{Id, PKey, Private};
use openssl::pkey_ctx::{NonceType, PkeyCtx};
use openssl::sign::Signer;
use openssl::x509::X509;

use super::super::encoding::{decode64, raw};
use super::super::random::{Draw, Stream};
use super::super::{Clock, Surroundings, fixed};
use super::keys::Key;
use super::{der, pem};
use crate::go::quote::quote;
use crate::template::{FuncError, FunctionTable, Kind, Object, Type, Value};

const S: Type = Type::String;
const I: Type = Type::Int;
const L: Type = Type::ANY_LIST;
const C: Type = Type::Object(NAME);

/// Sprig's name of the type.
const NAME: &str = "sprig.certificate";

/// Bits of the keys that are made for certificates.
const BITS: usize = 2048;

/// Nanoseconds of a day.
const DAY: i64 = 24 * 3_600 * 1_000_000_000;

pub(super) fn register(table: &mut FunctionTable, surroundings: &Surroundings) {
    let new = |name: &'static str| Maker { draw: Draw::new(surroundings, name), now: surroundings.now.clone() };
    let maker = new("genCA");
    table.add("genCA", fixed(&[S, I]), move |ctx, a| {
        let mut stream = maker.draw.stream(ctx);
        maker.make(&mut stream, None, Request::of(&a[0], None, None, &a[1]).authority(), Issuer::Itself)
    });
    let maker = new("genCAWithKey");
    table.add("genCAWithKey", fixed(&[S, I, S]), move |ctx, a| {
        let mut stream = maker.draw.stream(ctx);
        maker.make(&mut stream, Some(&a[2]), Request::of(&a[0], None, None, &a[1]).authority(), Issuer::Itself)
    });
    let maker = new("genSelfSignedCert");
    table.add("genSelfSignedCert", fixed(&[S, L, L, I]), move |ctx, a| {
        let mut stream = maker.draw.stream(ctx);
        maker.make(&mut stream, None, Request::of(&a[0], Some(&a[1]), Some(&a[2]), &a[3]), Issuer::Itself)
    });
    let maker = new("genSelfSignedCertWithKey");
    table.add("genSelfSignedCertWithKey", fixed(&[S, L, L, I, S]), move |ctx, a| {
        let mut stream = maker.draw.stream(ctx);
        maker.make(&mut stream, Some(&a[4]), Request::of(&a[0], Some(&a[1]), Some(&a[2]), &a[3]), Issuer::Itself)
    });
    let maker = new("genSignedCert");
    table.add("genSignedCert", fixed(&[S, L, L, I, C]), move |ctx, a| {
        let mut stream = maker.draw.stream(ctx);
        let request = Request::of(&a[0], Some(&a[1]), Some(&a[2]), &a[3]);
        maker.make(&mut stream, None, request, Issuer::Authority(&a[4]))
    });
    let maker = new("genSignedCertWithKey");
    table.add("genSignedCertWithKey", fixed(&[S, L, L, I, C, S]), move |ctx, a| {
        let mut stream = maker.draw.stream(ctx);
        let request = Request::of(&a[0], Some(&a[1]), Some(&a[2]), &a[3]);
        maker.make(&mut stream, Some(&a[5]), request, Issuer::Authority(&a[4]))
    });
    table.add("buildCustomCert", fixed(&[S, S]), |_, a| custom(&a[0], &a[1]));
}

/// A certificate and its key, in PEM.
#[derive(Debug)]
struct Certificate {
    cert: String,
    key: String,
}

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.cert.as_str().into()),
            "Key" => Some(self.key.as_str().into()),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", self.cert.as_str().into()), ("Key", self.key.as_str().into())]
    }

    fn field_type(&self, _name: &str) -> Type {
        Type::String
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| self.cert == other.cert && self.key == other.key)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What a certificate is to say.
struct Request<'a> {
    name: &'a str,
    addresses: Option<&'a Value>,
    names: Option<&'a Value>,
    days: i64,
    is_authority: bool,
}

impl<'a> Request<'a> {
    fn of(name: &'a Value, addresses: Option<&'a Value>, names: Option<&'a Value>, days: &Value) -> Self {
        Self { name: name.str(), addresses, names, days: days.as_i64().unwrap_or(0), is_authority: false }
    }

    fn authority(self) -> Self {
        Self { is_authority: true, ..self }
    }
}

enum Issuer<'a> {
    Itself,
    Authority(&'a Value),
}

/// The issuer, ready to sign.
struct Parent {
    subject: Vec<u8>,
    key_id: Option<Vec<u8>>,
    key: Key,
}

/// One function's source of keys, and its clock.
struct Maker {
    draw: Draw,
    now: Clock,
}

impl Maker {
    fn make(
        &self,
        stream: &mut Stream,
        given: Option<&Value>,
        request: Request<'_>,
        issuer: Issuer<'_>,
    ) -> Result<Value, FuncError> {
        let key = match given {
            Some(text) => Key::read(text.str()).map_err(|error| format!("parsing private key: {error}"))?,
            None => Key::rsa(stream, BITS).map_err(|error| format!("error generating rsa key: {error}"))?,
        };
        let parent = match issuer {
            Issuer::Itself => None,
            Issuer::Authority(value) => Some(parent(value)?),
        };
        let addresses = listed(request.addresses).iter().map(address).collect::<Result<Vec<_>, _>>()?;
        let names = listed(request.names).iter().map(alternative).collect::<Result<Vec<_>, _>>()?;
        let bytes = self.signed(stream, &key, &request, parent.as_ref(), &addresses, &names);
        let bytes = bytes.map_err(|error| format!("error creating certificate: {error}"))?;
        Ok(Value::object(Certificate {
            cert: pem::write("CERTIFICATE", &bytes),
            key: key.pem().map_err(|error| format!("error pem-encoding key: {error}"))?,
        }))
    }

    /// When it begins and ends. Sticky certificates begin at the last of the moments that lie half a validity apart, so that a
    /// render repeats itself for that long and always gives one that is valid for as long again.
    fn validity(&self, stream: &mut Stream, days: i64) -> Option<(Timestamp, Timestamp)> {
        let length = days.wrapping_mul(DAY);
        let mut start = self.now.now();
        let half = length / 2_000_000_000;
        if self.draw.is_sticky() && half > 0 {
            let mut bytes = [0; 8];
            stream.fill(&mut bytes);
            let offset = i64::try_from(u64::from_be_bytes(bytes) % half.unsigned_abs()).unwrap_or(0);
            let since = (start.as_second() - offset).rem_euclid(half);
            start = Timestamp::from_second(start.as_second() - since).ok()?;
        }
        Some((start, start.checked_add(jiff::SignedDuration::from_nanos(length)).ok()?))
    }

    fn signed(
        &self,
        stream: &mut Stream,
        key: &Key,
        request: &Request<'_>,
        parent: Option<&Parent>,
        addresses: &[IpAddr],
        names: &[&str],
    ) -> Result<Vec<u8>, String> {
        let signing = match parent.map_or(key, |parent| &parent.key) {
            Key::Signing(signing) => signing,
            Key::Dsa(_) => return Err("x509: certificate private key does not implement crypto.Signer".to_owned()),
        };
        let Key::Signing(key) = key else { return Err("x509: unsupported public key type: *dsa.PublicKey".to_owned()) };
        let (begin, end) = self
            .validity(stream, request.days)
            .ok_or("asn1: structure error: cannot represent time as GeneralizedTime")?;
        let mut serial = [0; 24];
        stream.fill(&mut serial);
        // A certificate that begins anew is another one, and says so.
        let serial = hash(MessageDigest::sha256(), &[&serial[..], &begin.as_second().to_be_bytes()].concat());
        let serial = serial.map_err(|error| error.to_string())?;

        let algorithm = Algorithm::of(signing).ok_or("x509: only RSA, ECDSA and Ed25519 keys supported")?;
        let subject = subject(request.name);
        let issuer = parent.map_or(subject.as_slice(), |parent| &parent.subject);
        let public = key.public_key_to_der().map_err(|error| error.to_string())?;
        let validity = der::element(der::SEQUENCE, &[&der::time(begin), &der::time(end)]);
        let authority = parent.filter(|_| issuer != subject).and_then(|parent| parent.key_id.as_deref());
        let extensions = extensions(request, &public, authority, addresses, names)?;
        let identifier = algorithm.identifier();
        let body = der::element(
            der::SEQUENCE,
            &[
                &der::element(0xa0, &[&der::integer(&[2])]),
                &der::integer(&serial[..16]),
                &identifier,
                issuer,
                &validity,
                &subject,
                &public,
                &der::element(0xa3, &[&der::element(der::SEQUENCE, &[&extensions])]),
            ],
        );
        let signature = algorithm.sign(signing, &body).map_err(|error| error.to_string())?;
        Ok(der::element(der::SEQUENCE, &[&body, &identifier, &der::element(der::BIT_STRING, &[&[0], &signature])]))
    }
}

/// The items of a list; nil has none.
fn listed(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_list).map_or(&[], |list| list.items())
}

fn address(value: &Value) -> Result<IpAddr, FuncError> {
    let Value::String(text) = value else { return Err(format!("error parsing ip: {value} is not a string").into()) };
    text.parse().map_err(|_| format!("error parsing ip: {text}").into())
}

fn alternative(value: &Value) -> Result<&str, FuncError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("error processing alternate dns name: {other} is not a string").into()),
    }
}

fn certificate(text: &str, what: &str) -> Result<X509, FuncError> {
    let Some((_, bytes)) = pem::read(text) else { return Err("unable to decode certificate".into()) };
    X509::from_der(&bytes).map_err(|_| format!("error parsing certificate: {what}: x509: malformed certificate").into())
}

fn parent(authority: &Value) -> Result<Parent, FuncError> {
    let empty = Certificate { cert: String::new(), key: String::new() };
    let held = authority.downcast::<Certificate>().unwrap_or(&empty);
    let cert = certificate(&held.cert, "decodedSignerCert.Bytes")?;
    let key = Key::read(&held.key).map_err(|error| format!("error parsing private key: {error}"))?;
    let failed = |error: openssl::error::ErrorStack| FuncError::new(error.to_string());
    if let Key::Signing(key) = &key
        && !cert.public_key().map_err(failed)?.public_eq(key)
    {
        return Err("error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey".into());
    }
    Ok(Parent {
        subject: cert.subject_name().to_der().map_err(failed)?,
        key_id: cert.subject_key_id().map(|id| id.as_slice().to_vec()),
        key,
    })
}

fn custom(cert: &Value, key: &Value) -> Result<Value, FuncError> {
    let text = |value: &Value, what: &str| {
        let bytes = decode64(raw(value)).map_err(|_| format!("unable to decode base64 {what}"))?;
        Ok::<_, FuncError>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (cert, key) = (text(cert, "certificate")?, text(key, "private key")?);
    certificate(&cert, "decodedCert.Bytes")?;
    Key::read(&key).map_err(|error| format!("error parsing private key: {error}"))?;
    Ok(Value::object(Certificate { cert, key }))
}

/// How a key signs.
#[derive(Clone, Copy)]
enum Algorithm {
    Rsa,
    /// With SHA-2 of this many bits.
    Ecdsa(u16),
    Ed25519,
}

impl Algorithm {
    fn of(key: &PKey<Private>) -> Option<Self> {
        match key.id() {
            Id::RSA => Some(Self::Rsa),
            Id::EC if key.bits() <= 256 => Some(Self::Ecdsa(256)),
            Id::EC if key.bits() <= 384 => Some(Self::Ecdsa(384)),
            Id::EC => Some(Self::Ecdsa(512)),
            Id::ED25519 => Some(Self::Ed25519),
            _ => None,
        }
    }

    fn identifier(self) -> Vec<u8> {
        let (oid, parameters): (&[u8], &[u8]) = match self {
            Self::Rsa => (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11], &[5, 0]),
            Self::Ecdsa(256) => (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2], &[]),
            Self::Ecdsa(384) => (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3], &[]),
            Self::Ecdsa(_) => (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4], &[]),
            Self::Ed25519 => (&[0x2b, 0x65, 0x70], &[]),
        };
        der::element(der::SEQUENCE, &[&der::identifier(oid), parameters])
    }

    /// The same key and bytes always give the same signature.
    fn sign(self, key: &PKey<Private>, bytes: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
        let (digest, md) = match self {
            Self::Rsa => return Signer::new(MessageDigest::sha256(), key)?.sign_oneshot_to_vec(bytes),
            Self::Ed25519 => return Signer::new_without_digest(key)?.sign_oneshot_to_vec(bytes),
            Self::Ecdsa(256) => (MessageDigest::sha256(), Md::sha256()),
            Self::Ecdsa(384) => (MessageDigest::sha384(), Md::sha384()),
            Self::Ecdsa(_) => (MessageDigest::sha512(), Md::sha512()),
        };
        let mut ctx = PkeyCtx::new(key)?;
        ctx.sign_init()?;
        ctx.set_signature_md(md)?;
        ctx.set_nonce_type(NonceType::DETERMINISTIC_K)?;
        let mut signature = Vec::new();
        ctx.sign_to_vec(&hash(digest, bytes)?, &mut signature)?;
        Ok(signature)
    }
}

/// A distinguished name of nothing but a common name.
fn subject(name: &str) -> Vec<u8> {
    if name.is_empty() {
        return der::element(der::SEQUENCE, &[]);
    }
    let attribute = der::element(der::SEQUENCE, &[&der::identifier(&[0x55, 4, 3]), &der::text(name)]);
    der::element(der::SEQUENCE, &[&der::element(der::SET, &[&attribute])])
}

fn extensions(
    request: &Request<'_>,
    public: &[u8],
    authority: Option<&[u8]>,
    addresses: &[IpAddr],
    names: &[&str],
) -> Result<Vec<u8>, String> {
    const CRITICAL: &[u8] = &[1, 1, 0xff];
    const WHENEVER: &[u8] = &[];
    let extension = |id: u8, critical: &[u8], value: &[u8]| {
        let id = der::identifier(&[0x55, 0x1d, id]);
        der::element(der::SEQUENCE, &[&id, critical, &der::element(der::OCTET_STRING, &[value])])
    };
    let purpose = |last: u8| der::identifier(&[0x2b, 6, 1, 5, 5, 7, 3, last]);
    // Digital signature and key encipherment; an authority signs certificates, too.
    let usage: &[u8] = if request.is_authority { &[2, 0xa4] } else { &[5, 0xa0] };
    let constraints: &[u8] = if request.is_authority { CRITICAL } else { &[] };
    let mut all = vec![
        extension(15, CRITICAL, &der::element(der::BIT_STRING, &[usage])),
        extension(37, WHENEVER, &der::element(der::SEQUENCE, &[&purpose(1), &purpose(2)])),
        extension(19, CRITICAL, &der::element(der::SEQUENCE, &[constraints])),
    ];
    if request.is_authority {
        let id = der::element(der::OCTET_STRING, &[&key_id(public)]);
        all.push(extension(14, WHENEVER, &id));
    }
    if let Some(id) = authority {
        all.push(extension(35, WHENEVER, &der::element(der::SEQUENCE, &[&der::element(0x80, &[id])])));
    }
    if !addresses.is_empty() || !names.is_empty() {
        let mut alternatives = Vec::new();
        for name in names {
            if !name.is_ascii() {
                return Err(format!("x509: {} cannot be encoded as an IA5String", quote(name.as_bytes())));
            }
            alternatives.push(der::element(0x82, &[name.as_bytes()]));
        }
        for address in addresses {
            alternatives.push(match address.to_canonical() {
                IpAddr::V4(address) => der::element(0x87, &[&address.octets()]),
                IpAddr::V6(address) => der::element(0x87, &[&address.octets()]),
            });
        }
        let critical = if request.name.is_empty() { CRITICAL } else { WHENEVER };
        all.push(extension(17, critical, &der::element(der::SEQUENCE, &[&alternatives.concat()])));
    }
    Ok(all.concat())
}

/// RFC 5280's first method: the SHA-1 of the public key's bits.
fn key_id(public: &[u8]) -> Vec<u8> {
    use sha1::Digest as _;
    let bits = der::first(public)
        .and_then(|(_, info, _)| der::first(info))
        .and_then(|(_, _, rest)| der::first(rest))
        .map_or(&[][..], |(_, bits, _)| bits.get(1..).unwrap_or_default());
    sha1::Sha1::digest(bits).to_vec()
}
