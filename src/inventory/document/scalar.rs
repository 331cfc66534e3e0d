//! What a plain YAML scalar means: YAML 1.1 as PyYAML resolves it.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// What a scalar means, or why it can't be held.
pub type Meaning = Result<Value, &'static str>;

const TOO_LARGE: &str = "the number is too large";
const NO_JSON: &str = "infinity and `.nan` are no values that a variable can have here";

fn regex(pattern: &str) -> Regex {
    #[allow(clippy::unwrap_used, reason = "the patterns are constants, and a test uses each")]
    Regex::new(&format!("^(?:{pattern})$")).unwrap()
}

static FLOAT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    )
});
static INTEGER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+",
    )
});
static DATE: LazyLock<Regex> = LazyLock::new(|| regex(r"([0-9]{4})-([0-9]{2})-([0-9]{2})"));
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"([0-9]{4})-([0-9][0-9]?)-([0-9][0-9]?)(?:[Tt]|[ \t]+)([0-9][0-9]?):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?(?:[ \t]*(?:(Z)|([-+])([0-9][0-9]?)(?::([0-9]{2}))?))?",
    )
});

/// What a plain scalar means.
pub fn plain(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Ok(Value::Bool(true)),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Ok(Value::Bool(false)),
        _ => {}
    }
    // Only these begin a number or a date; most texts need not be asked about further.
    if !text.as_bytes().first().is_some_and(|byte| byte.is_ascii_digit() || b"+-.".contains(byte)) {
        return Ok(Value::String(text.to_owned()));
    }
    if FLOAT.is_match(text) {
        return float(text);
    }
    if INTEGER.is_match(text) {
        return integer(text);
    }
    match time(text) {
        Some(meaning) => meaning,
        None => Ok(Value::String(text.to_owned())),
    }
}

/// What `!!int` makes of a text.
pub fn integer(text: &str) -> Meaning {
    let digits = text.replace('_', "");
    let (negative, digits) = match digits.strip_prefix(['-', '+']) {
        Some(rest) => (digits.starts_with('-'), rest),
        None => (false, digits.as_str()),
    };
    let radix = |digits: &str, radix: u32| {
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Err("this is not a number");
        }
        i128::from_str_radix(digits, radix).map_err(|_| TOO_LARGE)
    };
    let number = if digits == "0" {
        0
    } else if let Some(digits) = digits.strip_prefix("0b") {
        radix(digits, 2)?
    } else if let Some(digits) = digits.strip_prefix("0x") {
        radix(digits, 16)?
    } else if digits.starts_with('0') {
        radix(digits, 8)?
    } else if digits.contains(':') {
        let mut sum = 0_i128;
        for part in digits.split(':') {
            let part = radix(part, 10)?;
            sum = sum.checked_mul(60).and_then(|sum| sum.checked_add(part)).ok_or(TOO_LARGE)?;
        }
        sum
    } else {
        radix(digits, 10)?
    };
    whole(if negative { -number } else { number })
}

/// A whole number as a value.
pub fn whole(number: i128) -> Meaning {
    i64::try_from(number).map(Value::from).or_else(|_| u64::try_from(number).map(Value::from)).map_err(|_| TOO_LARGE)
}

/// What `!!float` makes of a text.
pub fn float(text: &str) -> Meaning {
    let digits = text.replace('_', "").to_lowercase();
    let (sign, digits) = match digits.strip_prefix(['-', '+']) {
        Some(rest) => (if digits.starts_with('-') { -1.0 } else { 1.0 }, rest),
        None => (1.0, digits.as_str()),
    };
    if matches!(digits, ".inf" | ".nan" | "inf" | "nan" | "infinity") {
        return Err(NO_JSON);
    }
    let one = |text: &str| text.parse::<f64>().map_err(|_| "this is not a number");
    let mut number = 0.0;
    for part in digits.split(':') {
        number = number * 60.0 + one(part)?;
    }
    finite(sign * number)
}

/// A number as a value.
pub fn finite(number: f64) -> Meaning {
    if number.is_finite() { Ok(Value::from(number)) } else { Err(NO_JSON) }
}

