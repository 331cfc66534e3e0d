//! Reading files, several in one round trip.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::path::absolute;
use super::prediction::Predicted;
use super::printable::last_lines;
use super::{Context, printable, shell};
use crate::error::{Error, Result};
use crate::host::Stdin;

/// The largest file that is read unless the caller says otherwise, in bytes.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// The largest file that can be read at all, in bytes: what a script prints has a limit, and on the way a file is a third
/// larger.
pub const LIMIT: usize = super::MAX_PRINTED / 3 * 2;

/// How files are read.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The largest file that is read, in bytes. A larger one is an error.
    pub largest: usize,
    /// A missing file is `None` rather than an error.
    pub may_be_missing: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { largest: LARGEST, may_be_missing: false }
    }
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The path that was asked for.
    pub path: String,
    /// The content.
    pub bytes: Vec<u8>,
}

impl Content {
    /// The content as a text; an error when it is none.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            Error::failed(format!("{} is not a text", self.path))
                .caused_by(format!("byte {} is not UTF-8", error.valid_up_to()))
        })
    }

    /// The SHA-256 of the content, in hexadecimal.
    pub fn sha256(&self) -> String {
        sha256(&self.bytes)
    }
}

/// The SHA-256 of bytes, in hexadecimal as `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads one file; `None` when it is missing and may be.
pub async fn read(context: &Context<'_>, path: &str, options: &Options) -> Result<Option<Content>> {
    Ok(read_all(context, &[path], options).await?.pop().flatten())
}

/// Reads files, in the order of `paths`. In check mode a file is as this run would have left it.
pub async fn read_all(context: &Context<'_>, paths: &[&str], options: &Options) -> Result<Vec<Option<Content>>> {
    if options.largest > LIMIT {
        return Err(Error::input(format!("a file of {} bytes can't be read; the most is {LIMIT}", options.largest))
            .hint("run `cat` and save its output to a local file"));
    }
    let mut found: Vec<Result<Option<Vec<u8>>>> = Vec::with_capacity(paths.len());
    let mut asked: Vec<(usize, String)> = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let path = absolute(path)?;
        let (real, predicted) = if context.check { context.predictions.resolve(&path) } else { (path, None) };
        found.push(match predicted {
            Some(predicted) => predicted_content(context, predicted),
            None => {
                asked.push((index, real));
                Ok(None)
            }
        });
    }
    if !asked.is_empty() {
        let limit = (options.largest + 1).to_string();
        let arguments: Vec<&str> =
            std::iter::once(limit.as_str()).chain(asked.iter().map(|(_, path)| path.as_str())).collect();
        let printed = context.script(shell::script(include_str!("sh/read.sh"), &arguments), Stdin::Closed).await?;
        let mut contents = parse(&printed.stdout);
        for (index, _) in asked {
            let (real, content) = contents.next().ok_or_else(|| {
                context.failed("the host's answer ended early").detail(last_lines(&printed.stderr, 10))
            })?;
            // The host's own links may lead to what this run would have changed under another name.
            found[index] = match real.filter(|_| context.check).and_then(|real| context.predictions.resolve(&real).1) {
                None => content,
                Some(predicted) => predicted_content(context, predicted),
            };
        }
    }
    let mut contents = Vec::with_capacity(paths.len());
    for (path, content) in paths.iter().zip(found) {
        let refused = |why: &str| context.failed(format!("can't read {path}")).caused_by(why);
        contents.push(match content {
            Err(error) => {
                let mut refused = refused(&error.parts().message);
                refused.parts_mut().details.clone_from(&error.parts().details);
                return Err(refused);
            }
            Ok(None) if options.may_be_missing => None,
            Ok(None) => return Err(refused("it does not exist")),
            Ok(Some(bytes)) if bytes.len() > options.largest => {
                return Err(refused(&format!("it is larger than {} bytes", options.largest))
                    .hint("read what is needed of it with a command, or raise `max`"));
            }
            Ok(Some(bytes)) => Some(Content { path: (*path).to_owned(), bytes }),
        });
    }
    Ok(contents)
}

