use super::Found::{Follows, Idle, Leads, Unseen};
use super::*;

fn timeline(servers: usize) -> Timeline {
    Timeline::new((0..servers).map(|server| format!("m{server}")))
}

/// A look that took 10 ms.
fn look(server: usize, ended_ms: u64, found: Found) -> Look {
    Look { server, asked_ms: ended_ms - 10, ended_ms, found }
}

/// A round of looks that end a millisecond after one another.
fn round(timeline: &mut Timeline, at_ms: u64, found: &[Found]) -> Vec<Noticed> {
    let looks = (0..).zip(found).map(|(server, found)| look(server, at_ms + server as u64, *found));
    looks.map(|look| timeline.take(look)).collect()
}

#[test]
fn an_election_is_a_gap_with_another_leader_after_it() {
    let mut timeline = timeline(3);
    round(&mut timeline, 1000, &[Leads(Some(5)), Follows, Follows]);
    round(&mut timeline, 1250, &[Idle, Follows, Idle]);
    round(&mut timeline, 1500, &[Idle, Idle, Idle]);
    round(&mut timeline, 3000, &[Idle, Leads(Some(6)), Follows]);
    round(&mut timeline, 9000, &[Follows, Leads(Some(6)), Follows]);
    let found = timeline.end(10_000);
    let [gap] = found.gaps.as_slice() else { panic!("{:?}", found.gaps) };
    assert_eq!((gap.began_ms, gap.seconds), (1250, 1.752));
    // The server whose look ended it had last been looked at 1.5 s before.
    assert_eq!(gap.uncertainty_seconds, 1.5);
    assert_eq!((gap.leader_before.as_deref(), gap.leader_after.as_deref()), (Some("m0"), Some("m1")));
    assert!(gap.election && gap.over && gap.unseen.is_empty());
    assert_eq!((found.elections, found.leaders.as_slice()), (1, ["m0".to_owned(), "m1".to_owned()].as_slice()));
    assert_eq!((found.longest_gap_seconds, found.without_quorum_seconds), (1.752, 1.752));
    assert_eq!((found.watched_seconds, found.without_spare_seconds), (8.998, 5.998));
    assert_eq!((found.looks, found.failed_looks), (15, 0));
}

#[test]
fn a_gap_may_reach_over_either_end_of_the_watching() {
    let mut timeline = timeline(3);
    round(&mut timeline, 1000, &[Idle, Idle, Follows]);
    round(&mut timeline, 2000, &[Leads(Some(2)), Follows, Follows]);
    round(&mut timeline, 3000, &[Idle, Idle, Follows]);
    let found = timeline.end(4000);
    let shown: Vec<_> = found.gaps.iter().map(|gap| (gap.began_ms, gap.seconds, gap.election, gap.over)).collect();
    assert_eq!(shown, [(1002, 0.998, false, true), (3000, 1.0, false, false)]);
    assert_eq!((found.gaps[0].leader_before.as_deref(), found.gaps[1].leader_after.as_deref()), (None, None));
    assert_eq!((found.without_quorum_seconds, found.elections), (1.998, 0));
}

#[test]
fn the_same_leader_in_a_new_epoch_was_elected_too_even_between_two_looks() {
    let mut timeline = timeline(3);
    round(&mut timeline, 1000, &[Leads(Some(5)), Follows, Follows]);
    round(&mut timeline, 1250, &[Idle, Idle, Follows]);
    round(&mut timeline, 1500, &[Leads(Some(6)), Follows, Follows]);
    round(&mut timeline, 1750, &[Leads(Some(7)), Follows, Follows]);
    let found = timeline.end(2000);
    assert!(found.gaps[0].election);
    assert_eq!((found.gaps.len(), found.elections, found.leaders.len()), (1, 2, 1));
}

#[test]
fn a_leader_that_was_looked_at_before_it_was_replaced_is_neither_a_rival_nor_a_hole_in_the_quorum() {
    let mut timeline = timeline(3);
    round(&mut timeline, 1000, &[Leads(Some(5)), Follows, Follows]);
    round(&mut timeline, 1250, &[Leads(Some(5)), Follows, Follows]);
    // m0 dies at once, and m1 leads before m0 is looked at again.
    let noticed = [
        timeline.take(look(1, 1500, Leads(Some(6)))),
        timeline.take(look(1, 1750, Leads(Some(6)))),
        timeline.take(look(0, 1760, Idle)),
        timeline.take(look(1, 2000, Leads(Some(6)))),
    ];
    assert!(noticed.iter().all(|noticed| noticed.rivals.is_none()), "{noticed:?}");
    let first = noticed[0].view.as_ref().expect("another view");
    assert_eq!((first.leader.as_deref(), first.quorum, first.spare), (Some("m1"), true, 0));
    let found = timeline.end(3000);
    assert_eq!((found.gaps.len(), found.elections, found.two_leaders.len()), (0, 1, 0));
}

#[test]
fn two_leaders_whose_claims_held_at_one_time_are_told_once() {
    let mut timeline = timeline(5);
    let rivals = [Leads(Some(5)), Leads(Some(6)), Follows, Follows, Idle];
    round(&mut timeline, 1000, &[Leads(Some(5)), Follows, Follows, Follows, Follows]);
    assert!(round(&mut timeline, 1250, &rivals).iter().all(|noticed| noticed.rivals.is_none()));
    let told: Vec<_> = round(&mut timeline, 1500, &rivals).into_iter().filter_map(|noticed| noticed.rivals).collect();
    assert_eq!(told.len(), 1);
    let leaders: Vec<_> = told[0].leaders.iter().map(|leader| (leader.host.as_str(), leader.epoch)).collect();
    assert_eq!(leaders, [("m0", Some(5)), ("m1", Some(6))]);
    assert!((1251..=1491).contains(&told[0].at_ms), "{}", told[0].at_ms);
    assert!(round(&mut timeline, 1750, &rivals).iter().all(|noticed| noticed.rivals.is_none()));
    // The one of the older epoch commits nothing; the other has three of five.
    let found = timeline.end(2000);
    assert_eq!((found.two_leaders.len(), found.gaps.len()), (1, 0));
    assert_eq!(found.without_spare_seconds, 0.746);
}

