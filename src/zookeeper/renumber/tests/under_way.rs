//! Plans from the middle of a renumbering, and requests that can't be planned.

use super::*;

#[test]
fn a_stage_under_way_is_finished_from_where_it_stands() {
    let mut request = request(TODAY, FINAL, "169", false);
    request.next = Some((ensemble(FINAL), vec!["203".to_owned(), "104".to_owned()]));
    let plan = plan(&request).unwrap();
    assert_eq!(plan.stages.len(), 1);
    assert!(plan.price.elections_only, "{}", story(&plan));
    assert_eq!(plan.price.restarts, 3);
}

/// 122 has been restarted and could have joined: that it has not may be for good. Were it counted on, 203 could be restarted.
#[test]
fn who_could_have_joined_and_has_not_is_not_counted_on() {
    let list = "3:104,2:122,5:169,4:193,1:203";
    let mut request = request(list, FINAL, "193", false);
    request.next = Some((ensemble(FINAL), vec!["122".to_owned()]));
    assert_eq!(plan(&request).unwrap().not_joined, Vec::<String>::new());
    request.serving.retain(|name| name != "122");
    let found = plan(&request).unwrap();
    assert_eq!(found.not_joined, ["122"]);
    let stages = [(ensemble(FINAL), vec![vec!["203".to_owned()]])];
    let followed = follow(&request, &stages).unwrap();
    let restart = &followed.stages[0].restarts[0];
    assert_eq!(
        (&restart.spare_while_down, restart.looking.as_slice()),
        (&Some(0), &["122".to_owned(), "203".to_owned()][..])
    );
}

/// 203 has its new id, the highest, and hears those that serve; 122 has that of another one, and hears nobody.
#[test]
fn who_looks_and_could_join_is_told() {
    let mut asked = request(TODAY, FINAL, "169", false);
    for (moved, joining) in [("203", vec!["203"]), ("122", vec![])] {
        asked.next = Some((ensemble(FINAL), vec![moved.to_owned()]));
        asked.serving = ["104", "122", "169", "193", "203"]
            .iter()
            .filter(|name| **name != moved)
            .map(|name| (*name).to_owned())
            .collect();
        assert_eq!(joins(&asked).unwrap(), joining);
    }
    asked.leader = None;
    assert_eq!(joins(&asked).unwrap(), Vec::<String>::new());
}

#[test]
fn what_can_not_be_planned_is_said() {
    let other = "1:104,2:122,3:169,4:193,5:204";
    assert_eq!(plan(&request(TODAY, other, "104", true)), Err(Unplannable::OtherServers));
    assert_eq!(plan(&request(TODAY, FINAL, "105", true)), Err(Unplannable::Unknown("105".to_owned())));
    assert_eq!(plan(&request("1:a", "1:a", "a", true)), Err(Unplannable::Count(1)));
}