fn predicted_content(context: &Context<'_>, predicted: Predicted) -> Result<Option<Vec<u8>>> {
    match predicted {
        Predicted::File(content) => Ok(Some(content)),
        Predicted::Directory => Err(context.failed("it is not a regular file")),
        Predicted::Absent | Predicted::Link(_) => Ok(None),
    }
}

/// An answer of `read.sh`: the path without symbolic links, where the host could tell, and the content.
type Answer = (Option<String>, Result<Option<Vec<u8>>>);

/// The answers of `read.sh`, one for each path.
fn parse(output: &[u8]) -> impl Iterator<Item = Answer> {
    let mut lines = output.split(|byte| *byte == b'\n');
    std::iter::from_fn(move || {
        let mut encoded = Vec::new();
        let mut real = None;
        for line in lines.by_ref() {
            let text = || String::from_utf8_lossy(line.get(1..).unwrap_or_default()).trim().to_owned();
            match line.first() {
                Some(b'>') => real = Some(text()).filter(|real| !real.is_empty()),
                Some(b'.') => return Some((real, decode(&encoded).map(Some))),
                Some(b'-') => return Some((real, Ok(None))),
                Some(b'!') => return Some((real, Err(Error::failed(printable(&text()))))),
                _ => encoded.extend_from_slice(line),
            }
        }
        None
    })
}

/// What `base64` printed, without its line ends.
pub(super) fn decode(encoded: &[u8]) -> Result<Vec<u8>> {
    STANDARD.decode(encoded).map_err(|error| Error::failed("the host's base64 is not base64").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    #[tokio::test]
    async fn files_are_read_byte_for_byte_in_one_round() {
        let bench = Bench::new();
        let every: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let (binary, empty, missing) = (bench.file("it's $x", &every), bench.file("empty", ""), bench.path("missing"));
        let options = Options { may_be_missing: true, ..Options::default() };
        let contents = read_all(&bench.context(), &[&binary, &missing, &empty], &options).await.expect("success");
        assert_eq!(contents[0].as_ref().map(|content| &content.bytes), Some(&every));
        assert_eq!(contents[1], None);
        assert_eq!(contents[2].as_ref().map(|content| content.bytes.len()), Some(0));
    }

    #[tokio::test]
    async fn what_the_kernel_says_has_no_size_is_read_too() {
        let bench = Bench::new();
        let content = read(&bench.context(), "/proc/sys/kernel/ostype", &Options::default()).await.expect("success");
        assert_eq!(content.as_ref().and_then(|content| content.text().ok()), Some("Linux\n"));
    }

    #[tokio::test]
    async fn what_can_not_be_read_is_an_error_that_says_why() {
        let bench = Bench::new();
        let large = bench.file("large", vec![b'x'; 1001]);
        let options = Options { largest: 1000, may_be_missing: false };
        for (path, why) in [
            (bench.path("missing"), "it does not exist"),
            (bench.path(""), "it is not a regular file"),
            (large, "it is larger than 1000 bytes"),
        ] {
            let error = read(&bench.context(), &path, &options).await.expect_err("a failure");
            assert_eq!(error.parts().causes, [why]);
        }
        let exact = bench.file("exact", vec![b'x'; 1000]);
        assert!(read(&bench.context(), &exact, &options).await.is_ok());
    }

    #[tokio::test]
    async fn check_mode_reads_what_the_run_would_have_written() {
        let bench = Bench::new();
        let path = bench.file("file", "old");
        bench.predictions.record(path.as_str(), Predicted::File(b"new".to_vec()));
        let content = read(&bench.check(), &path, &Options::default()).await.expect("success");
        assert_eq!(content.map(|content| content.bytes), Some(b"new".to_vec()));
        let content = read(&bench.context(), &path, &Options::default()).await.expect("success");
        assert_eq!(content.map(|content| content.bytes), Some(b"old".to_vec()));
    }
}
