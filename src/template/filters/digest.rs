//! Filters of hashes, passwords and encodings.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::super::fault::{Fault, R};
use super::super::value::Value;
use super::{Bound, Filter, filter};

pub const FILTERS: [Filter; 7] = [
    filter(&["b64encode"], "string encoding= urlsafe=", |_, a| {
        let bytes = encode(&a.text(0)?, &a.text_or(1, "utf-8")?)?;
        Ok(Value::str(if a.is(2)? { URL_SAFE.encode(bytes) } else { STANDARD.encode(bytes) }))
    }),
    filter(&["b64decode"], "string encoding= urlsafe=", |_, a| {
        let text: String = a.text(0)?.chars().filter(|c| c.is_ascii_alphanumeric() || "+/-_=".contains(*c)).collect();
        let bytes = if a.is(2)? { URL_SAFE.decode(&text) } else { STANDARD.decode(&text) };
        let bytes = bytes.map_err(|error| Fault::new(format!("this is no base64: {error}")))?;
        decode(bytes, &a.text_or(1, "utf-8")?).map(Value::str)
    }),
    filter(&["hash"], "data hashtype=", |_, a| hash(&a.text(0)?, &a.text_or(1, "sha1")?).map(Value::str)),
    filter(&["sha1", "checksum"], "data", |_, a| hash(&a.text(0)?, "sha1").map(Value::str)),
    filter(&["md5"], "data", |_, a| hash(&a.text(0)?, "md5").map(Value::str)),
    filter(&["to_uuid"], "string namespace=", to_uuid),
    filter(&["password_hash"], "password hashtype= salt= salt_size= rounds= ident=", |_, a| {
        super::super::crypt::password_hash(a).map(Value::str)
    }),
];

fn encode(text: &str, encoding: &str) -> R<Vec<u8>> {
    match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => Ok(text.as_bytes().to_vec()),
        "utf-16-le" | "utf-16le" => Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        "utf-16-be" | "utf-16be" => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        "latin-1" | "latin1" | "iso-8859-1" | "ascii" => {
            let byte =
                |c: char| u8::try_from(u32::from(c)).map_err(|_| Fault::new(format!("`{c}` is not in {encoding}")));
            text.chars().map(byte).collect()
        }
        other => Err(Fault::new(format!("the encoding {other} is not supported here"))),
    }
}

fn decode(bytes: Vec<u8>, encoding: &str) -> R<String> {
    let fail = || Fault::new(format!("what is encoded is no text in {encoding}"));
    let units = |from: fn([u8; 2]) -> u16| -> R<String> {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| from([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| fail())
    };
    match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => String::from_utf8(bytes).map_err(|_| fail()),
        "utf-16-le" | "utf-16le" => units(u16::from_le_bytes),
        "utf-16-be" | "utf-16be" => units(u16::from_be_bytes),
        "latin-1" | "latin1" | "iso-8859-1" | "ascii" => Ok(bytes.into_iter().map(char::from).collect()),
        other => Err(Fault::new(format!("the encoding {other} is not supported here"))),
    }
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(text: &str, kind: &str) -> R<String> {
    Ok(match kind {
        "md5" => hex(md5::Md5::digest(text)),
        "sha1" => hex(Sha1::digest(text)),
        "sha224" => hex(Sha224::digest(text)),
        "sha256" => hex(Sha256::digest(text)),
        "sha384" => hex(Sha384::digest(text)),
        "sha512" => hex(Sha512::digest(text)),
        other => return Err(no_hash(other)),
    })
}

fn no_hash(kind: &str) -> Box<Fault> {
    Fault::new(format!("the hash {kind} is not supported here"))
        .hint("there are md5, sha1, sha224, sha256, sha384 and sha512")
}

/// Fails unless there is a hash of this name.
pub fn known_hash(kind: &str) -> R<()> {
    hash("", kind).map(drop)
}

fn to_uuid(_: &super::Interp, a: &Bound) -> R<Value> {
    let namespace = a.text_or(1, "361E6D51-FAEC-444A-9079-341386DA8E2E")?;
    let digits: String = namespace.chars().filter(char::is_ascii_hexdigit).collect();
    let bytes = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32);
    let bytes = bytes.ok_or_else(|| Fault::new(format!("Invalid value '{namespace}' for 'namespace'")))?;
    let mut input = bytes.to_be_bytes().to_vec();
    input.extend(a.text(0)?.as_bytes());
    let digest = Sha1::digest(&input);
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id[6] = (id[6] & 0x0f) | 0x50;
    id[8] = (id[8] & 0x3f) | 0x80;
    let text = hex(id);
    Ok(Value::str(format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])))
}
