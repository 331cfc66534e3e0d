//! Replays recorded runs of real ensembles, in random orders with a client writing, against the model.
//!
//! One run a line: the ids before and after by server, and for each restart who led and served before it, who led while the
//! servers were down (nobody within 9 s: the quorum was lost), and who led and served when it had settled.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

use std::collections::BTreeMap;

use serde::Deserialize;

use super::model::{Lists, Outcome, Rules, Set, State, members};

#[derive(Deserialize)]
struct Run {
    before: BTreeMap<String, u8>,
    after: BTreeMap<String, u8>,
    restarts: Vec<Restarted>,
}

#[derive(Deserialize)]
struct Restarted {
    servers: Vec<String>,
    leader_before: Option<String>,
    serving_before: Vec<String>,
    leader_while_down: Option<String>,
    leader: Option<String>,
    serving: Vec<String>,
}

/// How many restarts there were, in how many of them every server joined or did not as predicted; and what must never be.
#[derive(Default)]
struct Tally {
    restarts: usize,
    right: usize,
    promised: usize,
    wrong: Vec<String>,
    broken: Vec<String>,
}

fn replay(recorded: &str, rules: Rules) -> Tally {
    let mut tally = Tally::default();
    for (number, line) in recorded.lines().enumerate() {
        let run: Run = serde_json::from_str(line).unwrap();
        let names: Vec<&String> = run.before.keys().collect();
        let at = |name: &String| names.iter().position(|one| *one == name).unwrap();
        let set = |servers: &[String]| servers.iter().fold(0, |set: Set, server| set | 1 << at(server));
        let leads = |leader: &Option<String>| leader.as_ref().map(|leader| u8::try_from(at(leader)).unwrap());
        let ids = |map: &BTreeMap<String, u8>| map.values().copied().collect::<Vec<u8>>();
        let lists = Lists::new(&ids(&run.before), &ids(&run.after), rules);
        let (mut moved, mut served): (Set, Set) = (0, lists.all());
        for (step, one) in run.restarts.iter().enumerate() {
            let leader = leads(&one.leader_before);
            if leader.is_some() {
                served = set(&one.serving_before);
            }
            let group = set(&one.servers);
            let outcomes = lists.restart(State { moved, serving: served, leader }, group);
            moved |= group;
            let what = format!("run {} restart {}: {outcomes:?}", number + 1, step + 1);
            tally.restarts += 1;
            let joined = |outcome: &Outcome| match one.leader {
                // When all have one list, everybody joins: how soon is not predicted.
                Some(_) if moved == lists.all() => true,
                Some(_) => outcome.state.leader == leads(&one.leader) && outcome.state.serving == set(&one.serving),
                None => outcome.state.leader.is_none(),
            };
            if outcomes.iter().any(joined) {
                tally.right += 1;
            } else {
                tally.wrong.push(what.clone());
            }
            let foreseen = outcomes.iter().any(|outcome| outcome.lost_while_down);
            // Who had no leader before has not got one by the restart's doing.
            if leader.is_some() && !foreseen {
                tally.promised += 1;
                if one.leader_while_down.is_none() {
                    tally.broken.push(what);
                }
            }
        }
    }
    tally
}

fn check(recorded: &str, rules: Rules, restarts: usize) {
    let tally = replay(recorded, rules);
    assert!(tally.restarts >= restarts, "{} restarts", tally.restarts);
    assert!(tally.promised * 2 > tally.restarts, "{} restarts were promised to keep their quorum", tally.promised);
    assert!(tally.broken.is_empty(), "a quorum was lost that was promised to stay: {:#?}", tally.broken);
    assert!(tally.right * 100 >= tally.restarts * 95, "{} of {}: {:#?}", tally.right, tally.restarts, tally.wrong);
}

#[test]
fn runs_of_3_4_went_as_predicted() {
    check(include_str!("runs/3.4.14.ndjson"), Rules::V34, 60);
}

#[test]
fn runs_of_3_8_went_as_predicted() {
    check(include_str!("runs/3.8.ndjson"), Rules::V35, 55);
}

/// 193 hears 169 and 104 because they call it back in the place of 122, which looks under the id that 193 had.
#[test]
fn a_call_back_that_goes_astray_lets_a_server_join() {
    let lists = Lists::new(&[3, 5, 4, 2, 1], &[1, 2, 4, 3, 5], Rules::V34);
    let before = State { moved: 0b10010, serving: 0b11101, leader: Some(2) };
    let outcomes = lists.restart(before, 0b01000);
    assert_eq!(members(outcomes[0].state.serving).collect::<Vec<_>>(), [0, 2, 3, 4]);
}
