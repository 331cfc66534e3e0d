//! `zkmig vault`: shows, makes and changes Ansible's vaults.
//!
//! Whatever is done to several files is worked out for all of them before the first is written: a password that does not fit
//! the last one leaves none half done.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

mod edit;
mod file;
mod string;

use super::vault_options::{VaultArgs, ask};
use crate::error::{Error, Result};
use crate::inventory::vault::passwords::{Purpose, Sources};
use crate::inventory::vault::{Vault, is_encrypted};
use file::File;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print what is in vaults
    View(View),
    /// Change a vault in $EDITOR
    Edit(Edit),
    /// Make a new vault in $EDITOR
    Create(Create),
    /// Make vaults of files, in their place; standard input to standard output when none is named
    Encrypt(Encrypt),
    /// Make plain files of vaults, in their place; standard input to standard output when none is named
    Decrypt(Decrypt),
    /// Give vaults another password
    Rekey(Rekey),
    /// Make `!vault` values to put into a YAML file
    #[command(visible_alias = "encrypt_string")]
    EncryptString(string::Args),
}

#[derive(clap::Args)]
struct View {
    /// The vaults; `-` is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    vault: VaultArgs,
}

#[derive(clap::Args)]
struct Edit {
    /// The vaults, one after the other
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    vault: VaultArgs,
}

#[derive(clap::Args)]
struct Create {
    /// The file, which must not be there
    file: PathBuf,
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    with: EncryptWith,
}

#[derive(clap::Args)]
struct Encrypt {
    /// The files; `-` is standard input
    files: Vec<PathBuf>,
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    with: EncryptWith,
    /// Write there instead; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    output: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Decrypt {
    /// The vaults; `-` is standard input
    files: Vec<PathBuf>,
    #[command(flatten)]
    vault: VaultArgs,
    /// Write there instead; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    output: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Rekey {
    /// The vaults
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    vault: VaultArgs,
    /// The new password: a file, a program that prints it, or `prompt`
    #[arg(long, value_name = "ID@SOURCE", conflicts_with = "new_vault_password_file")]
    new_vault_id: Option<String>,
    /// The new password, without an id: a file, or a program that prints it
    #[arg(long, value_name = "FILE")]
    new_vault_password_file: Option<PathBuf>,
}

/// The option that says with which password vaults are made.
#[derive(clap::Args)]
struct EncryptWith {
    /// The id of the password to encrypt with, when there are several
    #[arg(long, value_name = "ID", env = "ANSIBLE_VAULT_ENCRYPT_IDENTITY", hide_env = true)]
    encrypt_vault_id: Option<String>,
}

pub fn run(args: Args) -> Result<()> {
    match args.command {
        Command::View(args) => view(&args),
        Command::Edit(args) => {
            let vault = opening(&args.vault)?;
            args.files.iter().try_for_each(|path| edit::existing(&vault, path))
        }
        Command::Create(args) => {
            edit::must_not_be_there(&args.file)?;
            let vault = choosing(args.vault.sources()?)?;
            edit::new(&vault, &args.file, args.with.encrypt_vault_id.as_deref())
        }
        Command::Encrypt(args) => encrypt(&args),
        Command::Decrypt(args) => decrypt(&args),
        Command::Rekey(args) => rekey(&args),
        Command::EncryptString(args) => string::run(&args),
    }
}

/// The passwords to open vaults with: asked for when none is named.
fn opening(args: &VaultArgs) -> Result<Vault> {
    with(args.sources()?, Purpose::Open)
}

/// The passwords to make vaults with.
fn choosing(sources: Sources) -> Result<Vault> {
    with(sources, Purpose::Choose)
}

fn with(mut sources: Sources, purpose: Purpose) -> Result<Vault> {
    sources.ask |= sources.is_empty();
    let vault = sources.load(purpose, &mut ask)?;
    for text in vault.warnings() {
        note(&format!("warning: {text}; the other vault passwords are used"));
    }
    Ok(vault)
}

/// Says something to the person, beside the output.
fn note(text: &str) {
    // Standard error may be closed; the exit code still tells.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::failed("can't write to standard output").caused_by(error))
        }
        _ => Ok(()),
    }
}

/// What was read, and where it came from.
struct Input {
    /// None for standard input.
    file: Option<File>,
    bytes: Zeroizing<Vec<u8>>,
    name: String,
}

fn read(path: &Path, what: &str) -> Result<Input> {
    if path.as_os_str() != "-" {
        let (file, bytes) = File::read(path)?;
        return Ok(Input { file: Some(file), bytes, name: path.display().to_string() });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    if std::io::stdin().is_terminal() {
        note(&format!("type or paste {what}, then Ctrl-D:"));
    }
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| Error::input("can't read standard input").caused_by(error))?;
    Ok(Input { file: None, bytes, name: "standard input".to_owned() })
}

