//! Dates and times as Python's `datetime` has them.

use std::rc::Rc;

use jiff::civil;

use super::fault::{Fault, R};
use super::value::Value;

/// A `datetime`, or a `date` alone.
#[derive(Clone, Debug)]
pub struct Time {
    pub civil: civil::DateTime,
    /// Seconds east of UTC, where it knows its zone.
    pub offset: Option<i32>,
    pub is_date: bool,
}

/// A `timedelta` in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub struct Delta(i128);

impl Delta {
    pub fn new(micros: i128) -> Self {
        Self(micros)
    }

    pub fn micros(self) -> i128 {
        self.0
    }

    pub fn days(self) -> i128 {
        self.0.div_euclid(86_400_000_000)
    }

    /// The seconds beside whole days.
    pub fn seconds(self) -> i128 {
        self.0.rem_euclid(86_400_000_000) / 1_000_000
    }
}

impl std::fmt::Display for Delta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let days = self.days();
        if days != 0 {
            write!(f, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
        }
        let seconds = self.seconds();
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        let micros = self.0.rem_euclid(1_000_000);
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        Ok(())
    }
}

/// Python's `==`.
///
/// # Errors
/// A date and a time of its day: Python up to 3.12 has an inventory's date equal to it, Python 3.13 has not.
pub fn equal(left: &Time, right: &Time) -> R<bool> {
    if left.is_date && !right.is_date && left.civil.date() == right.civil.date() {
        return Err(cannot_compare(left, right));
    }
    Ok(left == right)
}

/// Two that have no order, or another one with each version of Python.
pub fn cannot_compare(left: &Time, right: &Time) -> Box<Fault> {
    if left.is_date == right.is_date {
        return Fault::new("can't compare offset-naive and offset-aware datetimes");
    }
    let fault = Fault::new(format!("can't compare a {} to a {}", left.type_name(), right.type_name()));
    fault.hint(
        "Ansible's answer is another one with Python 3.13 than before: compare two dates, `time.date()`, or two times",
    )
}

/// Python's: two instants are compared where both know their zones, two clocks where neither does.
impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        self.is_date == other.is_date
            && self.offset.is_some() == other.offset.is_some()
            && self.micros() == other.micros()
    }
}

impl Time {
    pub fn new(civil: civil::DateTime) -> Self {
        Self { civil, offset: None, is_date: false }
    }

    /// This machine's time.
    pub fn now(utc: bool) -> Self {
        let zone = if utc { jiff::tz::TimeZone::UTC } else { jiff::tz::TimeZone::system() };
        Self::new(micros_only(jiff::Timestamp::now().to_zoned_datetime(zone).datetime()))
    }

    /// Its date alone.
    pub fn day(&self) -> Self {
        Self { civil: self.civil.date().to_datetime(civil::Time::midnight()), offset: None, is_date: true }
    }

    /// Days since the year 1, which begins with day 1.
    pub fn ordinal(&self) -> i64 {
        const DAYS_TO_1970: i64 = 719_163;
        i64::try_from(self.day().micros().div_euclid(86_400_000_000)).unwrap_or(0) + DAYS_TO_1970
    }

    /// The name of its zone, as Python has it for a zone that is an offset.
    pub fn zone_name(&self) -> Option<String> {
        match self.offset? {
            0 => Some("UTC".to_owned()),
            offset => Some(format!("UTC{}", zone(offset, ":"))),
        }
    }

