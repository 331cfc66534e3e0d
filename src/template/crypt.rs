//! Password hashes as passlib and crypt(3) make them: SHA-256, SHA-512, MD5 and bcrypt.

use md5::{Digest, Md5};
use sha2::{Sha256, Sha512};

use super::fault::{Fault, R};
use super::filters::Bound;

const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The filter `password_hash`, for its arguments.
pub fn password_hash(a: &Bound) -> R<String> {
    let kind = a.text_or(1, "sha512")?;
    let rounds = a.int(4)?.and_then(|rounds| u32::try_from(rounds).ok()).filter(|rounds| *rounds > 0);
    let salt = match a.value(2) {
        super::value::Value::None => String::new(),
        salt => super::python::text(&salt)?,
    };
    if matches!(kind.as_str(), "blowfish" | "bcrypt") {
        return bcrypt(a, &salt, rounds.unwrap_or(12));
    }
    let most = if matches!(kind.as_str(), "md5" | "md5_crypt") { 8 } else { 16 };
    let size = a.int(3)?.and_then(|size| usize::try_from(size).ok()).unwrap_or(most).min(most);
    let salt = if salt.is_empty() { random_salt(size)? } else { salt };
    if let Some(bad) = salt.chars().find(|c| !c.is_ascii() || !LETTERS.contains(&(*c as u8))) {
        return Err(Fault::new(format!("invalid character {bad:?} in the salt"))
            .hint("a salt has letters, digits, `.` and `/`"));
    }
    if salt.len() > most {
        return Err(Fault::new(format!("the salt is too large ({kind} takes at most {most} characters)")));
    }
    let password = a.string(0)?;
    match kind.as_str() {
        "sha512" | "sha512_crypt" => {
            Ok(sha_crypt::<Sha512>(password.as_bytes(), &salt, rounds.unwrap_or(656_000), &SHA512))
        }
        "sha256" | "sha256_crypt" => {
            Ok(sha_crypt::<Sha256>(password.as_bytes(), &salt, rounds.unwrap_or(535_000), &SHA256))
        }
        "md5" | "md5_crypt" if rounds.is_some() => Err(Fault::new("md5 takes no rounds")),
        "md5" | "md5_crypt" => Ok(md5_crypt(password.as_bytes(), &salt)),
        other => {
            Err(Fault::new(format!("{other} is not in the list of supported algorithms: bcrypt, md5, sha256, sha512")))
        }
    }
}

/// bcrypt has its own letters for a salt: 22 of them are 16 bytes, and what is left of the last is nothing.
fn bcrypt(a: &Bound, salt: &str, rounds: u32) -> R<String> {
    const ITS_LETTERS: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let version = match a.text_or(5, "2b")?.as_str() {
        "2a" => bcrypt::Version::TwoA,
        "2b" => bcrypt::Version::TwoB,
        "2y" => bcrypt::Version::TwoY,
        other => return Err(Fault::new(format!("bcrypt's ident `{other}` is not supported here")).hint("use 2b")),
    };
    if !(4..=31).contains(&rounds) {
        return Err(Fault::new(format!("bcrypt takes 4 to 31 rounds, not {rounds}")));
    }
    let password = a.string(0)?;
    if password.contains('\0') {
        return Err(Fault::new("bcrypt takes no password with a NUL in it"));
    }
    let mut bytes = [0_u8; 16];
    if salt.is_empty() {
        bytes.copy_from_slice(&super::chance::system(16)?);
    } else {
        let wrong = || Fault::new("bcrypt takes a salt of exactly 22 letters, digits, `.` and `/`");
        if salt.len() != 22 {
            return Err(wrong());
        }
        let mut bits: u32 = 0;
        let mut at = 0;
        for (count, letter) in salt.bytes().enumerate() {
            let value = ITS_LETTERS.iter().position(|known| *known == letter).ok_or_else(wrong)?;
            bits = (bits << 6) | u32::try_from(value).unwrap_or(0);
            let held = (count + 1) * 6 - at * 8;
            if held >= 8 && at < 16 {
                bytes[at] = (bits >> (held - 8)).to_le_bytes()[0];
                at += 1;
            }
        }
    }
    let hashed = bcrypt::hash_with_salt(password.as_bytes(), rounds, bytes);
    let hashed = hashed.map_err(|error| Fault::new(format!("bcrypt fails: {error}")))?;
    Ok(hashed.format_for_version(version))
}

/// A salt that nobody can guess.
fn random_salt(size: usize) -> R<String> {
    let bytes = super::chance::system(size)?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 63)])).collect())
}

