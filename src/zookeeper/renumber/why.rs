//! Why a plan is the one that was taken, in a sentence for whoever operates the ensemble.

use std::cmp::Ordering;

use super::{Plan, Stage, Timing};

/// What weighs in a choice between plans: the less, the better.
#[derive(PartialEq)]
pub struct Rank([f64; 8]);

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

/// The rank of a plan, in the order of a cost's fields: restarts that can lose writes, outages, whether elections may be late, those that begin when the leader
/// notices, servers that may have to be restarted again, seconds without a spare, elections, restarts.
pub fn rank(plan: &Plan) -> Rank {
    let price = &plan.price;
    let each = || plan.stages.iter().flat_map(|stage| &stage.restarts);
    let noticed = each().filter(|one| one.noticed).count();
    let racing: usize = each().map(|one| one.racing.len()).sum();
    let counted = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    Rank([
        counted(each().filter(|one| one.loses_writes).count()),
        f64::from(price.outages),
        f64::from(u8::from(!price.elections_only)),
        counted(noticed),
        counted(racing),
        price.no_spare,
        f64::from(price.elections),
        f64::from(price.restarts),
    ])
}

/// Of a plan that is the only one that was made.
pub fn asked(plan: &Plan) -> String {
    match (plan.max_down, pairs(plan)) {
        (1, _) => format!("one server is down at a time: {}", costs(plan)),
        (_, 0) => format!("two servers may be down at once, and never have to be: {}", costs(plan)),
        (_, _) => format!("two servers are down at once where that saves an election or a restart: {}", costs(plan)),
    }
}

/// Of the one that was chosen of two plans: with one server down at a time, and with two where that is `better`.
pub fn chosen(one: &Plan, two: &Plan, better: bool) -> String {
    if !better {
        return match pairs(two) {
            0 => format!("one server is down at a time, and two at once would save nothing: {}", costs(one)),
            _ => format!("one server is down at a time: {}; with two at once it would be {}", costs(one), costs(two)),
        };
    }
    let (Rank(worse), Rank(better)) = (rank(one), rank(two));
    let than = match worse.iter().zip(better).position(|(worse, better)| *worse != better) {
        Some(0) => "with one at a time writes can be lost".to_owned(),
        Some(1) => "one at a time can't be sure to keep the quorum".to_owned(),
        Some(2) => "with one at a time an election may wait for a server that is late".to_owned(),
        Some(3) => {
            "with one at a time an election begins only when the leader notices that it has lost its quorum".to_owned()
        }
        Some(4) => "with one at a time a server may have to be restarted again before it joins".to_owned(),
        _ => format!("one at a time would be {}", costs(one)),
    };
    format!("two servers are down at once now and then: {}; {than}", costs(two))
}

/// What else the elections of a plan may come to.
pub fn cautions(stages: &[Stage], timing: Timing) -> Vec<String> {
    let mut found = Vec::new();
    let each = || stages.iter().flat_map(|stage| &stage.restarts);
    if each().any(|one| one.late) {
        found.push(format!(
            "After an election this ZooKeeper may wait in vain, {} s each time, for servers that miss the last writes (ZOOKEEPER-4685): \
             nothing can be written meanwhile. It was seen twice in a row, and nothing in ZooKeeper bounds it. Writes that were under \
             way when the leader ended can be lost that way.",
            timing.tick * f64::from(timing.init_limit)
        ));
    }
    if timing.reload > 0.0 && each().any(|one| one.election) {
        found.push(format!(
            "Servers of this version read their database again before they vote, {} s at the most: an election takes longer by that.",
            timing.reload
        ));
    }
    found
}

/// How often two are down at once.
fn pairs(plan: &Plan) -> usize {
    plan.stages.iter().flat_map(|stage| &stage.restarts).filter(|one| one.servers.len() > 1).count()
}

/// What weighs in a plan, in words.
fn costs(plan: &Plan) -> String {
    let price = &plan.price;
    let counted = |count: u32, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    let spare = match price.no_spare.round() {
        0.0 => "never without a spare".to_owned(),
        seconds => format!("{seconds} s in which one more failure would end the quorum"),
    };
    format!("{spare}, {}, {}", counted(price.elections, "election"), counted(price.restarts, "restart"))
}
