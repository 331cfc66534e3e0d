//! Who can be restarted next, and together.

use super::lists::{Lists, Server, Set, members};
use super::state::State;

/// Who can be restarted next: every server alone, those that the new list makes the highest first and the leader last,
/// which is most often best; then the leader with another one, where two can be spared and may be down at once.
pub fn choices(lists: &Lists, state: State) -> impl Iterator<Item = Set> {
    let left = lists.all() & !state.moved;
    let leader = state.leader.filter(|leader| left & 1 << leader != 0);
    let others = lists.highest_first.into_iter().take(lists.count);
    let others = others.filter(move |server| left & 1 << server != 0 && Some(*server) != leader);
    let pairs = leader.filter(|_| lists.spare().min(lists.max_down) >= 2);
    let together = pairs.map(|leader| others.clone().map(move |other| 1 << other | 1 << leader));
    others.chain(leader).map(|server| 1 << server).chain(together.into_iter().flatten())
}

/// The groups of servers with the leader that can be stopped together: as many as the quorum can spare and may be down at once.
pub fn groups(lists: &Lists, left: Set, leader: Server) -> impl Iterator<Item = Set> {
    let others = left & !(1 << leader);
    let most = lists.spare().min(lists.max_down).max(1);
    let mut found: Vec<Set> = (0..=others).filter(|set| set & !others == 0 && set.count_ones() < most).collect();
    found.sort_by_key(|set| set.count_ones());
    found.into_iter().map(move |set| set | 1 << leader)
}

/// The servers of a group in the order in which they are stopped: the leader last, so that one election is enough.
pub fn stop_order(group: Set, leader: Option<u8>) -> Vec<Server> {
    let leads = |server: &Server| leader.map(usize::from) == Some(*server);
    members(group).filter(|server| !leads(server)).chain(members(group).filter(leads)).collect()
}
