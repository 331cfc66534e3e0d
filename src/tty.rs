//! The operator's terminal, where something is typed that must not be seen.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// A terminal that hides what is typed.
struct Hiding {
    terminal: File,
    before: Termios,
    hidden: Termios,
}

static HIDING: Mutex<Option<Hiding>> = Mutex::new(None);

/// Asks at the terminal, which may be another than standard input and output, and does not show what is typed.
pub fn ask_hidden(question: &str) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    // At once: what others print meanwhile must not come into the middle.
    terminal.write_all(format!("{question}: ").as_bytes())?;
    let hidden = Hidden::begin(&terminal)?;
    let mut line = Zeroizing::new(String::new());
    let read = BufReader::new(&terminal).read_line(&mut line);
    drop(hidden);
    let read = read?;
    // What was typed is not on the screen, and neither is the end of its line. Whether that can be shown is of no account.
    let _ = writeln!(terminal);
    if read == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal's input ended"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Has the terminal show again what is typed, if it does not. Never waits, not even for one that was stopped.
pub fn show_again() {
    if let Some(hiding) = &*lock() {
        // It may be gone.
        let _ = tcsetattr(&hiding.terminal, OptionalActions::Now, &hiding.before);
    }
}

/// Has it hide that again, if it is still being asked.
pub fn hide_again() {
    if let Some(hiding) = &*lock() {
        // As above.
        let _ = tcsetattr(&hiding.terminal, OptionalActions::Now, &hiding.hidden);
    }
}

/// Hides what is typed, from now on until it is dropped or [`show_again`] is called.
struct Hidden;

impl Hidden {
    fn begin(terminal: &File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
        let mut hiding = lock();
        tcsetattr(terminal, OptionalActions::Now, &hidden)?;
        *hiding = Some(Hiding { terminal: terminal.try_clone()?, before, hidden });
        Ok(Self)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        show_again();
        *lock() = None;
    }
}

fn lock() -> MutexGuard<'static, Option<Hiding>> {
    HIDING.lock().unwrap_or_else(PoisonError::into_inner)
}
