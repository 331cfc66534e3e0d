//! A vault as a text: a first line that says what it is, then the body in hexadecimal digits, twice.

use super::cipher::{BLOCK, Sealed};

/// What every vault begins with.
pub const HEADER: &str = "$ANSIBLE_VAULT";

/// The id of a vault that names none.
pub const DEFAULT: &str = "default";

/// How many digits a line of the body has.
const WIDTH: usize = 80;

/// A vault's text, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The id that it names.
    pub id: Option<String>,
    /// Its body.
    pub sealed: Sealed,
}

/// What is wrong with a vault's text, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}

const AGAIN: &str = "take the file from your version control or a backup: a part of it is lost";
const LINES: &str = "copy it again whole: each line but the last has 80 digits and nothing else";

fn damage<T>(message: impl Into<String>, hint: &'static str) -> Result<T, Damage> {
    Err(Damage { message: message.into(), hint })
}

/// Takes a vault's text apart.
pub fn parse(text: &str) -> Result<Envelope, Damage> {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().trim();
    let Some(rest) = first.strip_prefix(HEADER) else {
        return damage(
            format!("it does not begin with `{HEADER};`"),
            "a vault's first line is $ANSIBLE_VAULT;1.1;AES256, without anything before it",
        );
    };
    let fields: Vec<&str> = rest.split(';').map(str::trim).collect();
    let ["", version, cipher, ids @ ..] = fields.as_slice() else {
        return damage(
            format!("its first line `{}` is cut off", short(first)),
            "a vault's first line is $ANSIBLE_VAULT;1.1;AES256, or $ANSIBLE_VAULT;1.2;AES256;ID",
        );
    };
    if !matches!(*version, "1.1" | "1.2") {
        return damage(
            format!("its format is `{}`, and 1.1 and 1.2 are known", short(version)),
            "rekey it with a current ansible-vault, which writes 1.1 or 1.2",
        );
    }
    if *cipher != "AES256" {
        return damage(
            format!("its cipher is `{}`, and vaults are AES256", short(cipher)),
            "rekey it with a current ansible-vault, which writes AES256",
        );
    }
    let id = ids.first().filter(|id| !id.is_empty()).map(|id| (*id).to_owned());
    Ok(Envelope { id, sealed: body(lines)? })
}

fn short(text: &str) -> String {
    text.chars().take(40).collect::<String>().escape_debug().to_string()
}

/// Reads the lines after the first.
fn body<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Sealed, Damage> {
    let mut digits = String::new();
    for (index, line) in lines.enumerate() {
        let line = line.trim();
        if let Some(column) = line.bytes().position(|byte| !byte.is_ascii_hexdigit()) {
            let wrong: String = line.get(column..).into_iter().flat_map(str::chars).take(1).collect();
            return damage(
                format!(
                    "its line {} has `{}` in column {}, where a hexadecimal digit has to be",
                    index + 2,
                    wrong.escape_debug(),
                    column + 1
                ),
                LINES,
            );
        }
        digits.push_str(line);
    }
    if digits.is_empty() {
        return damage("it ends after its first line", AGAIN);
    }
    let Some(inner) = unhex(digits.as_bytes()) else {
        return damage(format!("its body has {} digits, which is an odd number: one is missing", digits.len()), AGAIN);
    };
    let mut parts = inner.splitn(3, |byte| *byte == b'\n');
    let (Some(salt), Some(code), Some(ciphertext)) = (parts.next(), parts.next(), parts.next()) else {
        return damage("its body does not have three parts: the end is missing, or lines are mixed up", AGAIN);
    };
    let Some(salt) = unhex(salt).filter(|salt| !salt.is_empty()) else {
        return damage("its first part, the salt, is not in hexadecimal digits: the beginning was changed", AGAIN);
    };
    let Some(code) = unhex(code).filter(|code| code.len() == 32) else {
        return damage("its second part, the code, is not of 64 hexadecimal digits: it was changed", AGAIN);
    };
    if ciphertext.is_empty() {
        return damage("its third part, the ciphertext, is empty: the end is missing", AGAIN);
    }
    let Some(ciphertext) = unhex(ciphertext) else {
        return damage("its third part, the ciphertext, is not in whole hexadecimal bytes: the end is missing", AGAIN);
    };
    if ciphertext.len() % BLOCK != 0 {
        return damage(
            format!(
                "its ciphertext has {} bytes, which are no whole blocks of {BLOCK}: lines are missing",
                ciphertext.len()
            ),
            AGAIN,
        );
    }
    Ok(Sealed { salt, code, ciphertext })
}

/// The text of a vault. One with an id is of format 1.2, another of 1.1, as ansible-vault has it.
pub fn format(sealed: &Sealed, id: &str) -> String {
    let inner = [hex(&sealed.salt), hex(&sealed.code), hex(&sealed.ciphertext)].join("\n");
    let digits = hex(inner.as_bytes());
    let mut text = if id == DEFAULT { format!("{HEADER};1.1;AES256\n") } else { format!("{HEADER};1.2;AES256;{id}\n") };
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(WIDTH));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}
