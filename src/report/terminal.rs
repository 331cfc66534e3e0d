//! What a person sees of a run: live lines where the output is a terminal, plain lines where it is not.

use std::collections::HashMap;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::diff;
use super::recap::Recap;
use super::wording::INTERRUPTED;
use crate::run::Ask;
use crate::run::events::{Event, Outcome, What};
use crate::run::stream::Reader;
use crate::task::{Kind, printable};
use crate::tty;

/// How much is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Show differences of files.
    pub diff: bool,
    /// 0: what changes; 1: reads too; 2: what hosts print as well.
    pub verbose: u8,
    /// Only what went wrong, what is warned of, and how it ended.
    pub brief: bool,
    /// Nothing at all on standard output: it belongs to the event stream.
    pub quiet: bool,
}

/// The reader for the terminal. It alone writes to the screen while the run goes on, and only on its own thread.
pub struct Terminal {
    screen: Screen,
    live: bool,
    progress: MultiProgress,
    pen: Pen,
}

/// Who holds it may write to the screen: the reader, or whoever asks the operator.
#[derive(Clone, Default)]
pub struct Pen(Arc<Shared>);

#[derive(Default)]
struct Shared {
    asking: AtomicBool,
    bars: Mutex<Option<MultiProgress>>,
}

/// What is shown of events, line by line.
pub(super) struct Screen {
    settings: Settings,
    check: bool,
    steps: usize,
    bars: HashMap<u64, ProgressBar>,
    recap: Recap,
}

/// From one picture of what is under way to the next.
const PICTURE: Duration = Duration::from_millis(120);