    pub fn type_name(&self) -> &'static str {
        if self.is_date { "date" } else { "datetime" }
    }

    /// Microseconds since 1970, in its zone or as if it were UTC.
    pub fn micros(&self) -> i128 {
        let zoned =
            self.civil.to_zoned_datetime(jiff::tz::TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_microsecond());
        i128::from(zoned) - i128::from(self.offset.unwrap_or(0)) * 1_000_000
    }

    /// Seconds since 1970; without a zone it is this machine's time.
    pub fn timestamp(&self) -> f64 {
        let micros = match self.offset {
            Some(_) => i64::try_from(self.micros()).unwrap_or(0),
            None => self
                .civil
                .to_zoned_datetime(jiff::tz::TimeZone::system())
                .map_or(0, |zoned| zoned.timestamp().as_microsecond()),
        };
        let micros = micros as f64;
        micros / 1e6
    }

    pub fn plus(&self, delta: Delta) -> R<Self> {
        let span = i64::try_from(delta.micros()).map(jiff::SignedDuration::from_micros);
        let civil = span.ok().and_then(|span| self.civil.checked_add(span).ok());
        let civil = civil.ok_or_else(|| Fault::new("date value out of range"))?;
        Ok(Self { civil, ..self.clone() })
    }

    /// `2026-11-27 19:30:30.000001+00:00`, with another text between date and time.
    pub fn iso(&self, between: &str) -> String {
        let at = &self.civil;
        let date = format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day());
        if self.is_date {
            return date;
        }
        let mut text = format!("{date}{between}{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second());
        let micros = at.subsec_nanosecond() / 1000;
        if micros != 0 {
            text.push_str(&format!(".{micros:06}"));
        }
        if let Some(offset) = self.offset {
            text.push_str(&zone(offset, ":"));
        }
        text
    }

    /// Python's `repr`.
    pub fn repr(&self) -> String {
        let at = &self.civil;
        let mut parts = vec![i64::from(at.year()), i64::from(at.month()), i64::from(at.day())];
        if self.is_date {
            return format!("datetime.date({}, {}, {})", parts[0], parts[1], parts[2]);
        }
        let micros = i64::from(at.subsec_nanosecond() / 1000);
        parts.extend([i64::from(at.hour()), i64::from(at.minute())]);
        if at.second() != 0 || micros != 0 {
            parts.push(at.second().into());
        }
        if micros != 0 {
            parts.push(micros);
        }
        let parts: Vec<String> = parts.iter().map(i64::to_string).collect();
        let zone = match self.offset {
            None => String::new(),
            Some(0) => ", tzinfo=datetime.timezone.utc".into(),
            // Python's difference of times has its days below zero, and seconds never.
            Some(offset) if offset < 0 => format!(
                ", tzinfo=datetime.timezone(datetime.timedelta(days={}, seconds={}))",
                offset.div_euclid(86_400),
                offset.rem_euclid(86_400)
            ),
            Some(offset) => format!(", tzinfo=datetime.timezone(datetime.timedelta(seconds={offset}))"),
        };
        format!("datetime.datetime({}{zone})", parts.join(", "))
    }

    /// C's `strftime` in the C locale; `%f` is Python's.
    pub fn strftime(&self, format: &str, zone_name: &str, has_micros: bool) -> String {
        let at = &self.civil;
        let mut out = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let Some(mut kind) = chars.next() else {
                out.push('%');
                break;
            };
            let flag = matches!(kind, '-' | '_' | '0' | '^').then_some(kind);
            if flag.is_some() {
                kind = chars.next().unwrap_or('%');
            }
            let number = |value: i64, width: usize, pad: char| match (flag, pad) {
                (Some('-'), _) => value.to_string(),
                (Some('_'), _) | (None, ' ') => format!("{value:>width$}"),
                _ => format!("{value:0>width$}"),
            };
            let hour12 = i64::from((at.hour() + 11) % 12 + 1);
            let weekday = usize::try_from(at.weekday().to_sunday_zero_offset()).unwrap_or(0);
            let month = usize::try_from(at.month() - 1).unwrap_or(0);
            let (day, yearday) = (i64::from(at.day()), i64::from(at.day_of_year()));
            let from_sunday = i64::from(at.weekday().to_sunday_zero_offset());
            let from_monday = i64::from(at.weekday().to_monday_zero_offset());
            let part = match kind {
                'Y' => at.year().to_string(),
                'C' => number(i64::from(at.year()).div_euclid(100), 2, '0'),
                'y' => number(i64::from(at.year()).rem_euclid(100), 2, '0'),
                'm' => number(at.month().into(), 2, '0'),
                'd' => number(day, 2, '0'),
                'e' => number(day, 2, ' '),
                'H' => number(at.hour().into(), 2, '0'),
                'k' => number(at.hour().into(), 2, ' '),
                'I' => number(hour12, 2, '0'),
                'l' => number(hour12, 2, ' '),
                'M' => number(at.minute().into(), 2, '0'),
                'S' => number(at.second().into(), 2, '0'),
                'f' if has_micros => format!("{:06}", at.subsec_nanosecond() / 1000),
                'j' => number(yearday, 3, '0'),
                'u' => (from_monday + 1).to_string(),
                'w' => from_sunday.to_string(),
                'U' => number((yearday + 6 - from_sunday) / 7, 2, '0'),
                'W' => number((yearday + 6 - from_monday) / 7, 2, '0'),
                'V' => number(at.date().iso_week_date().week().into(), 2, '0'),
                'G' => at.date().iso_week_date().year().to_string(),
                'g' => number(i64::from(at.date().iso_week_date().year()).rem_euclid(100), 2, '0'),
                'a' => DAYS[weekday][..3].to_owned(),
                'A' => DAYS[weekday].to_owned(),
                'b' | 'h' => MONTHS[month][..3].to_owned(),
                'B' => MONTHS[month].to_owned(),
                'p' => if at.hour() < 12 { "AM" } else { "PM" }.to_owned(),
                'P' => if at.hour() < 12 { "am" } else { "pm" }.to_owned(),
                'z' => self.offset.map_or_else(String::new, |offset| zone(offset, "")),
                'Z' => zone_name.to_owned(),
                's' => {
                    let seconds = self.timestamp().floor() as i64;
                    seconds.to_string()
                }
                'D' | 'x' => self.strftime("%m/%d/%y", zone_name, has_micros),
                'F' => self.strftime("%Y-%m-%d", zone_name, has_micros),
                'R' => self.strftime("%H:%M", zone_name, has_micros),
                'T' | 'X' => self.strftime("%H:%M:%S", zone_name, has_micros),
                'r' => self.strftime("%I:%M:%S %p", zone_name, has_micros),
                'c' => self.strftime("%a %b %e %H:%M:%S %Y", zone_name, has_micros),
                'n' => "\n".to_owned(),
                't' => "\t".to_owned(),
                '%' => "%".to_owned(),
                other => format!("%{}{other}", flag.map_or_else(String::new, String::from)),
            };
            out.push_str(&if flag == Some('^') { part.to_uppercase() } else { part });
        }
        out
    }

    /// Python's `datetime.strptime`.
    pub fn strptime(text: &str, format: &str) -> R<Self> {
        let fail = || Fault::new(format!("time data '{text}' does not match format '{format}'"));
        let (mut year, mut month, mut day, mut hour, mut minute, mut second) = (1900, 1, 1, 0, 0, 0);
        let (mut micros, mut offset, mut pm, mut yearday) = (0i32, None, None, None);
        let mut rest = text;
        let expanded = format.replace("%T", "%H:%M:%S").replace("%D", "%m/%d/%y").replace("%F", "%Y-%m-%d");
        let mut chars = expanded.chars();
        while let Some(c) = chars.next() {
            if c.is_whitespace() {
                rest = rest.trim_start();
                continue;
            }
            if c != '%' {
                rest = rest.strip_prefix(c).ok_or_else(fail)?;
                continue;
            }
            let kind = chars.next().ok_or_else(fail)?;
            let mut number = |most: usize| -> R<i32> {
                let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
                let (digits, after) = rest.split_at(digits);
                rest = after;
                digits.parse().map_err(|_| fail())
            };
            match kind {
                'Y' => year = number(4)?,
                'y' => {
                    let short = number(2)?;
                    year = if short < 69 { 2000 + short } else { 1900 + short };
                }
                'm' => month = number(2)?,
                'd' | 'e' => day = number(2)?,
                'H' => hour = number(2)?,
                'I' => hour = number(2)?,
                'M' => minute = number(2)?,
                'S' => second = number(2)?,
                'j' => yearday = Some(number(3)?),
                'f' => {
                    let digits = rest.bytes().take(6).take_while(u8::is_ascii_digit).count();
                    let (digits, after) = rest.split_at(digits);
                    rest = after;
                    micros = format!("{digits:0<6}").parse().map_err(|_| fail())?;
                }
                'a' | 'A' | 'b' | 'B' | 'p' => {
                    let names: Vec<&str> = match kind {
                        'a' => DAYS.iter().map(|name| &name[..3]).collect(),
                        'A' => DAYS.to_vec(),
                        'b' => MONTHS.iter().map(|name| &name[..3]).collect(),
                        'B' => MONTHS.to_vec(),
                        _ => vec!["AM", "PM"],
                    };
                    let at = names
                        .iter()
                        .position(|name| rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)));
                    let at = at.ok_or_else(fail)?;
                    rest = &rest[names[at].len()..];
                    match kind {
                        'b' | 'B' => month = i32::try_from(at).unwrap_or(0) + 1,
                        'p' => pm = Some(at == 1),
                        _ => {}
                    }
                }
                'z' => {
                    if let Some(after) = rest.strip_prefix('Z') {
                        (offset, rest) = (Some(0), after);
                    } else {
                        let sign = if rest.starts_with('-') { -1 } else { 1 };
                        rest = rest.strip_prefix(['+', '-']).ok_or_else(fail)?;
                        let mut two = || -> R<i32> {
                            let digits = rest.get(..2).ok_or_else(fail)?;
                            rest = rest[2..].strip_prefix(':').unwrap_or(&rest[2..]);
                            digits.parse().map_err(|_| fail())
                        };
                        offset = Some(sign * (two()? * 3600 + two()? * 60));
                    }
                }
                'Z' => {
                    let name = ["UTC", "GMT"].into_iter().find(|name| rest.starts_with(name)).ok_or_else(fail)?;
                    rest = &rest[name.len()..];
                }
                '%' => rest = rest.strip_prefix('%').ok_or_else(fail)?,
                other => {
                    return Err(Fault::new(format!("'{other}' is a bad directive in format '{format}'")));
                }
            }
        }
        if !rest.is_empty() {
            return Err(Fault::new(format!("unconverted data remains: {rest}")));
        }
        match pm {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        let small = |value: i32| i8::try_from(value).map_err(|_| fail());
        let year = i16::try_from(year).map_err(|_| fail())?;
        let mut at = civil::DateTime::new(
            year,
            small(month)?,
            small(day)?,
            small(hour)?,
            small(minute)?,
            small(second)?,
            micros * 1000,
        )
        .map_err(|_| fail())?;
        if let Some(yearday) = yearday {
            let first = civil::date(year, 1, 1).to_datetime(at.time());
            at = first.checked_add(jiff::Span::new().days(i64::from(yearday) - 1)).map_err(|_| fail())?;
        }
        Ok(Self { civil: at, offset, is_date: false })
    }
}

/// A time of an inventory, from its ISO form.
pub fn held(iso: &str) -> Value {
    super::yaml_load::date(iso).unwrap_or_else(|| {
        let fault = Fault::new(format!("`{iso}` is a time without a date, which templates can't have here"));
        Value::Marker(Rc::new(*fault.hint("put it in quotes where it is written: then it is a text")))
    })
}

/// Without what is smaller than a microsecond.
pub fn micros_only(at: civil::DateTime) -> civil::DateTime {
    let whole = at.subsec_nanosecond() / 1000 * 1000;
    at.with().subsec_nanosecond(whole).build().unwrap_or(at)
}

fn zone(offset: i32, between: &str) -> String {
    let (sign, offset) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    format!("{sign}{:02}{between}{:02}", offset / 3600, offset / 60 % 60)
}

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
