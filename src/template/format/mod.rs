//! Python's `'%s' % value` and `'{}'.format(value)`, and what a format may wish for.

use super::fault::{Fault, R};
use super::python;
use super::value::Value;

mod braces;
mod percent;

pub use braces::braces;
pub use percent::percent;

fn bounded(size: u128) -> R<usize> {
    usize::try_from(size)
        .ok()
        .filter(|size| *size <= 1_000_000)
        .ok_or_else(|| Fault::new("a format's width is too large"))
}

/// A format's wishes: `[[fill]align][sign][#][0][width][,][.precision][type]`.
#[derive(Clone, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: char,
    alternate: bool,
    zero: bool,
    width: usize,
    group: Option<char>,
    precision: Option<usize>,
    kind: char,
}

impl Spec {
    fn parse(text: &str) -> R<Self> {
        let mut spec = Self { sign: '-', kind: '\0', ..Self::default() };
        let chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        let is_align = |c: Option<&char>| c.is_some_and(|c| matches!(c, '<' | '>' | '^' | '='));
        if is_align(chars.get(1)) {
            (spec.fill, spec.align, at) = (chars.first().copied(), chars.get(1).copied(), 2);
        } else if is_align(chars.first()) {
            (spec.align, at) = (chars.first().copied(), 1);
        }
        if let Some(sign) = chars.get(at).filter(|c| matches!(c, '+' | '-' | ' ')) {
            spec.sign = *sign;
            at += 1;
        }
        if chars.get(at) == Some(&'#') {
            spec.alternate = true;
            at += 1;
        }
        if chars.get(at) == Some(&'0') {
            spec.zero = true;
            at += 1;
        }
        let number = |at: &mut usize| {
            let digits: String = chars[*at..].iter().take_while(|c| c.is_ascii_digit()).collect();
            *at += digits.len();
            digits.parse::<u128>().ok()
        };
        spec.width = bounded(number(&mut at).unwrap_or(0))?;
        if let Some(group) = chars.get(at).filter(|c| matches!(c, ',' | '_')) {
            spec.group = Some(*group);
            at += 1;
        }
        if chars.get(at) == Some(&'.') {
            at += 1;
            spec.precision =
                Some(bounded(number(&mut at).ok_or_else(|| Fault::new("Format specifier missing precision"))?)?);
        }
        if let Some(kind) = chars.get(at) {
            spec.kind = *kind;
            at += 1;
        }
        if at < chars.len() {
            return Err(Fault::new("Invalid format specifier"));
        }
        Ok(spec)
    }

    fn sign_of(&self, negative: bool) -> &'static str {
        match (negative, self.sign) {
            (true, _) => "-",
            (false, '+') => "+",
            (false, ' ') => " ",
            _ => "",
        }
    }

    /// The text in its field; `default` is where it stands when the format does not say.
    fn pad(&self, text: &str, default: char) -> String {
        let len = text.chars().count();
        let missing = self.width.saturating_sub(len);
        let fill = self.fill.unwrap_or(if self.zero && self.align.is_none() { '0' } else { ' ' });
        let fill = |count: usize| fill.to_string().repeat(count);
        let align = self.align.unwrap_or(if self.zero { '=' } else { default });
        match align {
            '<' => format!("{text}{}", fill(missing)),
            '^' => format!("{}{text}{}", fill(missing / 2), fill(missing - missing / 2)),
            '=' => {
                let mut signed = text.chars().take_while(|c| matches!(c, '+' | '-' | ' ')).count();
                let rest = &text[signed..];
                if rest.starts_with("0x") || rest.starts_with("0X") || rest.starts_with("0o") || rest.starts_with("0b")
                {
                    signed += 2;
                }
                format!("{}{}{}", &text[..signed], fill(missing), &text[signed..])
            }
            _ => format!("{}{text}", fill(missing)),
        }
    }

    fn digits(&self, number: u128) -> String {
        match self.kind {
            'x' => format!("{number:x}"),
            'X' => format!("{number:X}"),
            'o' => format!("{number:o}"),
            'b' => format!("{number:b}"),
            _ => number.to_string(),
        }
    }

    fn int(&self, number: i128) -> String {
        let mut digits = self.digits(number.unsigned_abs());
        if let Some(group) = self.group {
            digits = grouped(&digits, group, if matches!(self.kind, 'x' | 'X' | 'o' | 'b') { 4 } else { 3 });
        }
        let prefix = match (self.alternate, self.kind) {
            (true, 'x') => "0x",
            (true, 'X') => "0X",
            (true, 'o') => "0o",
            (true, 'b') => "0b",
            _ => "",
        };
        self.pad(&format!("{}{prefix}{digits}", self.sign_of(number < 0)), '>')
    }

    fn float(&self, number: f64) -> String {
        let negative = number.is_sign_negative() && !number.is_nan();
        let size = number.abs();
        let upper = self.kind.is_ascii_uppercase();
        let precision = self.precision.unwrap_or(6);
        let mut digits = if size.is_nan() {
            "nan".to_owned()
        } else if size.is_infinite() {
            "inf".to_owned()
        } else {
            match self.kind.to_ascii_lowercase() {
                'e' => scientific(size, precision),
                'f' => format!("{size:.precision$}"),
                '%' => format!("{:.precision$}%", size * 100.0),
                _ => general(size, precision.max(1), self.alternate),
            }
        };
        if let Some(group) = self.group {
            let whole = digits.chars().take_while(char::is_ascii_digit).count();
            digits = format!("{}{}", grouped(&digits[..whole], group, 3), &digits[whole..]);
        }
        if upper {
            digits = digits.to_uppercase();
        }
        self.pad(&format!("{}{digits}", self.sign_of(negative)), '>')
    }
}