impl Terminal {
    /// A terminal reader on standard output.
    ///
    /// `earlier` is what the attempts before this one did, to be counted with it.
    pub fn new(settings: Settings, earlier: Recap, pen: Pen) -> Self {
        let live = io::stdout().is_terminal() && !settings.quiet && !settings.brief;
        let progress = MultiProgress::new();
        if live {
            *lock(&pen.0.bars) = Some(progress.clone());
        } else {
            progress.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        let screen = Screen::new(settings, earlier);
        Self { screen, live, progress, pen }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        // While somebody is asked, the bars are off the screen already.
        let _bars = lock(&self.pen.0.bars);
        if self.live {
            self.progress.clear()?;
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Reader for Terminal {
    fn read(&mut self, events: &[Arc<Event>]) -> io::Result<()> {
        let mut text = String::new();
        for event in events {
            for line in self.screen.show(event) {
                text.push_str(&line);
                text.push('\n');
            }
            if self.live {
                self.screen.animate(event, &self.progress);
            }
        }
        if !text.is_empty() {
            self.write(&text)?;
        }
        Ok(())
    }

    fn rest(&self) -> Duration {
        if self.live && !self.screen.bars.is_empty() { PICTURE } else { Duration::from_secs(3600) }
    }

    fn idle(&mut self) -> io::Result<()> {
        let _bars = lock(&self.pen.0.bars);
        if !self.pen.0.asking.load(Ordering::SeqCst) {
            self.screen.bars.values().for_each(ProgressBar::tick);
        }
        Ok(())
    }

    fn name(&self) -> String {
        "the terminal".to_owned()
    }
}

impl Screen {
    /// A screen that shows this much. `earlier` is what the attempts before this one did.
    pub(super) fn new(settings: Settings, earlier: Recap) -> Self {
        Self { settings, check: false, steps: 0, bars: HashMap::new(), recap: earlier }
    }

    /// Counts an event; gives the lines that it adds to the output.
    pub(super) fn show(&mut self, event: &Event) -> Vec<String> {
        self.recap.count(event);
        match &event.what {
            _ if self.settings.quiet => vec![],
            What::RunStarted { .. } => {
                let lines = self.lines(event);
                if self.settings.brief { vec![] } else { lines }
            }
            What::RunFinished { .. } if self.settings.brief => self.lines(event).pop().into_iter().collect(),
            what if self.settings.brief && !matters(what) => vec![],
            _ => self.lines(event),
        }
    }

    /// The lines that an event adds to the output.
    fn lines(&mut self, event: &Event) -> Vec<String> {
        match &event.what {
            What::RunStarted { run, attempt, version, playbook, inventories, check, steps } => {
                self.check = *check;
                self.steps = steps.len();
                let mode = if *check {
                    format!("  {}", style("check mode: nothing is changed").yellow())
                } else {
                    String::new()
                };
                let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
                let run = if run.is_empty() {
                    String::new()
                } else {
                    format!("  {}", style(format!("run {run}{again}")).dim())
                };
                vec![format!(
                    "zkmig {version}  {}  -i {}{run}{mode}",
                    style(printable(playbook)).bold(),
                    printable(&inventories.join(" -i "))
                )]
            }
            What::HostConnected { host, ms } if self.settings.verbose > 0 => {
                vec![line(host, "connected", &format!("in {ms} ms"))]
            }
            What::HostUnreachable { host, message } => {
                vec![line(host, &style("unreachable").red().bold().to_string(), &printable(message))]
            }
            What::HostRefused { host, message } => {
                vec![line(host, &style("failed").red().bold().to_string(), &printable(message))]
            }
            What::StepStarted { step, number } => {
                let total = if self.steps >= *number { format!("/{}", self.steps) } else { String::new() };
                vec![String::new(), style(format!("[{number}{total}] {}", printable(step))).bold().to_string()]
            }
            What::StepSkipped { step, number, why } => {
                let total = if self.steps >= *number { format!("/{}", self.steps) } else { String::new() };
                vec![format!(
                    "{} {}",
                    style(format!("[{number}{total}] {}", printable(step))).bold(),
                    style(printable(why)).dim()
                )]
            }
            What::Locked { hosts } if self.settings.verbose > 0 => vec![format!("  locked: {}", hosts.join(", "))],
            What::Unlocked { hosts } if self.settings.verbose > 0 => vec![format!("  unlocked: {}", hosts.join(", "))],
            What::StepFinished { ok: true, ms, .. } if *ms >= 100 || self.settings.verbose > 0 => {
                vec![style(format!("  {}", span(*ms))).dim().to_string()]
            }
            What::EffectOutput { host, line: text, .. } if self.settings.verbose > 1 => {
                vec![line(host.as_deref().unwrap_or(""), &style("│").dim().to_string(), text)]
            }
            What::EffectFinished { outcome: Outcome::Failed | Outcome::Unreachable, attempt: true, .. }
                if self.settings.verbose == 0 =>
            {
                vec![]
            }
            What::EffectFinished { host, name, summary, kind, outcome, ms, diff, message, .. } => {
                self.finished(host.as_deref(), name, summary, *kind, *outcome, *ms, diff.as_ref(), message.as_deref())
            }
            What::Notified { host, name, .. } => vec![line(host, "notified", &printable(name))],
            What::RollingTurn { host, number, total } => {
                vec![format!("  {} {}", style(format!("{number}/{total}")).bold(), style(host).bold())]
            }
            What::Note { host, text } => {
                let text = text.split('\n').map(printable).collect::<Vec<_>>();
                match host {
                    Some(host) if text.len() == 1 => vec![line(host, "note", &text.join(""))],
                    Some(host) => std::iter::once(format!("  {host}"))
                        .chain(text.iter().map(|line| format!("      {line}")))
                        .collect(),
                    None => text.iter().map(|line| format!("  {line}").trim_end().to_owned()).collect(),
                }
            }
            What::Checked { host, name, result, found } => {
                let found = if result == "ok" && self.settings.verbose == 0 { shortened(found) } else { found.clone() };
                let mark = match result.as_str() {
                    "ok" => style("✓").green().to_string(),
                    "failed" => style("✗").red().bold().to_string(),
                    "warning" => style("!").yellow().bold().to_string(),
                    _ => style("?").yellow().to_string(),
                };
                let host = host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
                vec![format!("  {mark} {host}{}  {}", printable(name), style(printable(&found)).dim())]
            }
            What::Answered { question, yes, by } => {
                let answer = if *yes { "yes" } else { "no" };
                if by == "the operator" {
                    vec![]
                } else {
                    question
                        .split('\n')
                        .map(|text| format!("  {}", printable(text)))
                        .chain([format!("  {answer} ({by})")])
                        .collect()
                }
            }
            What::Warning { text } => vec![format!("{} {}", style("warning:").yellow().bold(), printable(text))],
            What::Interrupted { now: false } => {
                vec![
                    style("interrupted: stopping at the next safe place; once more stops now")
                        .yellow()
                        .bold()
                        .to_string(),
                ]
            }
            What::Interrupted { now: true } => vec![style("interrupted: stopping now").red().bold().to_string()],
            What::RunFinished { ms, exit_code, .. } => self.recap_lines(*ms, *exit_code),
            _ => vec![],
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one event")]
    fn finished(
        &self,
        host: Option<&str>,
        name: &str,
        summary: &str,
        kind: Kind,
        outcome: Outcome,
        ms: u64,
        diff: Option<&crate::task::Diff>,
        message: Option<&str>,
    ) -> Vec<String> {
        let quiet = kind == Kind::Read && outcome == Outcome::Ok && self.settings.verbose == 0;
        if quiet {
            return vec![];
        }
        let word = match outcome {
            Outcome::Ok => style("ok").green(),
            Outcome::Changed if host.is_none() => style("done").green(),
            Outcome::Changed => style("changed").yellow(),
            Outcome::WouldChange => style("would change").yellow(),
            Outcome::WouldRun if name.starts_with("wait") => style("would wait").cyan(),
            Outcome::WouldRun => style("would run").cyan(),
            Outcome::Failed => style("failed").red().bold(),
            Outcome::Unreachable => style("unreachable").red().bold(),
            Outcome::Interrupted => style("interrupted").red(),
            Outcome::NotBegun => style("not begun").red(),
        };
        let took = if ms >= 1000 { format!(" {}", style(format!("({})", span(ms))).dim()) } else { String::new() };
        let what = if host.is_none() { printable(summary) } else { format!("{name} {}", printable(summary)) };
        let what = if self.settings.verbose > 0 { what } else { shortened(&what) };
        let mut lines = vec![line(host.unwrap_or("·"), &word.to_string(), &format!("{what}{took}"))];
        if let Some(message) = message {
            lines.extend(message.lines().take(3).map(|text| format!("      {}", printable(text))));
        }
        if let Some(diff) = diff.filter(|_| self.settings.diff) {
            let colours = console::colors_enabled();
            lines.extend(diff::render(diff, colours).lines().map(|line| format!("      {line}")));
        }
        lines
    }

    fn recap_lines(&self, ms: u64, exit_code: u8) -> Vec<String> {
        let mut lines = vec![String::new(), style("Recap").bold().to_string()];
        let width = self.recap.hosts().map(|(host, _)| host.len()).max().unwrap_or(0);
        for (host, counts) in self.recap.hosts() {
            lines.push(format!("  {host:width$}  {}", counts.line(self.check)));
        }
        lines.extend(self.recap.quorum_lines());
        let warnings =
            if self.recap.warnings > 0 { format!(", {} warnings", self.recap.warnings) } else { String::new() };
        let end = match exit_code {
            0 => "done",
            INTERRUPTED => "interrupted",
            _ => "stopped",
        };
        let all = match self.recap.attempts {
            0 | 1 => String::new(),
            attempts => format!(" ({attempts} attempts, {} in all)", span(self.recap.ms())),
        };
        lines.push(format!("{end} in {}{all}: {}{warnings}", span(ms), self.recap.total().line(self.check)));
        lines
    }

    /// Keeps one line for each effect that is under way.
    fn animate(&mut self, event: &Event, progress: &MultiProgress) {
        match &event.what {
            What::EffectStarted { effect, host, name, summary, .. } => {
                let bar = progress.add(ProgressBar::new_spinner());
                if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix} {wide_msg} {elapsed}") {
                    bar.set_style(style);
                }
                bar.set_prefix(format!("{:<15}", host.as_deref().unwrap_or("·")));
                bar.set_message(if host.is_some() {
                    format!("{name} {}", printable(summary))
                } else {
                    printable(summary)
                });
                self.bars.insert(*effect, bar);
            }
            What::EffectOutput { effect, line: text, .. } | What::EffectWaiting { effect, status: text, .. } => {
                if let Some(bar) = self.bars.get(effect) {
                    let first = text.lines().next().unwrap_or("");
                    let base = bar.message();
                    let base = base.split("  ← ").next().unwrap_or("").to_owned();
                    bar.set_message(format!("{base}  ← {first}"));
                }
            }
            What::EffectFinished { effect, .. } => {
                if let Some(bar) = self.bars.remove(effect) {
                    bar.finish_and_clear();
                    progress.remove(&bar);
                }
            }
            What::RunFinished { .. } => {
                self.bars.clear();
                let _ = progress.clear();
            }
            _ => {}
        }
    }
}

/// Whether who wants to read little has to read this.
fn matters(what: &What) -> bool {
    match what {
        What::EffectFinished { outcome: Outcome::Failed | Outcome::Unreachable, attempt, .. } => !attempt,
        What::Checked { result, .. } => result != "ok",
        What::HostUnreachable { .. } | What::HostRefused { .. } | What::Warning { .. } | What::Interrupted { .. } => {
            true
        }
        _ => false,
    }
}

fn line(host: &str, word: &str, text: &str) -> String {
    let padding = 12_usize.saturating_sub(console::measure_text_width(word));
    format!("  {host:<15}  {word}{}  {text}", " ".repeat(padding)).trim_end().to_owned()
}

/// The longest text of an effect that is shown whole without `-v`.
const LONGEST: usize = 160;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} …", text[..at].trim_end()),
        None => text.to_owned(),
    }
}

fn span(ms: u64) -> String {
    crate::script::options::shown_duration(Duration::from_millis(ms))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pen {
    /// Has the screen for what is written and read by `work`, bars off.
    fn take<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        struct Asking<'a>(&'a AtomicBool);
        impl Drop for Asking<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::SeqCst);
            }
        }
        self.0.asking.store(true, Ordering::SeqCst);
        let _asking = Asking(&self.0.asking);
        if let Some(bars) = &*lock(&self.0.bars) {
            bars.clear()?;
        }
        // Not while the screen is held: an interrupt has to be able to say something although nobody answers.
        work()
    }
}

impl Ask for Pen {
    fn can_ask(&self) -> bool {
        io::stdin().is_terminal()
    }

    fn confirm(&self, text: &str) -> io::Result<bool> {
        self.take(|| {
            let mut out = io::stderr();
            text.split('\n').try_for_each(|line| writeln!(out, "  {}", printable(line)))?;
            loop {
                write!(out, "{} ", style("Go on? [yes/no]").bold())?;
                out.flush()?;
                let mut answer = String::new();
                if io::stdin().lock().read_line(&mut answer)? == 0 {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal's input ended"));
                }
                match answer.trim().to_ascii_lowercase().as_str() {
                    "y" | "yes" => return Ok(true),
                    "n" | "no" => return Ok(false),
                    _ => writeln!(out, "please answer yes or no")?,
                }
            }
        })
    }

    fn password(&self, text: &str) -> io::Result<String> {
        self.take(|| tty::ask_hidden(text))
    }
}
