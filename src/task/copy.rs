//! Bringing a file on a host to a content: a text, or a file of this machine.

use std::path::PathBuf;

use super::Context;
use super::write::{self, Written, write};
use crate::error::{Error, Result};

/// The largest local file that is copied, in bytes: it is held in memory.
pub const LARGEST: u64 = 256 * 1024 * 1024;

/// Where the content comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The content itself.
    Content(Vec<u8>),
    /// A file of this machine. Its mode and owner are not copied.
    File(PathBuf),
}

/// Copies to `path` on the host.
pub async fn copy(context: &Context<'_>, path: &str, source: &Source, options: &write::Options) -> Result<Written> {
    match source {
        Source::Content(content) => write(context, path, content, options).await,
        Source::File(file) => write(context, path, &local(file).await?, options).await,
    }
}

async fn local(file: &std::path::Path) -> Result<Vec<u8>> {
    let wrong = |error: std::io::Error| Error::input(format!("can't read {}", file.display())).caused_by(error);
    let data = tokio::fs::metadata(file).await.map_err(wrong)?;
    if !data.is_file() {
        return Err(Error::input(format!("{} is not a regular file", file.display())).hint("copy one file at a time"));
    }
    if data.len() > LARGEST {
        return Err(Error::input(format!("{} is {} bytes; the most is {LARGEST}", file.display(), data.len())));
    }
    tokio::fs::read(file).await.map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;
    use crate::error::Kind;

    #[tokio::test]
    async fn a_local_file_is_copied_and_a_missing_one_is_a_mistake() {
        let bench = Bench::new();
        let source = Source::File(bench.file("from", "content").into());
        copy(&bench.context(), &bench.path("to"), &source, &write::Options::default()).await.expect("success");
        assert_eq!(std::fs::read(bench.path("to")).ok(), Some(b"content".to_vec()));
        let source = Source::File(bench.path("missing").into());
        let error = copy(&bench.context(), &bench.path("to"), &source, &write::Options::default()).await;
        assert_eq!(error.expect_err("a mistake").kind(), Kind::Input);
    }
}
