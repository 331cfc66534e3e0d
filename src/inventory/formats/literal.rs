//! Python's literals, which is what a value in an INI inventory may be: `5`, `0x1F`, `1_000`, `'text'`, `[1, 'a']`, `{'a': None}`.
//!
//! What is none is a text as it stands: `0755`, `true`, `1.2.3`, `a b`. The grammar is that of `ast.literal_eval` of
//! Python 3.11: no operators but a sign, tuples and sets become lists, a comment ends the value. Keys keep their types (see
//! [`exact`]).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::super::document::scalar::{finite, whole};
use super::super::{exact, python_set};

mod text;

/// Why a literal can't be a value here although Python takes it.
pub type Refused = &'static str;

const MAX_DEPTH: usize = 60;

/// What a text means where it is a literal; none where it is a text.
pub fn read(text: &str) -> Result<Option<Value>, Refused> {
    let text = text.trim_start_matches([' ', '\t']);
    if text.contains('\0') {
        return Ok(None);
    }
    let mut reader = Reader { text, at: 0, changeable: 0 };
    match reader.whole() {
        Ok(value) => Ok(Some(value)),
        Err(Fault::NoLiteral) => Ok(None),
        Err(Fault::Refused(why)) => Err(why),
    }
}

enum Fault {
    NoLiteral,
    Refused(Refused),
}

