//! How long planning takes: five servers under 50 ms and nine under 2 s, in a release build.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

use std::time::Duration;

use super::tests::{drawn, named, request};
use super::versions::Rules;
use super::{Request, plan};
use crate::clock::worked;

/// Prints the table of docs/model.md. A build without optimisation takes some twenty times as long.
#[test]
#[ignore = "measures times: run it in a release build"]
fn five_are_planned_within_50_ms_and_nine_within_2_s() {
    let mut slow = Vec::new();
    for (count, most) in [(3, 50), (5, 50), (7, 2000), (9, 2000)] {
        let target = named(&(1..=count).collect::<Vec<u8>>());
        for rules in Rules::ALL {
            for (gaps, max_down) in [(false, 1), (false, 2), (true, 1), (true, 2)] {
                let mut times: Vec<Duration> = Vec::new();
                for (at, ids) in drawn(count, gaps, if count > 5 { 3 } else { 24 }).into_iter().enumerate() {
                    let leader = format!("s{}", at % usize::from(count));
                    let asked = request(&named(&ids), &target, &leader, true);
                    let began = worked();
                    plan(&Request { rules, max_down: Some(max_down), ..asked }).unwrap();
                    let took = worked() - began;
                    times.push(took);
                    if took > Duration::from_millis(most) {
                        slow.push(format!("{ids:?}, {leader} leads, {rules}, {max_down} down: {took:?}"));
                    }
                }
                times.sort_unstable();
                let gaps = if gaps { "gaps" } else { "no gaps" };
                println!(
                    "| {count} | {rules} | {gaps} | {max_down} | {:.1} ms | {:.1} ms |",
                    times[times.len() / 2].as_secs_f64() * 1e3,
                    times[times.len() - 1].as_secs_f64() * 1e3
                );
            }
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}
