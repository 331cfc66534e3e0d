//! The options map that a function takes as its last argument, checked against what the function knows.

use std::time::Duration;

use jiff::SignedDuration;
use rhai::{Array, Dynamic, FnPtr, Map};

use super::catalog::Entry;
use super::value::{Unknown, to_json};
use crate::error::{Error, Result};
use crate::host::{User, is_user_name};
use crate::run::Who;

/// The options of one call. Each is taken once; what the function doesn't know is refused at the start.
pub struct Options {
    function: &'static str,
    map: Map,
}

impl Options {
    /// The options of a call of the function that `entry` describes.
    pub fn new(entry: &'static Entry, map: Map) -> Result<Self> {
        if let Some(unknown) = map.keys().find(|key| entry.option(key).is_none()) {
            return Err(unknown_option(entry, unknown));
        }
        Ok(Self { function: entry.name, map })
    }

    fn take(&mut self, name: &str) -> Option<Dynamic> {
        self.map.remove(name).filter(|value| !value.is_unit())
    }

    fn wrong(&self, name: &str, wanted: &str, given: &Dynamic) -> Error {
        if let Some(unknown) = given.read_lock::<Unknown>() {
            return unknown.error();
        }
        let shown = if given.is_string() { format!(" `{given}`") } else { String::new() };
        Error::input(format!(
            "option `{name}` of {} has to be {wanted}, not {}{shown}",
            self.function,
            given.type_name()
        ))
    }

    /// A text.
    pub fn text(&mut self, name: &str) -> Result<Option<String>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        if value.is_string() { Ok(Some(value.to_string())) } else { Err(self.wrong(name, "a text", &value)) }
    }

    /// Yes or no.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        value.as_bool().map(Some).map_err(|_| self.wrong(name, "true or false", &value))
    }

    /// Whom to be: true, false, or the name of a user of the host.
    pub fn user(&mut self, name: &str) -> Result<Option<Who>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        if let Ok(becomes) = value.as_bool() {
            return Ok(Some(if becomes { Who::Become } else { Who::User(User::Login) }));
        }
        let named = value.clone().into_string().ok().filter(|user| is_user_name(user));
        named
            .map(|user| Some(Who::User(User::named(&user))))
            .ok_or_else(|| self.wrong(name, "true, false or the name of a user of the host", &value))
    }

    /// A whole number that is not negative.
    pub fn count(&mut self, name: &str) -> Result<Option<u64>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let count = value.as_int().ok().and_then(|count| u64::try_from(count).ok());
        count.map(Some).ok_or_else(|| self.wrong(name, "a whole number from 0", &value))
    }

    /// A time span: seconds, or a text such as `"90s"` or `"5m"`.
    pub fn duration(&mut self, name: &str) -> Result<Option<Duration>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        duration(&value)
            .map(Some)
            .ok_or_else(|| self.wrong(name, "seconds, or a text such as \"90s\" or \"5m\"", &value))
    }

    /// A list of texts; a single text is a list of one.
    pub fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        if value.is_string() {
            return Ok(Some(vec![value.to_string()]));
        }
        let texts = value.as_array_ref().ok().and_then(|items| {
            items.iter().map(|item| item.is_string().then(|| item.to_string())).collect::<Option<Vec<String>>>()
        });
        texts.map(Some).ok_or_else(|| self.wrong(name, "a text or a list of texts", &value))
    }

    /// One of two words: whether it is the second.
    pub fn either(&mut self, name: &str, words: [&str; 2]) -> Result<Option<bool>> {
        let Some(word) = self.text(name)? else { return Ok(None) };
        match words.iter().position(|known| *known == word) {
            Some(at) => Ok(Some(at == 1)),
            None => Err(Error::input(format!("option `{name}` can't be `{word}`"))
                .did_you_mean(&word, words)
                .hint(format!("it is `{}` or `{}`", words[0], words[1]))),
        }
    }

    /// A map, as JSON.
    pub fn json(&mut self, name: &str) -> Result<Option<serde_json::Map<String, serde_json::Value>>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match to_json(&value)? {
            serde_json::Value::Object(fields) => Ok(Some(fields)),
            _ => Err(self.wrong(name, "a map", &value)),
        }
    }

    /// A function.
    pub fn function(&mut self, name: &str) -> Result<Option<FnPtr>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.read_lock::<FnPtr>() {
            Some(function) => Ok(Some(function.clone())),
            None => Err(self.wrong(name, "a function such as |m| …", &value)),
        }
    }

    /// Any value.
    pub fn any(&mut self, name: &str) -> Option<Dynamic> {
        self.take(name)
    }
}

/// A time span as scripts write it.
pub fn duration(value: &Dynamic) -> Option<Duration> {
    if let Ok(seconds) = value.as_int() {
        return u64::try_from(seconds).ok().map(Duration::from_secs);
    }
    if let Ok(seconds) = value.as_float() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    value.as_immutable_string_ref().ok().and_then(|text| parse_duration(&text))
}

/// A time span such as `"90s"`, `"5m"`, `"1h 30m"` or `"250ms"`; a number alone is seconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    text.parse::<SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok())
}

/// A time span for a person: `1 min 52 s`, `0.8 s`.
pub fn shown_duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => {
            let tenths = (span.as_millis() + 50) / 100;
            if tenths.is_multiple_of(10) {
                format!("{} s", tenths / 10)
            } else {
                format!("{}.{} s", tenths / 10, tenths % 10)
            }
        }
        60..3600 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The error of an option that the function doesn't take.
pub fn unknown_option(entry: &Entry, given: &str) -> Error {
    let names: Vec<&str> = entry.options.iter().map(|option| option.name).collect();
    let error =
        Error::input(format!("{} takes no option `{given}`", entry.name)).did_you_mean(given, names.iter().copied());
    if names.is_empty() {
        error.hint(format!("{} takes no options", entry.name))
    } else {
        error.hint(format!("it takes {}", names.join(", ")))
    }
}

/// The hosts of a list that a script gave.
pub fn hosts_of(items: &Array) -> Option<Vec<super::api::host::Host>> {
    items.iter().map(|item| item.read_lock::<super::api::host::Host>().map(|host| host.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_written_as_people_write_them() {
        assert_eq!(parse_duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("5m"), Some(Duration::from_secs(300)));
        assert_eq!(parse_duration("1h 30m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("7"), Some(Duration::from_secs(7)));
        assert_eq!(parse_duration("-5s"), None);
        assert_eq!(parse_duration("soon"), None);
    }

    #[test]
    fn time_spans_are_shown_with_their_units() {
        assert_eq!(shown_duration(Duration::from_millis(840)), "0.8 s");
        assert_eq!(shown_duration(Duration::from_secs(5)), "5 s");
        assert_eq!(shown_duration(Duration::from_secs(112)), "1 min 52 s");
    }
}
