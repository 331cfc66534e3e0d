//! A host that answers the scripts of the effects with whatever it is given.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use zkmig::error::{Error, Result};
use zkmig::host::{Command, Exit, Output, Pipe, Socket, Stream, Transport, User};
use zkmig::run::secrets::Secrets;
use zkmig::task::lock::{Holder, Lock};
use zkmig::task::{Context, Predictions, Silent};
use zkmig::task::{
    absent, attributes, backup, command, directory, facts, journal, link, process, read, service, stat, write,
};

struct Liar {
    status: i32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

#[async_trait]
impl Transport for Liar {
    async fn run(&self, _: Command, output: &mut dyn Output) -> Result<Exit> {
        for piece in self.stdout.chunks(1000) {
            output.write(Pipe::Stdout, piece);
        }
        output.write(Pipe::Stderr, &self.stderr);
        Ok(Exit { status: self.status, timed_out: false })
    }

    async fn aside(&self, command: Command, _: &str, output: &mut dyn Output) -> Result<Exit> {
        self.run(command, output).await
    }

    async fn stream(&self, _: Command) -> Result<Box<dyn Stream>> {
        let mut pieces: Vec<_> =
            self.stdout.chunks(1000).map(|piece| (Pipe::Stdout, Bytes::copy_from_slice(piece))).collect();
        pieces.push((Pipe::Stderr, Bytes::copy_from_slice(&self.stderr)));
        Ok(Box::new(Told(pieces.into_iter(), self.status)))
    }

    async fn dial(&self, _: &str, _: u16) -> Result<Box<dyn Socket>> {
        Err(Error::failed("nothing listens"))
    }

    async fn close(&self) {}

    fn round_trips(&self) -> u64 {
        0
    }
}

struct Told(std::vec::IntoIter<(Pipe, Bytes)>, i32);

#[async_trait]
impl Stream for Told {
    async fn next(&mut self) -> Result<Option<(Pipe, Bytes)>> {
        Ok(self.0.next())
    }

    fn exit(&self) -> Option<Exit> {
        Some(Exit { status: self.1, timed_out: false })
    }
}

/// The first byte chooses the effect and whether it is in check mode, the second the exit status; a byte `1` parts what
/// is printed from the errors.
pub fn run(input: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    }
    let (which, status, rest) = match input {
        [which, status, rest @ ..] => (*which, i32::from(*status).saturating_sub(i32::from(b'0')), rest),
        _ => return,
    };
    let mut parts = rest.splitn(2, |byte| *byte == 1);
    let mut part = || parts.next().unwrap_or_default().to_vec();
    let liar = Liar { status, stdout: part(), stderr: part() };
    let predictions = Predictions::default();
    let context = Context {
        host: "liar",
        transport: &liar,
        user: User::Login,
        check: which >= 128,
        predictions: &predictions,
        timeout: Duration::from_secs(5),
        progress: &Silent,
    };
    let error = RUNTIME.with(|runtime| runtime.block_on(effect(&context, which % 128)).err());
    if let Some(error) = error {
        let _ = (zkmig::report::diagnostic::render(&error, false), Secrets::default().redact_error(error));
    }
}

async fn effect(context: &Context<'_>, which: u8) -> Result<()> {
    let wanted = attributes::Wanted { mode: Some(0o600), owner: None, group: None };
    let lock = Lock { context, path: "" };
    let holder = Holder { run: "r".to_owned(), token: "t".to_owned(), ..Holder::default() };
    let selection = journal::Selection { since: Some("s=1;b=0;m=5".to_owned()), ..journal::Selection::default() };
    match which.wrapping_sub(b'a') {
        0 => drop(read::read_all(context, &["/a", "/b"], &read::Options::default()).await?),
        1 => drop(stat::stat_all(context, &["/a", "/b"], true).await?),
        2 => {
            let names = [
                "hostname",
                "os_release",
                "time",
                "uptime_seconds",
                "memory_bytes",
                "cpus",
                "mounts",
                "disk",
                "selinux",
                "groups",
            ];
            drop(facts::facts(context, &names, &["/", "/var"]).await?);
        }
        3 => drop(process::find(context, "java", true).await?),
        4 => drop(service::status(context, "dcos-exhibitor").await?),
        5 if !context.check => drop(service::act(context, "dcos-exhibitor", service::Verb::Restart, true, None).await?),
        6 => drop(write::write(context, "/a", b"new", &write::Options::default()).await?),
        7 => drop(backup::backup(context, "/a", "/a.orig", true).await?),
        8 => drop(absent::absent(context, "/tmp/a", true).await?),
        9 => drop(attributes::attributes(context, "/a", &wanted).await?),
        10 => drop(directory::directory(context, "/a", &wanted, true).await?),
        11 => drop(link::link(context, "/a", "b").await?),
        12 => drop(journal::read(context, &selection, 5).await?),
        13 => drop(journal::cursor(context).await?),
        14 if !context.check => {
            let patterns = vec![journal::wait::Pattern::new("x", "id = ([0-9]+)")?];
            drop(
                journal::wait::wait(context, &journal::wait::Options { selection, patterns, ..Default::default() })
                    .await?,
            );
        }
        15 => {
            if let Some(held) = lock.look().await? {
                let _ = (held.facts(), zkmig::task::lock::refusal("liar", &held));
            }
        }
        16 => drop(lock.take(&holder).await?),
        17 => drop(lock.renew(&holder).await?),
        18 if !context.check => drop(command::run(context, &command::Options::script("x")).await?),
        _ => {}
    }
    Ok(())
}
