//! What a probe of a group found, in a line.

use std::time::Duration;

use crate::run::availability::{Availability, Gap};
use crate::script::options::shown_duration;
use crate::task::printable;

/// How many gaps are told one by one.
const MOST: usize = 4;

/// The line: gaps, the time without a spare, who led, and what the looks did not see.
pub fn line(found: &Availability) -> String {
    let mut parts = vec![gaps(found), spare(found), leaders(found)];
    parts.extend(found.two_leaders.iter().map(|rivals| {
        let leaders: Vec<&str> = rivals.leaders.iter().map(|leader| leader.host.as_str()).collect();
        format!("two leaders at once: {}", leaders.join(" and "))
    }));
    parts.extend(found.unseen.iter().map(|blind| format!("{} unseen for {}", blind.host, span(blind.seconds))));
    printable(&parts.join("; "))
}

fn gaps(found: &Availability) -> String {
    let lasting = found.gaps.last().filter(|gap| !gap.over);
    let exact = match found.gaps.iter().map(|gap| gap.uncertainty_seconds).fold(0.0, f64::max) {
        0.0 => String::new(),
        // Rounded up: it must not promise more than was measured.
        seconds => format!(" (±{})", span((seconds * 10.0).ceil() / 10.0)),
    };
    let text = match found.gaps.as_slice() {
        [] => return format!("no gap in {}", span(found.watched_seconds)),
        [gap] => format!("1 gap, {}{exact}", span(gap.seconds)),
        gaps if gaps.len() <= MOST => format!("{} gaps, {}{exact}", gaps.len(), each(gaps)),
        gaps => format!(
            "{} gaps, {} in all, the longest {}{exact}",
            gaps.len(),
            span(found.without_quorum_seconds),
            span(found.longest_gap_seconds)
        ),
    };
    match lasting {
        Some(_) if found.gaps.len() == 1 => format!("{text}, and not over"),
        Some(_) => format!("{text}, the last one not over"),
        None => text,
    }
}

fn each(gaps: &[Gap]) -> String {
    let mut spans: Vec<String> = gaps.iter().map(|gap| span(gap.seconds)).collect();
    let last = spans.pop().unwrap_or_default();
    format!("{} and {last}", spans.join(", "))
}

fn spare(found: &Availability) -> String {
    if found.without_spare_seconds > 0.0 {
        format!("{} without a spare", span(found.without_spare_seconds))
    } else {
        "never without a spare".to_owned()
    }
}

fn leaders(found: &Availability) -> String {
    if found.leaders.is_empty() {
        return "no leader seen".to_owned();
    }
    let leaders = format!("leader {}", found.leaders.join(" → "));
    // What the names show already need not be counted.
    if found.elections + 1 == found.leaders.len() {
        leaders
    } else {
        let plural = if found.elections == 1 { "" } else { "s" };
        format!("{leaders}, {} election{plural}", found.elections)
    }
}

fn span(seconds: f64) -> String {
    shown_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::availability::{Blind, Claimant, Rivals};

    fn gap(seconds: f64) -> Gap {
        Gap {
            began_ms: 0,
            seconds,
            uncertainty_seconds: 0.251,
            leader_before: None,
            leader_after: None,
            election: true,
            over: true,
            unseen: Vec::new(),
        }
    }

    fn found(gaps: &[f64]) -> Availability {
        Availability {
            hosts: Vec::new(),
            watched_seconds: 65.2,
            gaps: gaps.iter().map(|seconds| gap(*seconds)).collect(),
            longest_gap_seconds: gaps.iter().copied().fold(0.0, f64::max),
            without_quorum_seconds: gaps.iter().sum(),
            without_spare_seconds: 0.0,
            elections: 0,
            leaders: vec!["10.10.0.104".to_owned()],
            two_leaders: Vec::new(),
            unseen: Vec::new(),
            looks: 1,
            failed_looks: 0,
        }
    }

    #[test]
    fn a_quiet_watch_and_an_eventful_one_are_a_line_each() {
        assert_eq!(line(&found(&[])), "no gap in 1 min 5 s; never without a spare; leader 10.10.0.104");
        let mut two = found(&[1.71, 1.3]);
        two.without_spare_seconds = 31.0;
        two.leaders.push("10.10.0.169".to_owned());
        two.elections = 1;
        assert_eq!(
            line(&two),
            "2 gaps, 1.7 s and 1.3 s (±0.3 s); 31 s without a spare; leader 10.10.0.104 → 10.10.0.169"
        );
        two.leaders.truncate(1);
        assert!(line(&two).ends_with("; leader 10.10.0.104, 1 election"), "{}", line(&two));
        two.elections = 2;
        two.unseen.push(Blind { host: "m\u{1b}1".to_owned(), seconds: 4.0 });
        let claimant = |host: &str| Claimant { host: host.to_owned(), epoch: None };
        two.two_leaders.push(Rivals { at_ms: 1, leaders: vec![claimant("m1"), claimant("m2")] });
        let line = line(&two);
        assert!(
            line.ends_with(
                "; leader 10.10.0.104, 2 elections; two leaders at once: m1 and m2; m\\u{1b}1 unseen for 4 s"
            ),
            "{line}"
        );
    }

    #[test]
    fn many_gaps_are_summed_up_and_one_that_is_not_over_says_so() {
        let begins = |found: &Availability, text: &str| assert!(line(found).starts_with(text), "{}", line(found));
        let mut many = found(&[1.0, 2.0, 3.5, 1.0, 1.0]);
        begins(&many, "5 gaps, 8.5 s in all, the longest 3.5 s (±0.3 s); ");
        many.gaps[4].over = false;
        begins(&many, "5 gaps, 8.5 s in all, the longest 3.5 s (±0.3 s), the last one not over; ");
        let mut one = found(&[12.0]);
        one.gaps[0].over = false;
        one.leaders.clear();
        begins(&one, "1 gap, 12 s (±0.3 s), and not over; never without a spare; no leader seen");
    }
}
