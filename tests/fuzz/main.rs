//! Feeds every reader of other people's bytes with bytes that nobody meant: kept inputs first, then mutations of them.
//!
//! `make test` gives it some seconds and one seed, `make fuzz SECONDS=…` as long as is wanted and a new seed. An input that
//! makes a target panic, hang, take memory without end, or break a promise is written down with the seed that led to it.
//!
//! | variable | meaning | unless given |
//! |---|---|---|
//! | `ZKMIG_FUZZ_SECONDS` | for all targets together | 20 |
//! | `ZKMIG_FUZZ_SEED` | where the mutations begin | 1 |
//! | `ZKMIG_FUZZ_TARGET` | only this one | all |

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod answers;
mod mutate;
mod targets;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mutate::Mutator;
use targets::{TARGETS, Target};

/// How long one input may take. A build without optimisation on a busy machine is slow; a hang is forever.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much the process may grow over what it has when it begins, in bytes. The largest input has [`mutate::LONGEST`].
const GROWTH: u64 = 512 * 1024 * 1024;

/// How many inputs are tried between two looks at the clock and at the memory.
const BATCH: usize = 64;

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target.name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Past the test runner, which would show it only after a failure, and not at all when the process ends.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// The most memory that the process had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Writes a finding down; gives what to tell.
fn keep(target: &Target, input: &[u8], seed: u64, why: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-findings");
    std::fs::create_dir_all(&folder).unwrap();
    let hash = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let file = folder.join(format!("{}-{hash:016x}", target.name));
    std::fs::write(&file, input).unwrap();
    format!("{}: {why}\n  seed {seed}, input of {} bytes in {}", target.name, input.len(), file.display())
}

/// Tries one input.
fn tried(target: &Target, input: &[u8]) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

/// What each thread is at, for the one that looks for hangs.
#[derive(Default)]
struct AtWork {
    since: AtomicU64,
    what: Mutex<Option<(&'static str, Vec<u8>)>>,
}

#[test]
fn a_panic_is_a_finding() {
    let target = Target { name: "none", run: |input| assert!(input.is_empty(), "not empty"), words: &[] };
    assert_eq!(tried(&target, b""), Ok(()));
    assert_eq!(tried(&target, b"x"), Err("not empty".to_owned()));
}

#[test]
fn the_kept_inputs_do_no_harm() {
    let failures: Vec<String> = TARGETS
        .iter()
        .flat_map(|target| corpus(target).into_iter().map(move |input| (target, input)))
        .filter_map(|(target, input)| tried(target, &input).err().map(|why| keep(target, &input, 0, &why)))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn mutated_inputs_do_no_harm() {
    let (seconds, seed) = (number("ZKMIG_FUZZ_SECONDS", 20), number("ZKMIG_FUZZ_SEED", 1));
    let only = std::env::var("ZKMIG_FUZZ_TARGET").ok();
    let chosen: Vec<&Target> =
        TARGETS.iter().filter(|target| only.as_ref().is_none_or(|only| only == target.name)).collect();
    assert!(!chosen.is_empty(), "no such target");
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(chosen.len());
    let share = Duration::from_millis(seconds * 1000 * threads as u64 / chosen.len() as u64);
    let most = peak() + GROWTH;
    // A caught panic would print a page each.
    std::panic::set_hook(Box::new(|_| {}));
    let at_work: Vec<Arc<AtWork>> = (0..threads).map(|_| Arc::default()).collect();
    let (next, over, total) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicU64::new(0));
    let failures: Mutex<Vec<String>> = Mutex::default();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = at_work
            .iter()
            .map(|mine| {
                let (next, total, failures, chosen) = (&next, &total, &failures, &chosen);
                scope.spawn(move || {
                    while let Some(target) = chosen.get(next.fetch_add(1, Ordering::SeqCst)) {
                        let (tries, failure) = fuzz(target, seed, share, most, mine, began);
                        total.fetch_add(tries, Ordering::SeqCst);
                        say(&format!("fuzz: {:<12} {tries:>9} inputs", target.name));
                        failures.lock().unwrap_or_else(PoisonError::into_inner).extend(failure);
                    }
                })
            })
            .collect();
        let (over, at_work) = (&over, &at_work);
        scope.spawn(move || {
            while !over.load(Ordering::SeqCst) {
                std::thread::park_timeout(Duration::from_millis(200));
                for mine in at_work {
                    let since = mine.since.load(Ordering::SeqCst);
                    let now = u64::try_from(began.elapsed().as_millis()).unwrap();
                    if since > 0 && now > since + u64::try_from(PATIENCE.as_millis()).unwrap() {
                        let what = mine.what.lock().unwrap_or_else(PoisonError::into_inner).clone();
                        let (name, input) = what.unwrap();
                        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
                        say(&keep(target, &input, seed, &format!("it takes more than {PATIENCE:?}")));
                        // The thread can't be ended, and the scope would wait for it.
                        std::process::exit(101);
                    }
                }
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        over.store(true, Ordering::SeqCst);
    });
    drop(std::panic::take_hook());
    let failures = failures.into_inner().unwrap();
    say(&format!(
        "fuzz: {} inputs in {:.0} s, seed {seed}, peak memory {} MiB, {} findings",
        total.into_inner(),
        began.elapsed().as_secs_f64(),
        peak() / 1024 / 1024,
        failures.len()
    ));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Mutates and tries for a time; gives how many inputs were tried and the first finding.
fn fuzz(
    target: &Target,
    seed: u64,
    share: Duration,
    most: u64,
    mine: &AtWork,
    began: Instant,
) -> (u64, Option<String>) {
    let mut mutator = Mutator::new(seed, corpus(target), target.words);
    let (end, mut tries) = (Instant::now() + share, 0);
    while Instant::now() < end {
        for _ in 0..BATCH {
            let input = mutator.next();
            tries += 1;
            *mine.what.lock().unwrap_or_else(PoisonError::into_inner) = Some((target.name, input.clone()));
            mine.since.store(u64::try_from(began.elapsed().as_millis()).unwrap().max(1), Ordering::SeqCst);
            let result = tried(target, &input);
            mine.since.store(0, Ordering::SeqCst);
            if let Err(why) = result {
                return (tries, Some(keep(target, &input, seed, &why)));
            }
            if input.len() > 100_000 && peak() > most {
                let why = format!("the process grew to {} MiB, and may grow to {}", peak() >> 20, most >> 20);
                return (tries, Some(keep(target, &input, seed, &why)));
            }
        }
        if peak() > most {
            let input = mutator.last();
            return (
                tries,
                Some(keep(target, &input, seed, "the process grew over its cap in this or the last inputs")),
            );
        }
    }
    (tries, None)
}