struct Kind {
    prefix: &'static str,
    /// The bytes of the digest in the order in which they are written, three and three.
    order: &'static [[usize; 3]],
    /// The bytes that are left over, and how many letters they give.
    last: &'static [usize],
    letters: usize,
}

const SHA512: Kind = Kind {
    prefix: "$6$",
    order: &[
        [0, 21, 42],
        [22, 43, 1],
        [44, 2, 23],
        [3, 24, 45],
        [25, 46, 4],
        [47, 5, 26],
        [6, 27, 48],
        [28, 49, 7],
        [50, 8, 29],
        [9, 30, 51],
        [31, 52, 10],
        [53, 11, 32],
        [12, 33, 54],
        [34, 55, 13],
        [56, 14, 35],
        [15, 36, 57],
        [37, 58, 16],
        [59, 17, 38],
        [18, 39, 60],
        [40, 61, 19],
        [62, 20, 41],
    ],
    last: &[63],
    letters: 2,
};

const SHA256: Kind = Kind {
    prefix: "$5$",
    order: &[
        [0, 10, 20],
        [21, 1, 11],
        [12, 22, 2],
        [3, 13, 23],
        [24, 4, 14],
        [15, 25, 5],
        [6, 16, 26],
        [27, 7, 17],
        [18, 28, 8],
        [9, 19, 29],
    ],
    last: &[31, 30],
    letters: 3,
};

fn letters(out: &mut String, mut value: u32, count: usize) {
    for _ in 0..count {
        out.push(char::from(LETTERS[(value & 63) as usize]));
        value >>= 6;
    }
}

fn sha_crypt<D: Digest>(password: &[u8], salt: &str, rounds: u32, kind: &Kind) -> String {
    let rounds = rounds.clamp(1000, 999_999_999);
    let repeated = |digest: &[u8], len: usize| digest.iter().copied().cycle().take(len).collect::<Vec<u8>>();
    let alternate = D::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first =
        D::new().chain_update(password).chain_update(salt).chain_update(repeated(&alternate, password.len()));
    let mut bits = password.len();
    while bits > 0 {
        if bits & 1 == 1 {
            first.update(&alternate);
        } else {
            first.update(password);
        }
        bits >>= 1;
    }
    let mut digest = first.finalize();
    let mut of_password = D::new();
    for _ in 0..password.len() {
        of_password.update(password);
    }
    let p = repeated(&of_password.finalize(), password.len());
    let mut of_salt = D::new();
    for _ in 0..16 + usize::from(digest[0]) {
        of_salt.update(salt);
    }
    let s = repeated(&of_salt.finalize(), salt.len());
    for round in 0..rounds {
        let mut next = D::new();
        if round & 1 == 1 {
            next.update(&p)
        } else {
            next.update(&digest)
        }
        if round % 3 != 0 {
            next.update(&s);
        }
        if round % 7 != 0 {
            next.update(&p);
        }
        if round & 1 == 1 {
            next.update(&digest)
        } else {
            next.update(&p)
        }
        digest = next.finalize();
    }
    let mut out = String::from(kind.prefix);
    if rounds != 5000 {
        out.push_str(&format!("rounds={rounds}$"));
    }
    out.push_str(salt);
    out.push('$');
    for three in kind.order {
        let value = three.iter().fold(0, |value, at| value << 8 | u32::from(digest[*at]));
        letters(&mut out, value, 4);
    }
    let value = kind.last.iter().fold(0, |value, at| value << 8 | u32::from(digest[*at]));
    letters(&mut out, value, kind.letters);
    out
}

fn md5_crypt(password: &[u8], salt: &str) -> String {
    let alternate = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update("$1$").chain_update(salt);
    first.update(alternate.iter().copied().cycle().take(password.len()).collect::<Vec<u8>>());
    let mut bits = password.len();
    while bits > 0 {
        if bits & 1 == 1 {
            first.update([0]);
        } else {
            first.update(&password[..1]);
        }
        bits >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        if round & 1 == 1 {
            next.update(password)
        } else {
            next.update(digest)
        }
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        if round & 1 == 1 {
            next.update(digest)
        } else {
            next.update(password)
        }
        digest = next.finalize();
    }
    let mut out = format!("$1${salt}$");
    for three in [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]] {
        let value = three.iter().fold(0, |value, at| value << 8 | u32::from(digest[*at]));
        letters(&mut out, value, 4);
    }
    letters(&mut out, u32::from(digest[11]), 2);
    out
}