fn grouped(digits: &str, mark: char, size: usize) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(size) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

fn scientific(size: f64, precision: usize) -> String {
    let text = format!("{size:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

fn general(size: f64, precision: usize, keep_zeros: bool) -> String {
    if size == 0.0 {
        return "0".into();
    }
    let rounded = format!("{size:.*e}", precision - 1);
    let exponent: i32 = rounded.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let trim = |text: &str| {
        if keep_zeros || !text.contains('.') {
            text.to_owned()
        } else {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    if exponent < -4 || exponent >= i32::try_from(precision).unwrap_or(i32::MAX) {
        let text = scientific(size, precision - 1);
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{exponent}", trim(digits));
    }
    let places = usize::try_from(i32::try_from(precision).unwrap_or(0) - 1 - exponent).unwrap_or(0);
    trim(&format!("{size:.places$}"))
}

/// `format(value, spec)`.
pub fn spec(value: &Value, text: &str) -> R<String> {
    if text.is_empty() {
        return python::text(value);
    }
    if let Value::Time(time) = value {
        return Ok(time.strftime(text, "", true));
    }
    let spec = Spec::parse(text)?;
    match value {
        Value::Str(text) => {
            if !matches!(spec.kind, 's' | '\0') {
                return Err(Fault::new(format!("Unknown format code '{}' for object of type 'str'", spec.kind)));
            }
            let text: String = text.chars().take(spec.precision.unwrap_or(usize::MAX)).collect();
            let spec = Spec {
                align: spec.align.or(spec.zero.then_some('<')),
                fill: spec.fill.or(spec.zero.then_some('0')),
                ..spec
            };
            Ok(spec.pad(&text, '<'))
        }
        Value::Float(number) => {
            let spec = match (spec.kind, spec.precision) {
                ('\0', None) => {
                    let text = python::float(number.abs());
                    let sign = spec.sign_of(number.is_sign_negative());
                    return Ok(spec.pad(&format!("{sign}{text}"), '>'));
                }
                ('\0' | 'n', _) => Spec { kind: 'g', ..spec },
                ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%', _) => spec,
                (kind, _) => {
                    return Err(Fault::new(format!("Unknown format code '{kind}' for object of type 'float'")));
                }
            };
            Ok(spec.float(*number))
        }
        Value::Int(_) | Value::Bool(_) => {
            let number = value.as_int().unwrap_or(0);
            match spec.kind {
                'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' => Ok(spec.float(value.as_float().unwrap_or(0.0))),
                'c' => {
                    let c = u32::try_from(number).ok().and_then(char::from_u32);
                    Ok(spec.pad(&c.ok_or_else(|| Fault::new("%c arg not in range"))?.to_string(), '<'))
                }
                '\0' | 'd' | 'n' | 'x' | 'X' | 'o' | 'b' => Ok(spec.int(number)),
                kind => Err(Fault::new(format!("Unknown format code '{kind}' for object of type 'int'"))),
            }
        }
        other => Err(Fault::new(format!("unsupported format string passed to {}.__format__", other.type_name()))),
    }
}
