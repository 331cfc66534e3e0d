//! The lists of the stages that are looked at, each made once.

use std::cell::RefCell;
use std::rc::Rc;

use super::cost::Exposure;
use super::follow::Cluster;
use super::lists::{Ids, Lists, packed};
use super::state::Quick;
use super::versions::Rules;

/// All pairs of lists that were asked for, of a cluster's servers.
pub struct Pairs {
    rules: Rules,
    exposure: Exposure,
    max_down: u32,
    known: RefCell<Quick<(Ids, Ids), Rc<Lists>>>,
}

impl Pairs {
    /// None so far.
    pub fn new(cluster: &Cluster) -> Self {
        let Cluster { rules, exposure, max_down, .. } = *cluster;
        Self { rules, exposure, max_down, known: RefCell::default() }
    }

    /// Two lists of the cluster's servers.
    pub fn of(&self, before: &[u8], after: &[u8]) -> Rc<Lists> {
        let mut known = self.known.borrow_mut();
        let make = || Rc::new(Lists::new(before, after, self.rules).within(self.exposure, self.max_down));
        Rc::clone(known.entry((packed(before), packed(after))).or_insert_with(make))
    }
}
