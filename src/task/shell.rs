//! The shell scripts of zkmig's own: how data gets into them, and what they share.
//!
//! A script is a text in `sh/` that never changes; what it works on are its positional parameters, each quoted, and its
//! standard input. They run in dash, bash and busybox with the coreutils of CentOS 7.

use std::sync::LazyLock;

use crate::host::bare;

/// What the scripts of the effects begin with.
static PRELUDE: LazyLock<String> = LazyLock::new(|| bare(include_str!("sh/prelude.sh")));

/// The same for those that change something.
static CHANGE: LazyLock<String> = LazyLock::new(|| format!("{}{}", *PRELUDE, bare(include_str!("sh/change.sh"))));

/// A script of zkmig's own.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it begins with, as many others do.
    pub common: &'static str,
    /// What comes after that.
    pub text: String,
}

impl<T: Into<String>> From<T> for Script {
    fn from(text: T) -> Self {
        Self { common: "", text: text.into() }
    }
}

/// A text as one word of a POSIX shell script.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The script `body` with these positional parameters.
pub fn script(body: &str, arguments: &[&str]) -> Script {
    after(&PRELUDE, body, arguments)
}

/// The same for a script that changes something.
pub fn changing(body: &str, arguments: &[&str]) -> Script {
    after(&CHANGE, body, arguments)
}

fn after(common: &'static str, body: &str, arguments: &[&str]) -> Script {
    let arguments: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
    Script { common, text: format!("set -- {}\n{}", arguments.join(" "), bare(body)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_keeps_every_character() {
        let text = "it's $HOME `id` \\ \"x\"\n; rm -rf / #\t*";
        let output = std::process::Command::new("sh").arg("-c").arg(format!("printf %s {}", quoted(text))).output();
        assert_eq!(output.map(|output| output.stdout).ok(), Some(text.as_bytes().to_vec()));
    }

    #[test]
    fn no_parameters_are_none() {
        let script = script("echo $#", &[]);
        let text = format!("{}{}", script.common, script.text);
        let output = std::process::Command::new("sh").arg("-c").arg(text).output();
        assert_eq!(output.map(|output| output.stdout).ok(), Some(b"0\n".to_vec()));
    }
}
