//! `'%s' % value`.

use super::{Spec, bounded};
use crate::template::fault::{Fault, R};
use crate::template::python;
use crate::template::value::Value;

/// `format % args`.
pub fn percent(format: &str, args: &Value) -> R<String> {
    let single;
    let items: &[Value] = match args {
        Value::Tuple(items) => items,
        other => {
            single = [other.clone()];
            &single
        }
    };
    let mut items = items.iter();
    let mut used_mapping = false;
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut named = None;
        if chars.peek() == Some(&'(') {
            chars.next();
            let mut name = String::new();
            let mut depth = 1;
            for c in chars.by_ref() {
                match c {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                name.push(c);
            }
            if depth > 0 {
                return Err(Fault::new("incomplete format key"));
            }
            let found = match args {
                Value::Dict(_) => args.field(&name)?,
                _ => return Err(Fault::new("format requires a mapping")),
            };
            used_mapping = true;
            named = Some(found.ok_or_else(|| Fault::new(format!("there is no key '{name}' for the format")))?);
        }
        let mut spec = Spec { kind: 's', ..Spec::default() };
        while let Some(flag) = chars.peek().copied().filter(|flag| "-+ #0".contains(*flag)) {
            chars.next();
            match flag {
                '-' => spec.align = Some('<'),
                '+' => spec.sign = '+',
                ' ' if spec.sign != '+' => spec.sign = ' ',
                '#' => spec.alternate = true,
                '0' => spec.zero = true,
                _ => {}
            }
        }
        let mut number = |items: &mut std::slice::Iter<'_, Value>| -> R<Option<i128>> {
            if chars.peek() == Some(&'*') {
                chars.next();
                let value = items.next().and_then(Value::as_int);
                return value.map(Some).ok_or_else(|| Fault::new("* wants int"));
            }
            let mut digits = String::new();
            while let Some(digit) = chars.peek().filter(|c| c.is_ascii_digit()) {
                digits.push(*digit);
                chars.next();
            }
            Ok(if digits.is_empty() { None } else { digits.parse().ok() })
        };
        if let Some(width) = number(&mut items)? {
            if width < 0 {
                spec.align = Some('<');
            }
            spec.width = bounded(width.unsigned_abs())?;
        }
        if chars.peek() == Some(&'.') {
            chars.next();
            let mut number = |items: &mut std::slice::Iter<'_, Value>| -> R<Option<i128>> {
                if chars.peek() == Some(&'*') {
                    chars.next();
                    let value = items.next().and_then(Value::as_int);
                    return value.map(Some).ok_or_else(|| Fault::new("* wants int"));
                }
                let mut digits = String::new();
                while let Some(digit) = chars.peek().filter(|c| c.is_ascii_digit()) {
                    digits.push(*digit);
                    chars.next();
                }
                Ok(digits.parse().ok())
            };
            spec.precision = Some(bounded(number(&mut items)?.unwrap_or(0).max(0).unsigned_abs())?);
        }
        while chars.peek().is_some_and(|c| matches!(c, 'h' | 'l' | 'L')) {
            chars.next();
        }
        let kind = chars.next().ok_or_else(|| Fault::new("incomplete format"))?;
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = match named {
            Some(value) => value,
            None => items.next().cloned().ok_or_else(|| Fault::new("not enough arguments for format string"))?,
        };
        spec.kind = kind;
        out.push_str(&one(&value, spec)?);
    }
    let is_mapping = matches!(args, Value::Dict(_));
    if items.next().is_some() && !used_mapping && !is_mapping {
        return Err(Fault::new("not all arguments converted during string formatting"));
    }
    Ok(out)
}

/// One value of a `%` format.
fn one(value: &Value, mut spec: Spec) -> R<String> {
    match spec.kind {
        's' | 'r' | 'a' => {
            let mut text = if spec.kind == 's' { python::text(value)? } else { python::repr(value)? };
            if let Some(most) = spec.precision {
                text = text.chars().take(most).collect();
            }
            spec.zero = false;
            Ok(spec.pad(&text, '>'))
        }
        'c' => {
            let c = match value {
                Value::Str(text) if text.chars().count() == 1 => text.to_string(),
                other => {
                    let c = other.as_int().and_then(|code| u32::try_from(code).ok()).and_then(char::from_u32);
                    c.ok_or_else(|| Fault::new("%c requires int or char"))?.to_string()
                }
            };
            Ok(spec.pad(&c, '>'))
        }
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
            let number = match (value.as_int(), value) {
                (Some(number), _) => number,
                (None, Value::Float(number)) if matches!(spec.kind, 'd' | 'i' | 'u') => number.trunc() as i128,
                _ => {
                    let (kind, what) = (spec.kind, value.type_name());
                    let want = if matches!(kind, 'd' | 'i' | 'u') { "a real number" } else { "an integer" };
                    return Err(Fault::new(format!("%{kind} format: {want} is required, not {what}")));
                }
            };
            let least = spec.precision.take();
            if matches!(spec.kind, 'i' | 'u') {
                spec.kind = 'd';
            }
            if let Some(least) = least {
                let digits = spec.digits(number.unsigned_abs());
                let sign = spec.sign_of(number < 0);
                return Ok(spec.pad(&format!("{sign}{digits:0>least$}"), '>'));
            }
            Ok(spec.int(number))
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => match value.as_float() {
            Some(number) => {
                spec.precision = Some(spec.precision.unwrap_or(6));
                Ok(spec.float(number))
            }
            None => Err(Fault::new(format!("must be real number, not {}", value.type_name()))),
        },
        other => Err(Fault::new(format!("unsupported format character '{other}'"))),
    }
}