type Read<T> = Result<T, Fault>;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many lists, sets and mappings there were: what Python can change can stand in no set.
    changeable: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\x0c')) {
            self.at += 1;
        }
        if self.peek() == Some('#') {
            self.at = self.text.len();
        }
    }

    fn takes(&mut self, c: char) -> bool {
        self.blank();
        let found = self.peek() == Some(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    /// The whole text: a value, or several with commas between, which are a list.
    fn whole(&mut self) -> Read<Value> {
        let first = self.value(0)?;
        self.blank();
        if self.peek() != Some(',') {
            return if self.at == self.text.len() { Ok(first) } else { Err(Fault::NoLiteral) };
        }
        let mut items = vec![first];
        while self.takes(',') {
            self.blank();
            if self.at == self.text.len() {
                break;
            }
            items.push(self.value(0)?);
        }
        self.blank();
        if self.at == self.text.len() { Ok(Value::Array(items)) } else { Err(Fault::NoLiteral) }
    }

    fn value(&mut self, depth: usize) -> Read<Value> {
        if depth > MAX_DEPTH {
            return Err(Fault::Refused("the value is nested too deeply"));
        }
        self.blank();
        match self.peek() {
            Some('[') => {
                self.at += 1;
                self.changeable += 1;
                self.items(']', depth).map(|(items, _)| Value::Array(items))
            }
            Some('(') => {
                self.at += 1;
                let (mut items, comma) = self.items(')', depth)?;
                match items.pop() {
                    Some(only) if items.is_empty() && !comma => Ok(only),
                    last => {
                        items.extend(last);
                        Ok(Value::Array(items))
                    }
                }
            }
            Some('{') => self.braces(depth),
            Some('+' | '-') => self.signed(),
            Some('.') if self.rest().starts_with("...") => {
                self.at += 3;
                Ok(Value::from("..."))
            }
            Some('0'..='9' | '.') => self.number(false),
            Some('"' | '\'') => self.strings(),
            Some(c) if c.is_alphabetic() || c == '_' => self.word(),
            _ => Err(Fault::NoLiteral),
        }
    }

    /// Values up to a bracket, and whether a comma stands before it.
    fn items(&mut self, close: char, depth: usize) -> Read<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut comma = false;
        loop {
            if self.takes(close) {
                return Ok((items, comma));
            }
            if !items.is_empty() && !comma {
                return Err(Fault::NoLiteral);
            }
            items.push(self.value(depth + 1)?);
            comma = self.takes(',');
        }
    }

    fn braces(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        self.changeable += 1;
        if self.takes('}') {
            return Ok(Value::Object(Map::new()));
        }
        let before = self.changeable;
        let first = self.value(depth + 1)?;
        if !self.takes(':') {
            // A set. Its order is Python's own affair.
            let comma = self.takes(',');
            let (mut items, _) = match comma {
                true => self.items('}', depth)?,
                false if self.takes('}') => (Vec::new(), false),
                false => return Err(Fault::NoLiteral),
            };
            if self.changeable > before {
                return Err(Fault::Refused("a list, a set or a mapping can't stand in a set (`{…}` without colons)"));
            }
            items.insert(0, first);
            return Ok(Value::Array(python_set::ordered(items)));
        }
        let (mut key, mut fields): (Value, Vec<(Value, Value)>) = (first, Vec::new());
        let (mut places, mut names) = (HashMap::new(), HashSet::new());
        loop {
            let value = self.value(depth + 1)?;
            if let Value::Array(_) | Value::Object(_) = key {
                return Err(Fault::Refused("a list or a mapping can't be a key"));
            }
            match places.entry(exact::identity(&key)) {
                Entry::Occupied(place) => {
                    if let Some((_, known)) = fields.get_mut(*place.get()) {
                        *known = value;
                    }
                }
                Entry::Vacant(place) => {
                    if !names.insert(exact::name(&key)) {
                        return Err(Fault::Refused("two keys of a mapping are the same but for one being a text"));
                    }
                    place.insert(fields.len());
                    fields.push((key, value));
                }
            }
            let comma = self.takes(',');
            if self.takes('}') {
                return Ok(exact::mapping(fields));
            }
            if !comma {
                return Err(Fault::NoLiteral);
            }
            key = self.value(depth + 1)?;
            if !self.takes(':') {
                return Err(Fault::NoLiteral);
            }
        }
    }

    fn signed(&mut self) -> Read<Value> {
        let negative = self.peek() == Some('-');
        self.at += 1;
        // Parentheses around a number are no part of it.
        let mut open = 0;
        while self.takes('(') {
            open += 1;
        }
        self.blank();
        let number = match self.peek() {
            Some('0'..='9' | '.') if !self.rest().starts_with("...") => self.number(negative),
            _ => Err(Fault::NoLiteral),
        };
        if number.is_ok() && !(0..open).all(|_| self.takes(')')) {
            return Err(Fault::NoLiteral);
        }
        number
    }

    /// A number, and the imaginary part that may follow it.
    fn number(&mut self, negative: bool) -> Read<Value> {
        let (digits, real) = self.digits(negative)?;
        let before = self.at;
        self.blank();
        let complex = match self.peek() {
            _ if digits.ends_with(['j', 'J']) => true,
            Some('+' | '-') => {
                let minus = self.peek() == Some('-');
                self.at += 1;
                self.blank();
                let (imaginary, _) = self.digits(minus)?;
                if !imaginary.ends_with(['j', 'J']) {
                    return Err(Fault::NoLiteral);
                }
                true
            }
            _ => false,
        };
        if complex {
            return Err(Fault::Refused("a complex number is no value of a variable: put it in quotes"));
        }
        self.at = before;
        real
    }

    fn digits(&mut self, negative: bool) -> Read<(String, Read<Value>)> {
        let rest = self.rest();
        let based = [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)];
        let based = based.into_iter().find(|(prefix, _)| rest.starts_with(prefix));
        let end = |from: usize, good: &dyn Fn(char) -> bool| {
            rest[from..].find(|c| !good(c)).map_or(rest.len(), |length| from + length)
        };
        let number = |value: i128| whole(if negative { -value } else { value }).map_err(Fault::Refused);
        if let Some((_, radix)) = based {
            let end = end(2, &|c| c.is_ascii_alphanumeric() || c == '_');
            let digits =
                underscores(rest[2..end].strip_prefix('_').unwrap_or(&rest[2..end])).ok_or(Fault::NoLiteral)?;
            if !digits.chars().all(|c| c.is_digit(radix)) {
                return Err(Fault::NoLiteral);
            }
            self.at += end;
            let value = i128::from_str_radix(&digits, radix).map_err(|_| Fault::Refused("the number is too large"));
            return Ok((digits, value.and_then(number)));
        }
        // Digits, a point, digits, an exponent.
        let mut at = end(0, &|c| c.is_ascii_digit() || c == '_');
        let before = rest[..at].to_owned();
        let mut is_float = false;
        let mut after = String::new();
        if rest[at..].starts_with('.') {
            is_float = true;
            let stop = end(at + 1, &|c| c.is_ascii_digit() || c == '_');
            rest[at + 1..stop].clone_into(&mut after);
            at = stop;
        }
        let mut exponent = String::new();
        if rest[at..].starts_with(['e', 'E']) {
            let sign = at + 1 + usize::from(rest[at + 1..].starts_with(['+', '-']));
            let stop = end(sign, &|c| c.is_ascii_digit() || c == '_');
            if stop > sign {
                is_float = true;
                let digits = underscores(&rest[sign..stop]).ok_or(Fault::NoLiteral)?;
                exponent = format!("e{}{digits}", &rest[at + 1..sign]);
                at = stop;
            }
        }
        let imaginary = rest[at..].starts_with(['j', 'J']);
        at += usize::from(imaginary);
        let part = |text: &str| if text.is_empty() { Some(String::new()) } else { underscores(text) };
        let (before, after) = (part(&before).ok_or(Fault::NoLiteral)?, part(&after).ok_or(Fault::NoLiteral)?);
        if before.is_empty() && after.is_empty() {
            return Err(Fault::NoLiteral);
        }
        // Nothing may be glued to a number.
        if rest[at..].starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') {
            return Err(Fault::NoLiteral);
        }
        self.at += at;
        if imaginary {
            return Ok(("j".to_owned(), Err(Fault::Refused("a complex number is no value of a variable"))));
        }
        if is_float {
            let text = format!("{}{before}.{after}{exponent}", if negative { "-" } else { "" });
            // `.5` and `5.` are numbers.
            let text = text.replace("-.", "-0.");
            let text = if text.starts_with('.') { format!("0{text}") } else { text };
            let text = text.replace(".e", ".0e");
            let text = if text.ends_with('.') { format!("{text}0") } else { text };
            let value = text.parse::<f64>().map_err(|_| Fault::NoLiteral);
            return Ok((text, value.and_then(|value| finite(value).map_err(Fault::Refused))));
        }
        if before.len() > 1 && before.starts_with('0') && before.bytes().any(|byte| byte != b'0') {
            return Err(Fault::NoLiteral);
        }
        let value = before.parse::<i128>().map_err(|_| Fault::Refused("the number is too large"));
        let value = value.and_then(number);
        Ok((before, value))
    }

    fn word(&mut self) -> Read<Value> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let word = &rest[..end];
        if rest[end..].starts_with(['"', '\'']) && word.len() <= 2 {
            return self.strings();
        }
        let value = match word {
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "None" => Value::Null,
            "set" => {
                self.at += end;
                self.changeable += 1;
                return if self.takes('(') && self.takes(')') {
                    Ok(Value::Array(Vec::new()))
                } else {
                    Err(Fault::NoLiteral)
                };
            }
            _ => return Err(Fault::NoLiteral),
        };
        self.at += end;
        Ok(value)
    }
}

