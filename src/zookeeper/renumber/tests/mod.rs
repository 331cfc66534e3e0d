//! Plans for every small ensemble, and what real ones have done.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod again;
mod by_version;
mod every;
mod procedure;
mod under_way;

use super::*;

/// The procedure's cluster: the last part of each address, and the id.
const TODAY: &str = "5:104,4:122,3:169,1:193,2:203";
const FINAL: &str = "1:104,2:122,3:169,4:193,5:203";
/// How long a restart takes with Exhibitor's real timing.
const RESTART: f64 = 33.0;

fn ensemble(text: &str) -> Ensemble {
    Ensemble::parse(text).unwrap()
}

/// As many lists between as are looked for.
fn between(servers: usize) -> u8 {
    if servers <= between::TWICE { LISTS_BETWEEN } else { 1 }
}

pub(super) fn request(list: &str, target: &str, leader: &str, due: bool) -> Request {
    let list = ensemble(list);
    Request {
        rules: Rules::V3413,
        serving: list.servers().map(|(name, _)| name.to_owned()).collect(),
        between: between(list.servers().count()),
        list,
        next: None,
        target: ensemble(target),
        leader: Some(leader.to_owned()),
        absent: Vec::new(),
        due,
        leader_changes: LEADER_CHANGES,
        max_down: None,
        timing: Timing { restart: RESTART, ..Timing::default() },
    }
}

/// What each restart does: `.` nothing, `e` an election, `?` one that may go wrong, `L` the quorum is lost while it is down;
/// then who does not serve afterwards.
fn story(plan: &Plan) -> String {
    let restarts = plan.stages.iter().flat_map(|stage| &stage.restarts);
    let told = restarts.map(|one| {
        let kind = match (one.lost_while_down, one.election, one.worst_gap > LONGEST_ELECTION + TICK) {
            (true, ..) => "L",
            (_, _, true) => "?",
            (_, true, _) => "e",
            _ => ".",
        };
        format!(
            "{}{kind}{}",
            one.servers.join("+"),
            one.looking.iter().map(|name| format!("-{name}")).collect::<String>()
        )
    });
    told.collect::<Vec<_>>().join(" ")
}

fn permutations(count: usize) -> Vec<Vec<u8>> {
    let Some(last) = count.checked_sub(1).and_then(|last| u8::try_from(last).ok()) else { return vec![Vec::new()] };
    let shorter = permutations(count - 1);
    let inserted = shorter.iter().flat_map(|one| {
        (0..=one.len()).map(move |at| {
            let mut longer = one.clone();
            longer.insert(at, last + 1);
            longer
        })
    });
    inserted.collect()
}

pub(super) fn named(ids: &[u8]) -> String {
    ids.iter().enumerate().map(|(at, id)| format!("{id}:s{at}")).collect::<Vec<_>>().join(",")
}

/// So many lists of ids for so many servers, the same each time: the ids from 1 on in some order, or with gaps.
pub(super) fn drawn(count: u8, gaps: bool, lists: usize) -> Vec<Vec<u8>> {
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below).unwrap()).unwrap()
    };
    let highest = if gaps { count + 4 } else { count };
    (0..lists)
        .map(|_| {
            let mut ids: Vec<u8> = (1..=highest).collect();
            (0..count).map(|_| ids.swap_remove(next(ids.len()))).collect()
        })
        .collect()
}

/// What holds of every plan, whatever it costs.
fn check(request: &Request, plan: &Plan) {
    let mut list = request.list.clone();
    for stage in &plan.stages {
        let mut restarted: Vec<&String> = stage.restarts.iter().flat_map(|one| &one.servers).collect();
        restarted.sort();
        if stage.ensemble == list && stage.ensemble != request.list || restarted.len() < request.serving.len() {
            assert_eq!(stage.ensemble, list, "a part of the servers is restarted only with the list that they have");
        } else {
            assert_eq!(restarted, request.serving.iter().collect::<Vec<_>>(), "everybody gets the list, once");
        }
        let needed = request.serving.len() / 2 + 1;
        for one in &stage.restarts {
            assert!(one.servers.len() + needed <= request.serving.len(), "a majority stays up");
            assert_eq!(one.spare_while_down.is_none(), one.lost_while_down);
            assert_eq!(one.serving.len() + one.looking.len(), request.serving.len());
        }
        list = stage.ensemble.clone();
    }
    assert_eq!(list, request.target);
    assert_eq!(
        plan.price.elections_only,
        plan.stages.iter().flat_map(|stage| &stage.restarts).all(|one| !one.lost_while_down)
    );
}

/// What may never get worse: writes that can be lost, outages, elections that are most likely late.
fn weight(found: &plan::Found) -> (i32, i32, i32) {
    (found.cost.lossy, found.cost.outages, found.cost.late)
}

/// What is promised holds on every branch of a plan, and from each of its states there is a plan again that promises no less.
fn taken_up_again(from: &Cluster) {
    let found = plan::plan(from);
    let mut list = from.list.clone();
    let mut left = Cluster { due: false, ..from.clone() };
    for (at, leg) in found.legs.iter().enumerate() {
        let lists = lists::Lists::new(&list, &leg.list, from.rules);
        for step in &leg.steps {
            for outcome in lists.restart(step.before, step.group) {
                assert!(found.cost.outages > 0 || !outcome.lost_while_down, "{from:?}");
                assert!(!found.cost.elections_only() || outcome.elections_only(), "{from:?}");
                assert!(found.cost.lossy > 0 || !outcome.lossy, "{from:?}");
                let state = outcome.state;
                if state.moved != lists.all() {
                    let again = plan::plan(&Cluster {
                        list: list.clone(),
                        next: Some(leg.list.clone()),
                        moved: state.moved,
                        serving: state.serving,
                        leader: state.leader,
                        between: left.between,
                        ..from.clone()
                    });
                    assert!(weight(&again) <= weight(&found), "{from:?} after {step:?}");
                }
            }
        }
        // What was spent on the way here is not to be had again: changes of the leader, and the stages between.
        if leg.list != list {
            left = Cluster { between: left.between.saturating_sub(1), leader_changes: 0, ..left };
        } else if at > 0 || !from.due {
            left.leader_changes -= 1;
        }
        list.clone_from(&leg.list);
        for outcome in leg.steps.last().map_or(&[][..], |last| &last.outcomes) {
            let again = plan::plan(&Cluster { list: list.clone(), leader: outcome.state.leader, ..left.clone() });
            assert!(weight(&again) <= weight(&found), "{from:?} after {list:?}: {outcome:?}");
        }
    }
    assert_eq!(list, from.target);
}

fn whole(ids: &[u8], leader: u8, rules: Rules) -> Cluster {
    let target: Vec<u8> = (1..=9).take(ids.len()).collect();
    let serving = (1 << ids.len()) - 1;
    Cluster {
        rules,
        list: ids.to_vec(),
        next: None,
        moved: 0,
        serving,
        leader: Some(leader),
        absent: 0,
        target,
        due: false,
        between: between(ids.len()),
        leader_changes: LEADER_CHANGES,
        exposure: Timing { restart: RESTART, ..Timing::default() }.exposure(),
        max_down: 2,
    }
}
