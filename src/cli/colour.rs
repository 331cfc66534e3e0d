//! Whether output is coloured: `--color` says it, then the setting `colours`, then NO_COLOR and what the output goes to.

use std::sync::atomic::{AtomicBool, Ordering};

use clap::ColorChoice;

static GIVEN: AtomicBool = AtomicBool::new(false);

/// Takes `--color` from the command line, before that is read: what is wrong with it is coloured, too.
pub fn of_arguments(arguments: impl Iterator<Item = std::ffi::OsString>) -> ColorChoice {
    let arguments: Vec<String> =
        arguments.map(|word| word.to_string_lossy().into_owned()).take_while(|word| word != "--").collect();
    let after = |at: usize| arguments.get(at + 1).map(String::as_str);
    let mut given = arguments.iter().enumerate().filter_map(|(at, word)| match word.strip_prefix("--color") {
        Some("") => after(at),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    });
    match given.next_back() {
        Some("always") => {
            set(true);
            GIVEN.store(true, Ordering::SeqCst);
            ColorChoice::Always
        }
        Some("never") => {
            set(false);
            GIVEN.store(true, Ordering::SeqCst);
            ColorChoice::Never
        }
        _ => ColorChoice::Auto,
    }
}

/// Takes the setting `colours`, unless the command line has said it.
pub fn of_setting(colours: Option<&str>) {
    if GIVEN.load(Ordering::SeqCst) {
        return;
    }
    match colours {
        Some("always") => set(true),
        Some("never") => set(false),
        _ => {}
    }
}

fn set(on: bool) {
    console::set_colors_enabled(on);
    console::set_colors_enabled_stderr(on);
}
