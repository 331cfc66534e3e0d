//! Filters of times, sizes, chance and comments.

use std::rc::Rc;

use super::super::chance::{Chance, random};
use super::super::fault::{Fault, R};
use super::super::python;
use super::super::time::{Time, micros_only};
use super::super::value::Value;
use super::{Bound, Filter, filter};

pub const FILTERS: [Filter; 7] = [
    filter(&["to_datetime"], "string format=", |_, a| {
        let time = Time::strptime(&a.string(0)?, &a.text_or(1, "%Y-%m-%d %H:%M:%S")?)?;
        Ok(Value::Time(Rc::new(time)))
    }),
    filter(&["strftime"], "string_format second= utc=", strftime),
    filter(&["human_readable"], "size isbits= unit=", human_readable),
    filter(&["human_to_bytes"], "size default_unit= isbits=", human_to_bytes),
    filter(&["random"], "end start= step= seed=", |_, a| random(&a.value(0), a.int(1)?, a.int(2)?, a.get(3))),
    filter(&["shuffle"], "mylist seed=", |_, a| {
        let mut items = a.items(0)?;
        let seed = a.get(1).filter(|seed| seed.truth().unwrap_or(false));
        Chance::new(seed)?.shuffle(&mut items)?;
        Ok(Value::list(items))
    }),
    filter(&["comment"], "text style= **named", comment),
];

fn strftime(_: &super::Interp, a: &Bound) -> R<Value> {
    let zone = if a.is(2)? { jiff::tz::TimeZone::UTC } else { jiff::tz::TimeZone::system() };
    let at = match a.value(1) {
        Value::None => jiff::Timestamp::now(),
        second => {
            let seconds = match &second {
                Value::Str(text) => super::text::parse_float(text),
                other => other.as_float(),
            };
            let seconds = seconds.ok_or_else(|| {
                Fault::new(format!("Invalid value for epoch value ({})", python::text(&second).unwrap_or_default()))
            })?;
            let whole = seconds.floor() as i64;
            jiff::Timestamp::from_second(whole).map_err(|error| Fault::new(error.to_string()))?
        }
    };
    let zoned = at.to_zoned_datetime(zone);
    let offset = zoned.offset().seconds();
    let time = Time { civil: micros_only(zoned.datetime()), offset: Some(offset), is_date: false };
    let name = zoned.time_zone().to_offset_info(at).abbreviation().to_owned();
    Ok(Value::str(time.strftime(&a.string(0)?, &name, false)))
}

const SIZES: [(char, i32); 9] =
    [('Y', 80), ('Z', 70), ('E', 60), ('P', 50), ('T', 40), ('G', 30), ('M', 20), ('K', 10), ('B', 0)];

fn human_readable(_: &super::Interp, a: &Bound) -> R<Value> {
    let Some(size) = a.value(0).as_float() else { return Err(Fault::new("human_readable() failed on bad input")) };
    let bits = a.is(1)?;
    let unit = match a.value(2) {
        Value::None => None,
        unit => Some(python::text(&unit)?.to_uppercase()),
    };
    let fits = |(letter, power): &&(char, i32)| match &unit {
        None => size >= 2_f64.powi(*power),
        Some(unit) => unit.len() == 1 && unit.starts_with(*letter),
    };
    let (letter, power) = SIZES.iter().find(fits).unwrap_or(&('B', 0));
    let base = if bits { "bits" } else { "Bytes" };
    let suffix = if *power == 0 { base.to_owned() } else { format!("{letter}{}", &base[..1]) };
    Ok(Value::str(format!("{:.2} {suffix}", size / 2_f64.powi(*power))))
}