#[test]
fn two_leaders_of_one_epoch_are_no_leader() {
    let mut timeline = timeline(3);
    let noticed = round(&mut timeline, 1000, &[Leads(Some(5)), Leads(Some(5)), Follows]);
    let view = noticed[2].view.as_ref().expect("a view");
    assert_eq!((view.quorum, view.leader.as_deref(), view.serving.len()), (false, None, 3));
}

#[test]
fn who_can_not_be_asked_counts_as_not_serving_from_the_first_question_without_an_answer() {
    let mut timeline = timeline(3);
    round(&mut timeline, 1000, &[Leads(Some(5)), Follows, Idle]);
    // Asked at 1250 and given up at 3250; the others are looked at meanwhile.
    round(&mut timeline, 1500, &[Leads(Some(5))]);
    let gone = Look { server: 1, asked_ms: 1250, ended_ms: 3250, found: Unseen };
    let view = timeline.take(gone).view.expect("another view");
    assert_eq!(view.unseen, [super::Unseen { host: "m1".to_owned(), since_ms: 1250 }]);
    assert!(!view.quorum);
    assert_eq!(timeline.take(Look { asked_ms: 3250, ended_ms: 5250, ..gone }).view, None);
    timeline.take(look(1, 5500, Follows));
    let found = timeline.end(6000);
    assert_eq!((found.gaps[0].began_ms, found.gaps[0].seconds), (1250, 4.25));
    assert_eq!((found.gaps[0].unseen.as_slice(), found.gaps[0].election), (["m1".to_owned()].as_slice(), false));
    assert_eq!(found.unseen, [Blind { host: "m1".to_owned(), seconds: 4.25 }]);
    assert_eq!((found.looks, found.failed_looks), (7, 2));
}

#[test]
fn a_server_that_hangs_makes_what_happens_meanwhile_uncertain_and_one_that_is_known_to_be_gone_does_not() {
    let gap = |known: bool| {
        let mut timeline = timeline(5);
        let last = if known { Unseen } else { Follows };
        round(&mut timeline, 1000, &[Leads(Some(5)), Follows, Follows, Follows, last]);
        for at in [1250, 1500, 1750, 2000] {
            round(&mut timeline, at, &[Leads(Some(5)), Follows, Follows, Follows]);
        }
        round(&mut timeline, 2250, &[Idle]);
        timeline.end(3000).gaps.remove(0)
    };
    assert_eq!((gap(true).began_ms, gap(true).uncertainty_seconds, gap(true).unseen.len()), (2250, 0.25, 1));
    assert_eq!((gap(false).began_ms, gap(false).uncertainty_seconds, gap(false).unseen.len()), (2250, 1.246, 0));
}

#[test]
fn a_quorum_is_more_than_half_and_the_last_one_that_may_fail_is_the_spare() {
    for (servers, serving, quorum, spare) in [
        (1, 1, true, 0),
        (2, 1, false, 0),
        (2, 2, true, 0),
        (4, 2, false, 0),
        (4, 3, true, 0),
        (4, 4, true, 1),
        (5, 3, true, 0),
        (5, 5, true, 2),
        (9, 4, false, 0),
    ] {
        let mut timeline = timeline(servers);
        let found = (0..servers).map(|server| match server {
            0 => Leads(Some(1)),
            server if server < serving => Follows,
            _ => Idle,
        });
        let noticed = round(&mut timeline, 1000, &found.collect::<Vec<_>>());
        let view = noticed.last().and_then(|noticed| noticed.view.clone()).expect("a view");
        assert_eq!((view.quorum, view.spare), (quorum, spare), "{serving} of {servers}");
        let found = timeline.end(2000 + servers as u64 - 1);
        let (spareless, gap) = if !quorum { (0.0, 1.0) } else { (if spare == 0 { 1.0 } else { 0.0 }, 0.0) };
        assert_eq!((found.without_spare_seconds, found.without_quorum_seconds), (spareless, gap));
    }
}

#[test]
fn a_view_is_told_when_it_differs_and_not_before_each_server_was_looked_at() {
    let mut timeline = timeline(3);
    let noticed = round(&mut timeline, 1000, &[Leads(Some(5)), Follows, Follows]);
    assert_eq!(noticed.iter().filter(|noticed| noticed.view.is_some()).count(), 1);
    assert!(noticed[2].view.is_some());
    let noticed = round(&mut timeline, 1250, &[Leads(Some(5)), Follows, Follows]);
    assert!(noticed.iter().all(|noticed| *noticed == Noticed::default()));
    // Followers without their leader are no quorum.
    let view = timeline.take(look(0, 1500, Idle)).view.expect("another view");
    assert_eq!((view.quorum, view.serving.len(), view.epoch), (false, 2, None));
}

#[test]
fn without_a_look_at_each_there_is_nothing_to_tell() {
    let mut timeline = timeline(2);
    timeline.take(look(0, 1000, Idle));
    let found = timeline.end(5000);
    assert_eq!((found.watched_seconds, found.gaps.len(), found.without_quorum_seconds), (0.0, 0, 0.0));
}
