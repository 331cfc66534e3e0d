//! Which lists a stage between may give.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use super::lists::{Ids, Server, packed};
use super::state::Mixed;

/// Up to so many servers every list is tried.
pub const EXHAUSTIVE: usize = 5;

/// Up to so many servers two lists between are tried.
pub const TWICE: usize = 3;

/// The lists that a stage between may give: those with which the leader keeps its id in that stage and some server keeps
/// its own in the next; for small ensembles all others, too.
pub fn candidates(list: &[u8], target: &[u8], leader: Server) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let same_ids = list.iter().all(|id| target.contains(id));
    let mut seen: HashSet<Ids, BuildHasherDefault<Mixed>> = [packed(list), packed(target)].into_iter().collect();
    let mut add = |one: Vec<u8>| {
        if seen.insert(packed(&one)) {
            found.push(one);
        }
    };
    for keeper in 0..list.len() {
        let mut fixed: Vec<Option<u8>> = vec![None; list.len()];
        fixed[leader] = Some(list[leader]);
        if keeper != leader {
            if target[keeper] == list[leader] {
                continue;
            }
            fixed[keeper] = Some(target[keeper]);
        } else if list[leader] != target[leader] {
            continue;
        }
        for wish in [target, list] {
            add(filled(&fixed, wish, target, list));
        }
        for pool in [target, list] {
            let mut free: Vec<u8> = pool.iter().copied().filter(|id| !fixed.contains(&Some(*id))).collect();
            free.sort_unstable();
            for ascending in [true, false] {
                let mut ids: Vec<u8> = free.clone();
                if ascending {
                    ids.reverse();
                }
                let one: Vec<u8> = fixed.iter().map(|id| id.or_else(|| ids.pop()).unwrap_or(0)).collect();
                if !one.contains(&0) {
                    add(one);
                }
            }
        }
    }
    if list.len() <= EXHAUSTIVE {
        let mut ids = target.to_vec();
        ids.sort_unstable();
        permutations(&mut ids, 0, &mut add);
        if !same_ids {
            let mut ids = list.to_vec();
            ids.sort_unstable();
            permutations(&mut ids, 0, &mut add);
        }
    }
    found
}

/// A list with these ids, the others as wished for where that id is free, else any that is.
fn filled(fixed: &[Option<u8>], wish: &[u8], target: &[u8], list: &[u8]) -> Vec<u8> {
    let mut taken: Vec<Option<u8>> = fixed.to_vec();
    for (server, id) in wish.iter().enumerate() {
        if taken[server].is_none() && !taken.contains(&Some(*id)) {
            taken[server] = Some(*id);
        }
    }
    for server in 0..taken.len() {
        if taken[server].is_none() {
            taken[server] = target.iter().chain(list).copied().find(|id| !taken.contains(&Some(*id)));
        }
    }
    taken.into_iter().flatten().collect()
}

fn permutations(ids: &mut Vec<u8>, from: usize, take: &mut impl FnMut(Vec<u8>)) {
    if from == ids.len() {
        take(ids.clone());
        return;
    }
    for at in from..ids.len() {
        ids.swap(from, at);
        permutations(ids, from + 1, take);
        ids.swap(from, at);
    }
}