/// A date or a time as Python writes it in ISO form.
fn time(text: &str) -> Option<Meaning> {
    let valid = |year: &str, month: &str, day: &str| {
        let field = |text: &str| text.parse::<i8>().ok();
        let year = year.parse::<i16>().ok().filter(|year| *year > 0)?;
        jiff::civil::Date::new(year, field(month)?, field(day)?).ok()
    };
    if let Some(found) = DATE.captures(text) {
        return Some(match valid(&found[1], &found[2], &found[3]) {
            Some(date) => Ok(Value::String(date.strftime("%Y-%m-%d").to_string())),
            None => Err("there is no such day: put the text in quotes if it is no date"),
        });
    }
    let found = TIME.captures(text)?;
    let part = |index: usize| found.get(index).map(|part| part.as_str());
    let number = |index: usize| part(index).and_then(|part| part.parse::<u8>().ok()).unwrap_or(0);
    let (hour, minute, second) = (number(4), number(5), number(6));
    let date = valid(&found[1], &found[2], &found[3]).filter(|_| hour < 24 && minute < 60 && second < 60);
    let Some(date) = date else {
        return Some(Err("there is no such time: put the text in quotes if it is no time"));
    };
    let mut shown = format!("{}T{hour:02}:{minute:02}:{second:02}", date.strftime("%Y-%m-%d"));
    if let Some(fraction) = part(7).filter(|fraction| fraction.bytes().any(|byte| byte != b'0')) {
        let fraction = format!("{fraction:0<6}");
        if fraction.as_bytes()[..6] != *b"000000" {
            shown.push_str(&format!(".{}", &fraction[..6]));
        }
    }
    if part(8).is_some() {
        shown.push_str("+00:00");
    } else if let Some(sign) = part(9) {
        let (hours, minutes) = (number(10), number(11));
        if hours > 23 {
            return Some(Err("there is no such time zone: put the text in quotes if it is no time"));
        }
        let sign = if hours == 0 && minutes == 0 { "+" } else { sign };
        shown.push_str(&format!("{sign}{hours:02}:{minutes:02}"));
    }
    Some(Ok(Value::String(shown)))
}

/// Whether a plain scalar is a date or a time.
pub fn is_time(text: &str) -> bool {
    DATE.is_match(text) || TIME.is_match(text)
}

/// Whether a person would take this plain scalar for something else than it is.
pub fn surprises(text: &str, value: &Value) -> bool {
    match value {
        Value::Bool(_) => !text.eq_ignore_ascii_case("true") && !text.eq_ignore_ascii_case("false"),
        Value::Number(number) => {
            let plain = text.strip_prefix('+').unwrap_or(text);
            let same = number.to_string() == plain;
            // `1.0` and `2.50` are what they look like where a number is meant; that `0755` and `12:30` are is not seen.
            !(same || number.is_f64() && !text.contains(['_', ':']))
        }
        Value::String(shown) => shown != text || DATE.is_match(text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

    use super::*;

    #[test]
    fn plain_scalars_mean_what_pyyaml_takes_them_for() {
        for (text, wanted) in [
            ("yes", "true"),
            ("NO", "false"),
            ("y", "\"y\""),
            ("tRue", "\"tRue\""),
            ("0755", "493"),
            ("0o17", "\"0o17\""),
            ("089", "\"089\""),
            ("0x1F", "31"),
            ("0b101", "5"),
            ("1_000", "1000"),
            ("12:30", "750"),
            ("1:60", "\"1:60\""),
            ("12:30:45.5", "45045.5"),
            ("1e3", "\"1e3\""),
            ("1.e+3", "1000.0"),
            ("12.50", "12.5"),
            (".5", "0.5"),
            ("-.5", "\"-.5\""),
            ("+12", "12"),
            ("1.2.3", "\"1.2.3\""),
            ("~", "null"),
            ("2024-01-31", "\"2024-01-31\""),
            ("2001-12-14t21:59:43.10-05:00", "\"2001-12-14T21:59:43.100000-05:00\""),
            ("2001-12-14 21:59:43", "\"2001-12-14T21:59:43\""),
            ("2001-12-14 21:59:43 Z", "\"2001-12-14T21:59:43+00:00\""),
        ] {
            assert_eq!(plain(text).unwrap().to_string(), wanted, "{text}");
        }
        for text in ["99999999999999999999999", ".inf", "-.INF", ".nan", "2024-02-31", "0b_", "0x_"] {
            assert!(plain(text).is_err(), "{text}");
        }
    }
}
