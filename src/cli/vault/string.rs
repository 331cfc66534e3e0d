//! `zkmig vault encrypt-string`: values to put into a YAML file.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::super::vault_options::VaultArgs;
use super::{EncryptWith, choosing, file, note, print_bytes, read};
use crate::error::{Error, Result};

/// How far the lines of a value are indented, as ansible-vault has it.
const INDENT: &str = "          ";

#[derive(clap::Args)]
pub struct Args {
    /// The texts; `-` or none is standard input. A shell keeps what is typed here in its history: --prompt does not
    texts: Vec<String>,
    /// The variable's name, once for each text
    #[arg(short, long, value_name = "NAME")]
    name: Vec<String>,
    /// The name of the variable that is read from standard input
    #[arg(long, value_name = "NAME")]
    stdin_name: Option<String>,
    /// Ask for the text
    #[arg(short, long)]
    prompt: bool,
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    with: EncryptWith,
    /// Write there instead of to standard output
    #[arg(long, value_name = "FILE|-")]
    output: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<()> {
    let reads_stdin = args.texts.iter().any(|text| text == "-")
        || args.stdin_name.is_some()
        || (args.texts.is_empty() && !args.prompt);
    if args.prompt && reads_stdin {
        return Err(Error::input("--prompt and a text from standard input exclude each other")
            .hint("leave one out: the terminal can't be both"));
    }
    let texts: Vec<&String> = args.texts.iter().filter(|text| *text != "-").collect();
    if args.name.len() > texts.len() + usize::from(args.prompt) + usize::from(reads_stdin && args.stdin_name.is_none())
    {
        return Err(Error::input(format!("there are {} names and fewer texts", args.name.len()))
            .hint("--name is given once for each text, --stdin-name for that of standard input"));
    }
    let vault = choosing(args.vault.sources()?)?;
    let mut names = args.name.iter().map(String::as_str);
    let mut found: Vec<(Option<&str>, Zeroizing<Vec<u8>>)> = Vec::new();
    if args.prompt {
        let typed = super::ask("Text to encrypt")?;
        found.push((names.next(), Zeroizing::new(typed.as_bytes().to_vec())));
    }
    if reads_stdin {
        let bytes = read("-".as_ref(), "the text to encrypt")?.bytes;
        if bytes.ends_with(b"\n") {
            note("the text ends with a line end, which belongs to it; printf makes one without");
        }
        let name = args.stdin_name.as_deref().or_else(|| if texts.is_empty() { names.next() } else { None });
        found.push((name, bytes));
    }
    found.extend(texts.iter().map(|text| (names.next(), Zeroizing::new(text.as_bytes().to_vec()))));
    let mut out = String::new();
    for (name, bytes) in &found {
        if bytes.is_empty() {
            return Err(Error::input("an empty text can't be encrypted").hint("write it as it is: name: \"\""));
        }
        if let Some(name) = name {
            out.push_str(&format!("{name}: "));
        }
        out.push_str("!vault |\n");
        for line in vault.encrypt(bytes, args.with.encrypt_vault_id.as_deref())?.lines() {
            out.push_str(&format!("{INDENT}{line}\n"));
        }
    }
    match args.output.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => file::put(path, out.as_bytes()),
        None => {
            print_bytes(out.as_bytes())?;
            if std::io::stdout().is_terminal() {
                note("put it into a file of variables");
            }
            Ok(())
        }
    }
}
