//! Asking a port of several hosts again and again, beside whatever else the run does.
//!
//! A question goes over a channel of its own of the connection that exists, so it waits for no effect and no effect waits for it;
//! nothing of it runs on the host. Only one question a host is out at a time, and each has a deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::hosts::RunHost;
use super::{Patience, Run};
use crate::error::{Kind, Result};
use crate::task::tcp::{self, Answer};
use crate::task::{Context, Silent};

/// What is asked, and how often.
#[derive(Clone, Debug)]
pub struct Question {
    /// The port, what is sent there, and the longest answer.
    pub options: tcp::Options,
    /// From one question to a host to the next.
    pub interval: Duration,
    /// How long an answer is waited for.
    pub timeout: Duration,
}

/// What came of one question to one host.
#[derive(Debug)]
pub struct Look {
    /// The host's place in the list, counted from 0.
    pub host: usize,
    /// When it was asked.
    pub asked: Instant,
    /// When the answer was there, or when it was no longer waited for.
    pub ended: Instant,
    /// What was found.
    pub found: Found,
}

/// What a question found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// The port said this; perhaps nothing.
    Said(Vec<u8>),
    /// Nothing listens there, or what does broke the connection.
    Refused,
    /// The host gave no answer in time, or can't be reached.
    Unseen,
}

impl Found {
    fn is_silent(&self) -> bool {
        match self {
            Self::Said(bytes) => bytes.is_empty(),
            Self::Refused => true,
            Self::Unseen => false,
        }
    }
}

/// Hosts that are being asked. They are no longer when it is dropped.
pub struct Watch {
    tasks: Vec<JoinHandle<()>>,
    runtime: Handle,
}

impl Run {
    /// Begins to ask each of these hosts its question, and gives each answer to `look`, which must not block. Returns when every host was asked
    /// once, so that what comes next is watched from its beginning.
    pub fn watch(
        &self,
        hosts: &[(Arc<RunHost>, Question)],
        look: impl Fn(Look) + Send + Sync + 'static,
    ) -> Result<Watch> {
        let look = Arc::new(look);
        let (asked, mut all_asked) = mpsc::channel(1);
        let ask = |(index, (host, question)): (usize, &(Arc<RunHost>, Question))| {
            let (host, question, look) = (Arc::clone(host), question.clone(), Arc::clone(&look));
            self.runtime.spawn(keep_asking(index, host, question, look, asked.clone()))
        };
        let tasks = hosts.iter().enumerate().map(ask).collect();
        let watch = Watch { tasks, runtime: self.runtime.clone() };
        drop(asked);
        let begun = self.block_on(Patience::None, async {
            // Nobody sends: the channel ends when the last host was asked.
            let _: Option<()> = all_asked.recv().await;
            Ok(())
        });
        match begun {
            Ok(()) => Ok(watch),
            Err(error) => {
                watch.end();
                Err(error)
            }
        }
    }
}

impl Watch {
    /// Ends it. No look comes after this has returned.
    pub fn end(mut self) {
        let tasks = std::mem::take(&mut self.tasks);
        tasks.iter().for_each(JoinHandle::abort);
        self.runtime.block_on(async {
            for task in tasks {
                // It ended because it was told to.
                let _ = task.await;
            }
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn keep_asking(
    index: usize,
    host: Arc<RunHost>,
    question: Question,
    look: Arc<impl Fn(Look)>,
    first: mpsc::Sender<()>,
) {
    let (mut first, mut unseen) = (Some(first), false);
    loop {
        let mut asked = Instant::now();
        let mut found = ask(&host, &question).await;
        if unseen && found.is_silent() {
            // The end of the connection ends a question like a port that nobody listens on; the next question tells which.
            asked = Instant::now();
            found = ask(&host, &question).await;
        }
        unseen = found == Found::Unseen;
        look(Look { host: index, asked, ended: Instant::now(), found });
        first.take();
        // After a late answer at once: to leave out a turn would make what happened meanwhile twice as uncertain.
        tokio::time::sleep_until((asked + question.interval).into()).await;
    }
}

async fn ask(host: &RunHost, question: &Question) -> Found {
    let context = Context {
        host: &host.name,
        transport: &*host.transport,
        user: host.user.clone(),
        check: false,
        predictions: &host.predictions,
        // Its own deadline would look like a broken connection: the one below comes first.
        timeout: question.timeout.saturating_mul(2),
        progress: &Silent,
    };
    match tokio::time::timeout(question.timeout, tcp::ask(&context, &question.options)).await {
        Ok(Ok(Answer::Said { bytes, .. })) => Found::Said(bytes),
        Ok(Ok(Answer::Refused { .. })) => Found::Refused,
        Ok(Err(error)) if error.kind() == Kind::Failed => Found::Refused,
        Ok(Err(_)) | Err(_) => Found::Unseen,
    }
}
