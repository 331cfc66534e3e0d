//! Every small ensemble: what plans of it come to, and how much work they take.

use std::rc::Rc;

use super::*;

#[test]
fn every_renumbering_of_three_is_planned() {
    let target = named(&[1, 2, 3]);
    let mut only_elections = 0;
    for ids in permutations(3) {
        for leader in ["s0", "s1", "s2"] {
            for due in [true, false] {
                let request = request(&named(&ids), &target, leader, due);
                let plan = plan(&request).unwrap();
                check(&request, &plan);
                only_elections += usize::from(plan.price.elections_only);
                // None has to wait until a leader notices that it has lost its quorum.
                assert!(plan.price.worst_gap <= LONGEST_ELECTION, "{ids:?}: {}", story(&plan));
                assert_eq!(racing(&plan), 0, "{ids:?}: {}", story(&plan));
            }
        }
    }
    assert_eq!(only_elections, 36);
}

#[test]
fn every_renumbering_of_five_takes_elections_only() {
    let target = named(&[1, 2, 3, 4, 5]);
    for (at, ids) in permutations(5).into_iter().enumerate() {
        // What is left open is the better of two plans, one of which is this.
        let max_down = Some(2).filter(|_| at % 4 > 0);
        let asked = request(&named(&ids), &target, ["s0", "s1", "s2", "s3", "s4"][at % 5], at % 2 == 0);
        let request = Request { max_down, ..asked };
        let plan = plan(&request).unwrap();
        check(&request, &plan);
        assert!(plan.price.elections_only, "{ids:?}: {}", story(&plan));
        assert!(plan.price.worst_gap <= LONGEST_ELECTION, "{ids:?}: {}", story(&plan));
        assert_eq!(racing(&plan), 0, "{ids:?}: {}", story(&plan));
    }
}

/// How many restarts of a plan may have to be made again.
fn racing(plan: &Plan) -> usize {
    plan.stages.iter().flat_map(|stage| &stage.restarts).filter(|one| !one.racing.is_empty()).count()
}

#[test]
fn ids_with_gaps_are_planned() {
    for (ids, leader) in [([2, 5, 8, 9, 1], "s1"), ([7, 6, 5, 4, 3], "s0"), ([1, 3, 5, 7, 9], "s2")] {
        let request = request(&named(&ids), &named(&[1, 2, 3, 4, 5]), leader, true);
        let plan = plan(&request).unwrap();
        check(&request, &plan);
        assert!(plan.price.elections_only, "{ids:?}: {}", story(&plan));
    }
}

/// The ids of today are all higher than those at the end, and one list between is not enough on 3.4.14: with two there is no outage.
#[test]
fn two_lists_between_save_an_outage() {
    for (list, leader) in [("7:122,5:193,6:203", "193"), ("5:122,4:193,6:203", "122")] {
        let asked = request(list, "1:122,2:193,3:203", leader, true);
        let one = plan(&Request { between: 1, ..asked.clone() }).unwrap();
        assert!(one.price.outages > 0, "{list}: {}", story(&one));
        let two = plan(&asked).unwrap();
        check(&asked, &two);
        assert!(two.price.elections_only, "{list}: {}", story(&two));
        let lists: std::collections::BTreeSet<String> =
            two.stages.iter().map(|stage| stage.ensemble.to_string()).collect();
        assert_eq!(lists.len(), 4, "today's, two between, and the one at the end: {lists:?}");
    }
    taken_up_again(&Cluster { due: true, ..whole(&[7, 5, 6], 1, Rules::V3413) });
}

/// The work is counted, not timed: some 3 µs a state in a release build, and up to 15 ms for knowing from which states of five
/// elections are enough, so that five take less than 50 ms and nine less than 2 s.
#[test]
fn a_plan_is_found_with_bounded_work() {
    let work = |ids: &[u8], leader: u8, due: bool| {
        let found = plan::plan(&Cluster { due, ..whole(ids, leader, Rules::V3413) });
        assert_eq!(found.cost.outages, 0, "{ids:?}");
        found.states
    };
    for ids in permutations(5).iter().step_by(7) {
        assert!(work(ids, 2, true) < 5_000, "{ids:?}");
    }
    for (leader, due) in [(2, false), (6, true)] {
        assert!(work(&[8, 9, 1, 6, 3, 7, 2, 5, 4], leader, due) < 200_000, "{leader} {due}");
    }
    // Nothing but outages: all that there is to look at is looked at, and then a few orders more.
    let lost = plan::plan(&Cluster { due: true, ..whole(&[7, 3, 6, 9, 12], 3, Rules::V3413) });
    assert!(lost.cost.outages > 0 && lost.states < 10_000, "{:?}", lost.cost);
}

/// Nothing that costs less is overlooked: not that the leader and another one can be stopped together at the end of the first
/// stage, which saves a list between.
#[test]
fn plans_of_few_are_the_cheapest() {
    for rules in [Rules::V3413, Rules::V363] {
        let threes = permutations(3).into_iter().map(|ids| whole(&ids, 2, rules));
        let fives = permutations(5).into_iter().step_by(5).map(|ids| whole(&ids, 3, rules));
        for from in threes.chain(fives) {
            assert!(plan::plan(&Cluster { due: true, ..from.clone() }).cheapest, "{from:?}");
        }
    }
    let found = plan::plan(&Cluster { due: true, ..whole(&[3, 2, 4, 1, 5], 2, Rules::V3413) });
    assert_eq!((found.cost.elections, found.cost.restarts, found.legs.len()), (3, 10, 2));
}

/// A way that few lists and few leaders have is found all the same.
#[test]
fn ids_with_gaps_get_by_with_elections_where_they_can() {
    for (ids, leader, elections) in [
        ([5, 7, 10, 6, 3], 3, 6),
        ([3, 9, 1, 12, 8], 2, 4),
        ([12, 4, 8, 5, 2], 4, 4),
        ([9, 11, 4, 1, 3], 3, 4),
        ([11, 6, 1, 12, 4], 1, 6),
    ] {
        let from = Cluster { due: true, ..whole(&ids, leader, Rules::V3413) };
        let found = plan::plan(&from);
        assert!(found.cost.elections_only() && found.cheapest, "{ids:?}");
        assert_eq!((found.cost.elections, found.cost.slow), (elections, 0), "{ids:?}");
    }
    taken_up_again(&Cluster { due: true, ..whole(&[9, 11, 4, 1, 3], 3, Rules::V3413) });
}

/// What is left out as hopeless without a look at its states is hopeless.
#[test]
fn without_an_id_that_stays_there_is_no_way_in_one_stage() {
    for rules in [Rules::V3413, Rules::V363] {
        for (at, ids) in permutations(5).into_iter().enumerate() {
            // Others that are the same but for a gap.
            let ids: Vec<u8> = ids.iter().map(|id| if at % 2 == 0 || *id < 3 { *id } else { *id + 4 }).collect();
            let lists = Rc::new(lists::Lists::new(&ids, &[1, 2, 3, 4, 5], rules));
            let stays = (0..5).any(|server| usize::from(ids[server]) == server + 1);
            let mut way = ways::Way::new(Rc::clone(&lists), lists.all());
            for leader in 0..5 {
                let leads = way.leads(state::State::led_by(leader, lists.all()));
                assert!(stays || !leads, "{ids:?} {leader} {rules:?}");
            }
        }
    }
}
