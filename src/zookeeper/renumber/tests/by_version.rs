//! What differs between ZooKeeper's versions: who counts, how long elections take, and what they can lose.

use super::*;

/// Three masters with gaps in their ids, by a plan that was made with the rules of 3.4.6. There it took elections; on 3.4.14 nothing could
/// be written for a whole restart: 203, which had the old list, was to lead with 193 alone, under an id that is not in that list.
#[test]
fn a_leader_that_forms_counts_only_its_own_list_from_3_4_13_on() {
    let today = "4:122,1:193,3:203";
    let one_by_one = |order: &str| order.split(' ').map(|name| vec![name.to_owned()]).collect::<Vec<_>>();
    let stages = [
        (ensemble(today), one_by_one("193 203 122")),
        (ensemble(today), one_by_one("203")),
        (ensemble("1:122,2:193,3:203"), one_by_one("193 122 203")),
    ];
    for (rules, lost) in Rules::ALL.map(|rules| (rules, if rules == Rules::V346 { vec![] } else { vec!["122"] })) {
        let asked = Request { rules, ..request(today, "1:122,2:193,3:203", "122", true) };
        let told = follow(&asked, &stages).unwrap();
        let each = told.stages.iter().flat_map(|stage| &stage.restarts);
        let found: Vec<&str> = each.filter(|one| one.lost_while_down).map(|one| one.servers[0].as_str()).collect();
        assert_eq!(found, lost, "{rules}: {}", story(&told));
        let better = plan(&asked).unwrap();
        // Where an election can lose writes, an outage is the better choice.
        let loses = better.stages.iter().flat_map(|stage| &stage.restarts).any(|one| one.loses_writes);
        assert!(!loses && (better.price.outages == 0 || rules == Rules::V363), "{rules}: {}", story(&better));
    }
}

/// Starts that cost more than their plans said on 3.4.14, and others that did not: none has to.
#[test]
fn three_with_gaps_are_planned_with_elections_on_both_kinds_of_3_4() {
    for list in [
        "4:122,1:193,3:203",
        "3:122,7:193,5:203",
        "1:122,3:193,2:203",
        "1:122,6:193,2:203",
        "9:122,5:193,2:203",
        "3:122,2:193,1:203",
    ] {
        for rules in [Rules::V346, Rules::V3413] {
            for leader in ["122", "193", "203"] {
                let asked = Request { rules, ..request(list, "1:122,2:193,3:203", leader, true) };
                let found = plan(&asked).unwrap();
                check(&asked, &found);
                assert!(found.price.elections_only, "{list} {leader} {rules}: {}", story(&found));
            }
        }
    }
}

/// `tickTime` and `initLimit` are the ensemble's: an election that waits for servers that are late takes as long as they say, twice, or
/// as a restart does.
#[test]
fn an_election_that_may_be_late_takes_as_long_as_the_ensembles_ticks_say() {
    let stays = "1:122,2:193,3:203";
    let told = |rules, timing| plan(&Request { rules, timing, ..request(stays, stays, "122", true) }).unwrap();
    let real = Timing { restart: RESTART, ..Timing::default() };
    let short = Timing { tick: 0.5, init_limit: 4, restart: 3.0, ..real };
    for (timing, waits) in [(real, 40.0), (short, 4.0), (Timing { restart: 11.0, ..short }, 11.0)] {
        let found = told(Rules::V363, timing);
        assert_eq!((found.price.elections, found.price.elections_only), (1, false), "{}", story(&found));
        assert_eq!((found.price.worst_gap, found.price.gap), (LONGEST_ELECTION + waits, ELECTION));
        let late: Vec<bool> = found.stages[0].restarts.iter().map(|one| one.late && !one.loses_writes).collect();
        assert_eq!((late, found.cautions.len()), (vec![false, false, true], 1));
    }
    for rules in [Rules::V346, Rules::V3413, Rules::V35, Rules::V36] {
        let found = told(rules, real);
        assert_eq!((found.price.worst_gap, found.price.elections_only), (LONGEST_ELECTION, true), "{rules}");
        assert!(found.cautions.is_empty(), "{rules}");
    }
}

/// Servers that read their database again before they vote: the plan says so, of each election.
#[test]
fn an_election_may_take_as_long_as_a_database_is_read() {
    let timing = Timing { restart: RESTART, reload: 4.2, ..Timing::default() };
    let found = plan(&Request { rules: Rules::V346, timing, ..request(TODAY, FINAL, "104", true) }).unwrap();
    for one in found.stages.iter().flat_map(|stage| &stage.restarts) {
        assert_eq!(one.worst_gap, if one.election { LONGEST_ELECTION + 4.2 } else { 0.0 });
    }
    assert_eq!(found.cautions.len(), 1);
}

/// Three masters on 3.8, of which a rehearsal lost 992 writes: 122 led with 203, which had not served, and 193 came back, which has
/// 203 in its list.
#[test]
fn an_election_that_lost_writes_is_told_as_one() {
    let stages = [(ensemble("1:122,2:193,3:203"), vec![vec!["203".to_owned()], vec!["193".to_owned()]])];
    for (rules, loses) in [(Rules::V363, true), (Rules::V36, false), (Rules::V3413, false)] {
        let asked = Request { rules, ..request("1:122,6:193,3:203", "1:122,2:193,3:203", "193", false) };
        let told = follow(&asked, &stages).unwrap();
        let last = &told.stages[0].restarts[1];
        assert_eq!((last.loses_writes, last.lost_while_down), (loses, false), "{rules}: {}", story(&told));
    }
}
