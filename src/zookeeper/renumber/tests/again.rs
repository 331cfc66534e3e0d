//! A plan is carried on from each of its states.

use super::*;

#[test]
fn a_plan_of_three_can_be_taken_up_again_after_every_restart() {
    for rules in [Rules::V3413, Rules::V363] {
        for ids in permutations(3) {
            for leader in 0..3 {
                taken_up_again(&whole(&ids, leader, rules));
            }
        }
    }
}

/// Ids with gaps, none of which stays. Each leader has an id here that makes another change of the leader tempting: every such
/// change is an election that may end with the wrong one again.
#[test]
fn the_leader_is_not_changed_where_a_list_between_is_enough() {
    for leader in 0..5 {
        for due in [true, false] {
            let from = Cluster { due, target: vec![1, 2, 3, 4, 5], ..whole(&[8, 5, 7, 4, 6], leader, Rules::V3413) };
            let found = plan::plan(&from);
            assert!(found.cost.elections_only(), "{leader}");
            let steps = found.legs.iter().flat_map(|leg| &leg.steps);
            let elections = steps.filter(|step| step.outcomes[0].election).count();
            assert_eq!(elections, 3 + usize::from(due), "{leader}");
            taken_up_again(&from);
        }
    }
}

/// Every other permutation for the rules of either, with one leader each: two tests, so that they run at once.
fn fives(rules: Rules, first: usize) {
    for (at, ids) in permutations(5).into_iter().enumerate().skip(first).step_by(2) {
        taken_up_again(&whole(&ids, u8::try_from(at / 2 % 5).unwrap(), rules));
    }
}

#[test]
fn a_plan_of_five_can_be_taken_up_again_after_every_restart_on_3_4() {
    fives(Rules::V3413, 0);
}

#[test]
fn a_plan_of_five_can_be_taken_up_again_after_every_restart_from_3_5_on() {
    fives(Rules::V363, 1);
}
