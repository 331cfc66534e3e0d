//! The values that must never reach a sink, and their redaction by value.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::events::What;
use crate::error::Error;
use crate::task::printable;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// The shortest value that is redacted: one or two characters would blot out half of every text and hide nothing.
const SHORTEST: usize = 3;

/// The mark behind a text that was cut off before it was redacted.
const CUT: char = '…';

/// The secrets of a run. Clones share them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Arc<Known>>>);

/// Those that are known, the longest first.
#[derive(Clone, Default)]
struct Known {
    values: Vec<String>,
    all: HashSet<String>,
}

impl Secrets {
    /// Marks a value, and each of its lines, as secret, in every spelling that zkmig and its playbooks give texts.
    pub fn add(&self, value: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut new = Vec::new();
        for part in std::iter::once(value).chain(value.lines()) {
            let part = part.trim_end_matches(['\r', '\n']);
            if part.len() < SHORTEST {
                continue;
            }
            for spelling in spellings(part) {
                if !known.all.contains(&spelling) && !new.contains(&spelling) {
                    new.push(spelling);
                }
            }
        }
        if new.is_empty() {
            return;
        }
        let secrets = Arc::make_mut(&mut *known);
        secrets.all.extend(new.iter().cloned());
        secrets.values.extend(new);
        // The longest first, so that a secret that contains another is replaced whole.
        secrets.values.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// The text without any secret.
    pub fn redact(&self, text: &str) -> String {
        let secrets = self.known();
        let mut text = text.to_owned();
        for secret in &secrets.values {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), REDACTED);
            }
            if text.contains(CUT) {
                text = without_beginnings(&text, secret);
            }
        }
        text
    }

    /// Whether a text that is to be used again has a secret in it. A path has none, whatever words are in it.
    pub fn are_in(&self, text: &str) -> bool {
        let shown = self.redact(text);
        let is_path = text.starts_with('/') && !text.contains(char::is_whitespace) && shown != REDACTED;
        shown != text && !is_path
    }

    /// The same for a whole value.
    pub fn are_in_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.are_in(text),
            Value::Array(items) => items.iter().any(|item| self.are_in_value(item)),
            Value::Object(fields) => fields.iter().any(|(key, field)| self.are_in(key) || self.are_in_value(field)),
            Value::Number(number) => self.are_in(&number.to_string()),
            Value::Bool(_) | Value::Null => false,
        }
    }

    /// The error without any secret.
    pub fn redact_error(&self, mut error: Error) -> Error {
        if self.is_empty() {
            return error;
        }
        let parts = error.parts_mut();
        let texts = std::iter::once(&mut parts.message)
            .chain(&mut parts.causes)
            .chain(&mut parts.details)
            .chain(&mut parts.hints)
            .chain(&mut parts.step)
            .chain(parts.excerpts.iter_mut().map(|excerpt| &mut excerpt.label));
        for text in texts {
            *text = self.redact(text);
        }
        for excerpt in &mut parts.excerpts {
            excerpt.text = self.masked(&excerpt.text).into();
        }
        error
    }

    /// The text of a file with as many stars in a secret's place as it has bytes, so that places in it stay where they are.
    fn masked(&self, text: &str) -> String {
        self.known().values.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), &"*".repeat(secret.len())) } else { text }
        })
    }

    /// The event without any secret in its texts. What it is about (hosts, paths, what an effect has left) is how it is
    /// found again, and stays: a password that is also a word of a path must not make it another path.
    pub(super) fn redact_event(&self, mut what: What) -> What {
        if self.is_empty() {
            return what;
        }
        let redact = |texts: &mut [&mut String]| texts.iter_mut().for_each(|text| **text = self.redact(text));
        match &mut what {
            What::RunStarted { steps, .. } => redact(&mut steps.iter_mut().collect::<Vec<_>>()),
            What::HostUnreachable { message, .. } | What::HostRefused { message, .. } => redact(&mut [message]),
            What::StepStarted { step, .. } | What::StepFinished { step, .. } => redact(&mut [step]),
            What::StepSkipped { step, why, .. } => redact(&mut [step, why]),
            What::EffectStarted { step, summary, .. } => {
                redact(&mut [summary]);
                redact(&mut step.iter_mut().collect::<Vec<_>>());
            }
            What::EffectOutput { line, .. } => redact(&mut [line]),
            What::EffectWaiting { status, .. } => redact(&mut [status]),
            What::EffectFinished { step, summary, diff, message, .. } => {
                redact(&mut [summary]);
                redact(&mut step.iter_mut().chain(message).collect::<Vec<_>>());
                if let Some(diff) = diff {
                    redact(&mut [&mut diff.path, &mut diff.before, &mut diff.after]);
                }
            }
            What::UndoKnown { command } => redact(&mut [command]),
            What::Note { text, .. } | What::Warning { text } => redact(&mut [text]),
            What::Data { step, name, data, .. } => {
                redact(&mut [name]);
                redact(&mut step.iter_mut().collect::<Vec<_>>());
                *data = self.redact_data(std::mem::take(data));
            }
            What::Checked { name, found, .. } => redact(&mut [name, found]),
            What::Answered { question, .. } => redact(&mut [question]),
            What::RunFinished { message, .. } => redact(&mut message.iter_mut().collect::<Vec<_>>()),
            What::Notified { step, .. } => redact(&mut step.iter_mut().collect::<Vec<_>>()),
            What::HostConnected { .. }
            | What::NotificationDone { .. }
            | What::Locked { .. }
            | What::Unlocked { .. }
            | What::RollingTurn { .. }
            | What::Interrupted { .. } => {}
        }
        what
    }

    /// A playbook's data without any secret: its keys are texts of the playbook too, and a number can be a secret as a whole.
    fn redact_data(&self, data: serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
        data.into_iter().map(|(key, value)| (self.redact(&key), self.redact_any(value))).collect()
    }

    fn redact_any(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.redact_any(item)).collect(),
            Value::Object(fields) => Value::Object(self.redact_data(fields)),
            Value::Number(number) if self.redact(&number.to_string()) == REDACTED => Value::String(REDACTED.to_owned()),
            Value::Number(_) | Value::Bool(_) | Value::Null => value,
        }
    }

    fn is_empty(&self) -> bool {
        self.known().values.is_empty()
    }

    /// Those that are known now: texts are looked through without holding anybody up who adds one.
    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A text as it is, and as it stands in JSON, in an error that shows it with its escapes, on a terminal, and in quotes of a
