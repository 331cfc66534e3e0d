//! One entry of a journal, as `journalctl -o json` prints it.

use std::collections::BTreeMap;

use serde_json::Value;

/// The longest line of `journalctl` that is read, in bytes: a line of JSON takes many times its length while it is read.
pub const LONGEST: usize = 1024 * 1024;

/// The most fields of an entry that are kept: journald itself takes 1024, and the longest that are known have some 50.
const FIELDS: usize = 256;

/// One entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Its place in the journal.
    pub cursor: String,
    /// When it was received, in seconds since 1970 with fraction, by the host's clock.
    pub time: f64,
    /// The process it comes from.
    pub pid: Option<u32>,
    /// The name that the process gave itself.
    pub identifier: Option<String>,
    /// The unit it is about, else the one it comes from.
    pub unit: Option<String>,
    /// The text. What is no UTF-8 in it is replaced by `U+FFFD`.
    pub message: String,
    /// From 0, emergency, to 7, debug.
    pub priority: Option<u8>,
    /// All fields that have no place above, such as `LOG4J_MDC_MYID`. A field that is there several times has its
    /// values on a line each.
    pub fields: BTreeMap<String, String>,
    pub(super) boot: String,
    pub(super) monotonic: u64,
}

impl Entry {
    /// Reads a line of `journalctl -o json`; `None` when it is none, such as `-- Reboot --`, or longer than [`LONGEST`].
    pub fn parse(line: &[u8]) -> Option<Self> {
        if line.first() != Some(&b'{') || line.len() > LONGEST {
            return None;
        }
        // A message may hold bytes that are no UTF-8 even here: old versions print some of them as they are.
        let object = match serde_json::from_slice(line) {
            Ok(Value::Object(object)) => object,
            _ => match serde_json::from_str(&String::from_utf8_lossy(line)) {
                Ok(Value::Object(object)) => object,
                _ => return None,
            },
        };
        let mut fields: BTreeMap<String, String> =
            object.into_iter().map(|(name, value)| (name, text(&value))).collect();
        let cursor = fields.remove("__CURSOR")?;
        let mut take = |name: &str| fields.remove(name);
        let micros = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        let time = micros(take("__REALTIME_TIMESTAMP"));
        let monotonic = micros(take("__MONOTONIC_TIMESTAMP"));
        let (about, of) = (take("UNIT"), take("_SYSTEMD_UNIT"));
        let (real, claimed) = (take("_PID"), take("SYSLOG_PID"));
        Some(Self {
            cursor,
            #[allow(clippy::cast_precision_loss, reason = "microseconds since 1970 are exact until the year 2255")]
            time: time as f64 / 1e6,
            pid: real.or(claimed).and_then(|pid| pid.parse().ok()),
            identifier: take("SYSLOG_IDENTIFIER"),
            unit: about.or(of),
            message: take("MESSAGE").unwrap_or_default(),
            priority: take("PRIORITY").and_then(|priority| priority.parse().ok()),
            boot: take("_BOOT_ID").unwrap_or_default(),
            monotonic,
            fields: fields.into_iter().take(FIELDS).collect(),
        })
    }

    /// The entry as one line for a person: `start_exhibitor.py[4711]: message`.
    pub fn line(&self) -> String {
        let pid = self.pid.map(|pid| format!("[{pid}]")).unwrap_or_default();
        match &self.identifier {
            Some(identifier) => format!("{identifier}{pid}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

/// A field's value: a text; the bytes of one that is no UTF-8; several of those; `null` for one too long to be shown.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let bytes: Option<Vec<u8>> =
                items.iter().map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            match bytes {
                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                None => items.iter().map(text).collect::<Vec<_>>().join("\n"),
            }
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_zookeeper_has_its_fields() {
        let line = br#"{ "__CURSOR" : "s=a;i=1;b=b;m=2;t=3;x=4", "__REALTIME_TIMESTAMP" : "1500000000250000",
            "__MONOTONIC_TIMESTAMP" : "2", "_BOOT_ID" : "b", "_PID" : "24740", "SYSLOG_IDENTIFIER" : "java",
            "_SYSTEMD_UNIT" : "dcos-exhibitor.service", "PRIORITY" : "6", "LOG4J_MDC_MYID" : "4",
            "MESSAGE" : "Notification: my id = 4" }"#;
        let entry = Entry::parse(line).expect("an entry");
        assert_eq!((entry.time, entry.pid, entry.priority), (1_500_000_000.25, Some(24740), Some(6)));
        assert_eq!(entry.unit.as_deref(), Some("dcos-exhibitor.service"));
        assert_eq!(entry.line(), "java[24740]: Notification: my id = 4");
        assert_eq!(entry.fields, [("LOG4J_MDC_MYID".to_owned(), "4".to_owned())].into());
    }

    #[test]
    fn messages_may_be_bytes_or_several_or_too_long() {
        let message = |value: &str| {
            let line = format!("{{\"__CURSOR\":\"c\",\"MESSAGE\":{value}}}");
            Entry::parse(line.as_bytes()).expect("an entry").message
        };
        assert_eq!(message("[27,91,109,255,97]"), "\u{1b}[m\u{fffd}a");
        assert_eq!(message("[\"a\",[98,99]]"), "a\nbc");
        assert_eq!(message("null"), "");
        assert_eq!(message("[300]"), "300");
        assert_eq!(
            Entry::parse(b"{\"__CURSOR\":\"c\",\"MESSAGE\":\"a\xffb\"}").expect("an entry").message,
            "a\u{fffd}b"
        );
    }

    #[test]
    fn what_systemd_says_about_a_unit_belongs_to_it() {
        let line =
            br#"{"__CURSOR":"c","_PID":"1","_SYSTEMD_UNIT":"init.scope","UNIT":"x.service","MESSAGE":"Stopped x."}"#;
        assert_eq!(Entry::parse(line).expect("an entry").unit.as_deref(), Some("x.service"));
    }

    #[test]
    fn what_is_no_entry_is_none() {
        for line in [&b""[..], b"-- No entries --", b"{", b"[]", b"{\"MESSAGE\":\"no cursor\"}"] {
            assert_eq!(Entry::parse(line), None);
        }
    }
}
