//! The shell scripts of zkmig's own: how data gets into them, and what they share.
//!
//! A script is a text in `sh/` that never changes; what it works on are its positional parameters, each quoted, and its
//! standard input. They run in dash, bash and busybox with the coreutils of CentOS 7.

/// What every script of ours begins with.
const PRELUDE: &str = include_str!("sh/prelude.sh");

/// A text as one word of a POSIX shell script.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The script `body` with these positional parameters.
pub fn script(body: &str, arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
    format!("set -- {}\n{PRELUDE}{body}", arguments.join(" "))
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
        let text = script("echo $#", &[]);
        let output = std::process::Command::new("sh").arg("-c").arg(text).output();
        assert_eq!(output.map(|output| output.stdout).ok(), Some(b"0\n".to_vec()));
    }
}