/// shell and of YAML.
fn spellings(text: &str) -> Vec<String> {
    let json = serde_json::to_string(text).unwrap_or_default();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    let mut spellings = vec![text.to_owned(), json.to_owned(), text.escape_debug().to_string(), printable(text)];
    let debug = format!("{text:?}");
    spellings.push(debug.get(1..debug.len() - 1).unwrap_or_default().to_owned());
    spellings.push(text.replace('\'', r"'\''"));
    spellings.push(text.replace('\'', "''"));
    // What Kubernetes and HTTP have secrets in: alone, or with a line end, or in a longer text (`user:secret`).
    let lines = format!("{text}\n");
    for bytes in [text, &lines] {
        spellings.extend([STANDARD_NO_PAD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes)]);
    }
    for before in 0..3 {
        let inside = [inside_base64(&STANDARD_NO_PAD, before, text), inside_base64(&URL_SAFE_NO_PAD, before, text)];
        spellings.extend(inside.into_iter().filter(|inside| inside.len() >= 2 * SHORTEST));
    }
    // In XML, in addresses, in regular expressions.
    let xml = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    spellings.push(xml.replace('"', "&#34;").replace('\'', "&#39;"));
    spellings.push(xml.replace('"', "&quot;").replace('\'', "&#x27;"));
    spellings.extend([percent(text, "/"), percent(text, ""), percent(text, "").replace("%20", "+")]);
    let special = |c: char| "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(c);
    spellings.push(text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect());
    // An escaped text in JSON that is itself a text in JSON.
    spellings.push(json.replace('\\', r"\\").replace('"', "\\\""));
    spellings.sort();
    spellings.dedup();
    spellings.retain(|spelling| spelling.len() >= SHORTEST);
    spellings
}