fn inputs(paths: &[PathBuf], output: Option<&Path>, what: &str) -> Result<Vec<Input>> {
    if output.is_some() && paths.len() > 1 {
        return Err(Error::input("--output takes the result of one file, and several were named")
            .hint("leave --output out: each file is changed in its place"));
    }
    let standard = [PathBuf::from("-")];
    let paths = if paths.is_empty() { &standard } else { paths };
    paths.iter().map(|path| read(path, what)).collect()
}

impl Input {
    /// The text, if it is a vault's.
    fn vault_text(&self) -> Result<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|text| is_encrypted(text.trim_start().as_bytes())).ok_or_else(
            || {
                Error::input(format!("{} is no vault", self.name))
                .hint("a vault's first line begins with $ANSIBLE_VAULT; `zkmig vault encrypt` makes one of a file")
                .hint("a `!vault` value of a YAML file: give its lines from $ANSIBLE_VAULT on to `zkmig vault view -`")
            },
        )
    }

    fn decrypted(&self, vault: &Vault) -> Result<std::sync::Arc<Zeroizing<Vec<u8>>>> {
        vault.bytes(self.vault_text()?, &self.name)
    }
}

/// Writes results: to `output`, or in place of what they were made of.
fn write(results: &[(Input, impl AsRef<[u8]>)], output: Option<&Path>, wipe: bool) -> Result<()> {
    for (input, bytes) in results {
        let bytes = bytes.as_ref();
        match (output, &input.file) {
            (Some(path), _) if path.as_os_str() != "-" => file::put(path, bytes)?,
            (None, Some(file)) => file.replace(bytes, wipe)?,
            _ => print_bytes(bytes)?,
        }
    }
    Ok(())
}

fn view(args: &View) -> Result<()> {
    let inputs = inputs(&args.files, None, "a vault")?;
    inputs.iter().try_for_each(|input| input.vault_text().map(drop))?;
    let vault = opening(&args.vault)?;
    inputs.iter().try_for_each(|input| print_bytes(&input.decrypted(&vault)?))
}

fn encrypt(args: &Encrypt) -> Result<()> {
    let inputs = inputs(&args.files, args.output.as_deref(), "what is to be encrypted")?;
    for input in &inputs {
        if is_encrypted(&input.bytes) {
            return Err(Error::input(format!("{} is a vault already", input.name))
                .hint("`zkmig vault rekey` gives it another password"));
        }
    }
    let vault = choosing(args.vault.sources()?)?;
    let results: Vec<(Input, String)> = inputs
        .into_iter()
        .map(|input| {
            let text = vault.encrypt(&input.bytes, args.with.encrypt_vault_id.as_deref())?;
            Ok((input, text))
        })
        .collect::<Result<_>>()?;
    write(&results, args.output.as_deref(), true)
}

fn decrypt(args: &Decrypt) -> Result<()> {
    let inputs = inputs(&args.files, args.output.as_deref(), "a vault")?;
    inputs.iter().try_for_each(|input| input.vault_text().map(drop))?;
    let vault = opening(&args.vault)?;
    let results: Vec<(Input, Plain)> = inputs
        .into_iter()
        .map(|input| {
            let plain = Plain(input.decrypted(&vault)?);
            Ok((input, plain))
        })
        .collect::<Result<_>>()?;
    write(&results, args.output.as_deref(), false)
}

/// What was decrypted.
struct Plain(std::sync::Arc<Zeroizing<Vec<u8>>>);

impl AsRef<[u8]> for Plain {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn rekey(args: &Rekey) -> Result<()> {
    let inputs = inputs(&args.files, None, "a vault")?;
    inputs.iter().try_for_each(|input| input.vault_text().map(drop))?;
    let vault = opening(&args.vault)?;
    let plain: Vec<_> = inputs.iter().map(|input| input.decrypted(&vault)).collect::<Result<_>>()?;
    let new = choosing(Sources {
        ids: args.new_vault_id.iter().cloned().collect(),
        files: args.new_vault_password_file.iter().cloned().collect(),
        ..Sources::default()
    })?;
    let results: Vec<(Input, String)> = inputs
        .into_iter()
        .zip(plain)
        .map(|(input, plain)| Ok((input, new.encrypt(&plain, None)?)))
        .collect::<Result<_>>()?;
    write(&results, None, false)?;
    note(&match results.len() {
        1 => "the vault has the new password".to_owned(),
        many => format!("{many} vaults have the new password"),
    });
    Ok(())
}