/// Digits without the single underscores between them; none where they stand elsewhere.
fn underscores(digits: &str) -> Option<String> {
    let good = !digits.is_empty() && !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    good.then(|| digits.replace('_', ""))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

    use super::*;

    /// What `ast.literal_eval` of Python 3.11 gives; `!` where it refuses, so that the text stays one.
    #[test]
    fn values_are_what_python_takes_them_for() {
        for (text, wanted) in [
            ("5", "5"),
            ("-5", "-5"),
            ("+5", "5"),
            ("--5", "!"),
            ("- 5", "-5"),
            ("0", "0"),
            ("00", "0"),
            ("0755", "!"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("0b11", "3"),
            ("0x_1f", "31"),
            ("1_000", "1000"),
            ("1__0", "!"),
            ("1.5", "1.5"),
            ("12.50", "12.5"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("1e3", "1000.0"),
            ("01.5", "1.5"),
            ("1.2.3", "!"),
            ("10.0.0.1", "!"),
            ("12:30", "!"),
            ("2024-01-01", "!"),
            ("1-2", "!"),
            ("True", "true"),
            ("true", "!"),
            ("None", "null"),
            ("none", "!"),
            ("'a'", "\"a\""),
            ("\"a\"'b'", "\"ab\""),
            ("u'a'", "\"a\""),
            ("r'\\n'", "\"\\\\n\""),
            ("b'a'", "{\"__ansible_unsafe\":\"a\"}"),
            ("f'a'", "!"),
            ("'a' b", "!"),
            ("'a", "!"),
            ("'''a'b'''", "\"a'b\""),
            ("'\\x41\\u00e4\\101\\q'", "\"AäA\\\\q\""),
            ("[1, 'a', None]", "[1,\"a\",null]"),
            ("[1,]", "[1]"),
            ("[,]", "!"),
            ("[1 2]", "!"),
            ("[a]", "!"),
            ("(1)", "1"),
            ("(1,)", "[1]"),
            ("()", "[]"),
            ("1,2", "[1,2]"),
            ("1,", "[1]"),
            ("a,b", "!"),
            ("80,443", "[80,443]"),
            ("{'a': 1, 2: 'b', True: None}", "{\"\\u0000pairs\":[[\"a\",1],[2,\"b\"],[true,null]]}"),
            ("{'a': 1, 'b': 2}", "{\"a\":1,\"b\":2}"),
            ("{1: 'a', True: 'b', 1.0: 'c'}", "{\"\\u0000pairs\":[[1,\"c\"]]}"),
            ("{3, 1}", "[1,3]"),
            ("{(1, 2), 3}", "[[1,2],3]"),
            ("{}", "{}"),
            ("{1}", "[1]"),
            ("set()", "[]"),
            ("{'a': }", "!"),
            ("8080 # all", "8080"),
            ("# a", "!"),
            ("", "!"),
            ("...", "\"...\""),
            ("5;", "!"),
            ("5L", "!"),
            ("1if", "!"),
            ("{{ a }}", "!"),
            ("[1, [2, {'a': (3, 4)}]]", "[1,[2,{\"a\":[3,4]}]]"),
            ("1e", "!"),
            ("0x", "!"),
            ("0xg", "!"),
            ("0b2", "!"),
            ("08", "!"),
            ("-'a'", "!"),
            ("-True", "!"),
            ("not 1", "!"),
        ] {
            let got = read(text).unwrap().map_or_else(|| "!".to_owned(), |value| value.to_string());
            assert_eq!(got, wanted, "{text}");
        }
        for text in [
            "{[]: 1}",
            "{[1]}",
            "{{ [1] }}",
            "{{ {} }}",
            "{1, {2}}",
            "{(1, [2])}",
            "{1: 2, '1': 3}",
            "1j",
            "1+2j",
            "1e999",
            "99999999999999999999999999",
            "'\\ud800'",
            "'\\N{BULLET}'",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