fn human_to_bytes(_: &super::Interp, a: &Bound) -> R<Value> {
    let text = a.text(0)?;
    let fail = |why: String| Err(Fault::new(format!("human_to_bytes() can't interpret '{text}': {why}")));
    let plain = text.trim_end();
    let end = plain.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(plain.len());
    let (number, unit) = (plain[..end].to_owned(), plain[end..].trim_start().to_owned());
    let Ok(number) = number.parse::<f64>() else { return fail("it does not begin with a number".into()) };
    if !unit.chars().all(|c| c.is_ascii_alphabetic()) || plain.ends_with('.') {
        return fail("the unit is made of letters".into());
    }
    let unit = match (unit.is_empty(), a.value(1)) {
        (false, _) => unit,
        (true, Value::None) => String::new(),
        (true, default) => python::text(&default)?,
    };
    let Some(first) = unit.chars().next() else {
        return Ok(Value::Int(number.round_ties_even() as i128));
    };
    let letter = first.to_ascii_uppercase();
    let Some((_, power)) = SIZES.iter().find(|(known, _)| *known == letter) else {
        return fail(format!("the unit {unit} is none of Y, Z, E, P, T, G, M, K, B"));
    };
    if unit.len() > 1 {
        let bits = a.is(2)?;
        let names = [
            ('Y', "yotta"),
            ('Z', "zeta"),
            ('E', "exa"),
            ('P', "peta"),
            ('T', "tera"),
            ('G', "giga"),
            ('M', "mega"),
            ('K', "kilo"),
            ('B', ""),
        ];
        let name = names.iter().find(|(known, _)| *known == letter).map_or("", |(_, name)| name);
        let long = format!("{name}{}", if bits { "bit" } else { "byte" });
        let short = if letter == 'B' {
            if bits { "b".into() } else { "B".into() }
        } else {
            format!("{letter}{}", if bits { 'b' } else { 'B' })
        };
        if unit.to_lowercase() != long && unit != short {
            return fail(format!("the unit is {short} or {letter}"));
        }
    }
    Ok(Value::Int((number * 2_f64.powi(*power)).round_ties_even() as i128))
}

fn comment(_: &super::Interp, a: &Bound) -> R<Value> {
    let style = a.text_or(1, "plain")?;
    let (beginning, decoration, end) = match style.as_str() {
        "plain" => ("", "# ", ""),
        "erlang" => ("", "% ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "xml" => ("<!--", " - ", "-->"),
        other => {
            return Err(
                Fault::new(format!("Invalid style '{other}'.")).hint("there are plain, erlang, c, cblock and xml")
            );
        }
    };
    let given = |name: &str| a.named.iter().find(|(known, _)| &**known == name).map(|(_, value)| value);
    let known = ["newline", "beginning", "prefix", "prefix_count", "decoration", "postfix", "postfix_count", "end"];
    if let Some((other, _)) = a.named.iter().find(|(name, _)| !known.contains(&&**name)) {
        return Err(
            Fault::new(format!("comment takes no option `{other}`")).hint(format!("it takes {}", known.join(", ")))
        );
    }
    let text = |name: &str, default: &str| given(name).map_or_else(|| Ok(default.to_owned()), python::text);
    let count = |name: &str| {
        let count = given(name).map_or(Some(1), Value::as_int);
        count
            .map(|count| usize::try_from(count).unwrap_or(0).min(10_000))
            .ok_or_else(|| Fault::new(format!("{name} is a number")))
    };
    let around = text("decoration", decoration)?;
    let around = around.trim_end();
    let newline = text("newline", "\n")?;
    let beginning = text("beginning", beginning)?;
    let prefix = text("prefix", around)?;
    let decoration = text("decoration", decoration)?;
    let postfix = text("postfix", around)?;
    let end = text("end", end)?;
    let mut out = String::new();
    if !beginning.is_empty() {
        out.push_str(&format!("{beginning}{newline}"));
    }
    if !prefix.is_empty() {
        let line = if prefix == newline { newline.clone() } else { format!("{prefix}{newline}") };
        out.push_str(&line.repeat(count("prefix_count")?));
    }
    let body = format!("{decoration}{}", a.string(0)?.replace(&newline, &format!("{newline}{decoration}")));
    out.push_str(&body.replace(&format!("{decoration}{newline}"), &format!("{}{newline}", decoration.trim_end())));
    let posts = count("postfix_count")?;
    out.push_str(&format!("{newline}{postfix}").repeat(posts));
    if !end.is_empty() {
        out.push_str(&format!("{newline}{end}"));
    }
    Ok(Value::str(out))
}
