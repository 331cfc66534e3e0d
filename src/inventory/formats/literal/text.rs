//! Python's texts and bytes: quotes, prefixes and escapes.

use serde_json::{Map, Value};

use super::{Fault, Read, Reader};
use crate::inventory::document::UNSAFE;

impl Reader<'_> {
    /// Texts one behind the other are one text.
    pub(super) fn strings(&mut self) -> Read<Value> {
        let mut text = String::new();
        let mut bytes = None;
        loop {
            let is_bytes = self.string(&mut text)?;
            if *bytes.get_or_insert(is_bytes) != is_bytes {
                return Err(Fault::NoLiteral);
            }
            self.blank();
            let rest = self.rest();
            let prefix = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            if prefix > 2 || !rest[prefix..].starts_with(['"', '\'']) {
                // Bytes become a text that ansible-core does not take for a template.
                let unsafe_text =
                    |text: String| Value::Object(Map::from_iter([(UNSAFE.to_owned(), Value::String(text))]));
                return Ok(if is_bytes { unsafe_text(text) } else { Value::String(text) });
            }
        }
    }

    /// Adds one text; says whether it is one of bytes.
    fn string(&mut self, text: &mut String) -> Read<bool> {
        let rest = self.rest();
        let quote_at = rest.find(['"', '\'']).ok_or(Fault::NoLiteral)?;
        let prefix = rest[..quote_at].to_ascii_lowercase();
        let (raw, bytes) = match prefix.as_str() {
            "" | "u" => (false, false),
            "r" => (true, false),
            "b" => (false, true),
            "br" | "rb" => (true, true),
            _ => return Err(Fault::NoLiteral),
        };
        let quote = &rest[quote_at..quote_at + 1];
        let triple = quote.repeat(3);
        let close = if rest[quote_at..].starts_with(&triple) { triple.as_str() } else { quote };
        let body = &rest[quote_at + close.len()..];
        let mut at = 0;
        let mut out: Vec<u8> = Vec::new();
        loop {
            let left = &body[at..];
            if left.starts_with(close) {
                break;
            }
            let Some(c) = left.chars().next() else { return Err(Fault::NoLiteral) };
            if bytes && !c.is_ascii() {
                return Err(Fault::NoLiteral);
            }
            if c != '\\' {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += c.len_utf8();
                continue;
            }
            let Some(next) = left[1..].chars().next() else { return Err(Fault::NoLiteral) };
            if raw {
                out.push(b'\\');
                out.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
                at += 1 + next.len_utf8();
                continue;
            }
            at += 1 + escape(&left[1..], bytes, &mut out)?;
        }
        let length = quote_at + close.len() + at + close.len();
        text.push_str(std::str::from_utf8(&out).map_err(|_| Fault::Refused("the bytes are no text"))?);
        self.at += length;
        Ok(bytes)
    }
}

/// Adds what the escape behind a backslash stands for; gives how long it is.
fn escape(rest: &str, bytes: bool, out: &mut Vec<u8>) -> Read<usize> {
    let hex = |digits: usize| -> Read<u32> {
        let found = rest.get(1..1 + digits).filter(|found| found.bytes().all(|byte| byte.is_ascii_hexdigit()));
        found.and_then(|found| u32::from_str_radix(found, 16).ok()).ok_or(Fault::NoLiteral)
    };
    let mut put = |code: u32| -> Read<()> {
        if bytes {
            out.push(u8::try_from(code & 0xff).unwrap_or_default());
            return Ok(());
        }
        let c = match code {
            0xd800..=0xdfff => return Err(Fault::Refused("half of a character is no text")),
            code => char::from_u32(code).ok_or(Fault::NoLiteral)?,
        };
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    };
    let c = rest.chars().next().ok_or(Fault::NoLiteral)?;
    let simple = match c {
        '\\' | '\'' | '"' => Some(u32::from(c)),
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'n' => Some(10),
        'r' => Some(13),
        't' => Some(9),
        'v' => Some(11),
        _ => None,
    };
    if let Some(code) = simple {
        put(code)?;
        return Ok(1);
    }
    match c {
        'x' => put(hex(2)?).map(|()| 3),
        'u' if !bytes => put(hex(4)?).map(|()| 5),
        'U' if !bytes => put(hex(8)?).map(|()| 9),
        'N' if !bytes => Err(Fault::Refused("`\\N{…}` is not supported: write the character itself")),
        '0'..='7' => {
            let length = rest.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
            put(u32::from_str_radix(&rest[..length], 8).map_err(|_| Fault::NoLiteral)?)?;
            Ok(length)
        }
        // Python leaves the backslash of what is no escape.
        other => {
            out.push(b'\\');
            out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
            Ok(other.len_utf8())
        }
    }
}