/// What stands in base64 for a text behind `before` other bytes, whatever these and those behind it are: a character is six
/// bits, so that at both ends one may hold bits of a neighbour.
fn inside_base64(encoding: &impl Engine, before: usize, text: &str) -> String {
    let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(text.bytes()).collect();
    let (first, end) = ((8 * before).div_ceil(6), 8 * bytes.len() / 6);
    encoding.encode(bytes).get(first..end).unwrap_or_default().to_owned()
}

/// A text as it stands in an address; `safe` is what stands there as it is, beside letters, digits and `_.-~`.
fn percent(text: &str, safe: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || "_.-~".contains(char::from(byte)) || safe.contains(char::from(byte));
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The text without the beginnings of a secret that were left where something was cut off. A beginning of less than half
/// of the secret stays: it could be any word.
fn without_beginnings(text: &str, secret: &str) -> String {
    let mut pieces = text.split(CUT).map(str::to_owned).collect::<Vec<_>>();
    let cut = pieces.len().saturating_sub(1);
    for piece in &mut pieces[..cut] {
        let ends = secret.char_indices().map(|(at, _)| at).filter(|at| *at >= SHORTEST && *at * 2 >= secret.len());
        if let Some(end) = ends.rev().find(|end| piece.ends_with(&secret[..*end])) {
            piece.truncate(piece.len() - end);
            piece.push_str(REDACTED);
        }
    }
    pieces.join(&CUT.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spellings are those of Jinja's `e`, Ansible's `urlencode`, `regex_escape` and `b64encode`.
    #[test]
    fn a_secret_is_replaced_in_what_filters_make_of_it() {
        let secrets = Secrets::default();
        secrets.add("p@ss \"w0rd\" $x<&>'");
        for text in [
            "p@ss &#34;w0rd&#34; $x&lt;&amp;&gt;&#39;",
            "p%40ss%20%22w0rd%22%20%24x%3C%26%3E%27",
            "p@ss\\ \"w0rd\"\\ \\$x<\\&>'",
            "cEBzcyAidzByZCIgJHg8Jj4n",
        ] {
            assert_eq!(secrets.redact(&format!("is {text}!")), "is [redacted]!", "{text}");
        }
    }

    #[test]
    fn a_secret_in_the_middle_of_base64_is_replaced() {
        let secrets = Secrets::default();
        secrets.add("TOKEN-4711-ABC");
        for before in ["", "u", "us", "user:"] {
            for behind in ["", "@", "@h", "@host/"] {
                let redacted = secrets.redact(&STANDARD_NO_PAD.encode(format!("{before}TOKEN-4711-ABC{behind}")));
                let rest = redacted.replace("[redacted]", "");
                assert!(redacted.contains("[redacted]") && rest.len() <= 17, "{before:?} {behind:?}: {redacted}");
            }
        }
    }

    #[test]
    fn a_secret_is_replaced_wherever_it_stands_in_an_event() {
        let secrets = Secrets::default();
        secrets.add("hunter2");
        let What::Note { text, .. } =
            secrets.redact_event(What::Note { host: None, text: "login hunter2!".to_owned() })
        else {
            panic!("the kind of event changed");
        };
        assert_eq!(text, "login [redacted]!");
    }

    #[test]
    fn a_secret_is_replaced_in_data_whether_it_is_a_key_a_text_or_a_number() {
        let secrets = Secrets::default();
        secrets.add("hunter2");
        secrets.add("12345");
        let data =
            serde_json::json!({ "a hunter2": [{ "b": "x hunter2" }], "pin": 12345, "ms": 123456, "event": "hunter2" });
        let serde_json::Value::Object(data) = data else { panic!("no map") };
        let What::Data { data, .. } =
            secrets.redact_event(What::Data { host: None, step: None, name: "n".to_owned(), data })
        else {
            panic!("the kind of event changed");
        };
        let shown = serde_json::Value::Object(data).to_string();
        let redacted = r#"{"a [redacted]":[{"b":"x [redacted]"}],"pin":"[redacted]","ms":123456,"event":"[redacted]"}"#;
        assert_eq!(shown, redacted);
    }

    #[test]
    fn a_secret_that_is_a_word_of_a_path_leaves_the_path_as_it_is() {
        let secrets = Secrets::default();
        secrets.add("vagrant");
        let path = "/home/vagrant/x".to_owned();
        let What::EffectFinished { summary, facts, host, .. } = secrets.redact_event(What::EffectFinished {
            effect: 1,
            host: Some("vagrant".to_owned()),
            step: None,
            name: "copy".to_owned(),
            summary: path.clone(),
            kind: crate::task::Kind::Change,
            outcome: super::super::events::Outcome::Changed,
            ms: 1,
            diff: None,
            message: None,
            facts: vec![crate::task::Fact::Absent { path: path.clone() }],
            copied: None,
            attempt: false,
        }) else {
            panic!("the kind of event changed");
        };
        assert_eq!(summary, "/home/[redacted]/x");
        assert_eq!((facts, host.as_deref()), (vec![crate::task::Fact::Absent { path }], Some("vagrant")));
    }

    #[test]
    fn a_value_that_is_used_again_has_a_secret_in_it_unless_that_is_a_word_of_a_path() {
        let secrets = Secrets::default();
        secrets.add("vagrant");
        let keeps = serde_json::json!({ "m1": [{ "real_path": "/home/vagrant/x", "changed": true }] });
        assert!(!secrets.are_in_value(&keeps));
        for tells in ["vagrant", "user vagrant", "url=/vagrant", "/a text with vagrant in it"] {
            assert!(secrets.are_in_value(&serde_json::json!([tells])), "{tells}");
        }
        secrets.add("/slashed");
        assert!(secrets.are_in("/slashed"));
    }

    #[test]
    fn a_secret_inside_a_longer_one_does_not_leave_a_rest() {
        let secrets = Secrets::default();
        secrets.add("abc");
        secrets.add("abcdef");
        assert_eq!(secrets.redact("x abcdef y abc"), "x [redacted] y [redacted]");
    }

    #[test]
    fn a_secret_is_found_in_every_spelling_that_texts_are_given() {
        let secret = "a\"b\\c'd\u{1b}e\nsecond \"line\"";
        let secrets = Secrets::default();
        secrets.add(secret);
        let json = serde_json::json!({ "password": secret }).to_string();
        for text in [
            secret.to_owned(),
            serde_json::Value::String(json.clone()).to_string(),
            json,
            format!("{secret:?}"),
            secret.lines().map(printable).collect::<Vec<_>>().join(" / "),
            crate::task::quoted(secret),
        ] {
            let shown = secrets.redact(&text);
            assert!(shown.contains(REDACTED), "{text:?} stayed");
            for rest in ["a\"b", "a\\\"b", "c'd", "second", "line"] {
                assert!(!shown.contains(rest), "{text:?} became {shown:?}");
            }
        }
    }

    #[test]
    fn the_beginning_of_a_secret_at_a_cut_is_redacted_too() {
        let secrets = Secrets::default();
        secrets.add("correct horse battery");
        assert_eq!(secrets.redact("x correct horse b… y"), "x [redacted]… y");
        assert_eq!(secrets.redact("x cor… y"), "x cor… y");
    }

    #[test]
    fn the_lines_that_an_error_points_at_show_stars_of_the_same_width() {
        let secrets = Secrets::default();
        secrets.add("hunter2");
        let excerpt = crate::error::Excerpt::new("play.rhai", "let p = \"hunter2\"; nonsense", 19..27);
        let error = secrets.redact_error(Error::input("hunter2 is wrong").at(excerpt));
        let excerpt = &error.parts().excerpts[0];
        assert_eq!(&*excerpt.text, "let p = \"*******\"; nonsense");
        assert_eq!(&excerpt.text[excerpt.span.clone()], "nonsense");
    }
}
