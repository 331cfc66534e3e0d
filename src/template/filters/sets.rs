//! `union`, `intersect`, `difference` and `symmetric_difference`. Ansible makes Python's sets of the lists. The order of a
//! set of numbers follows from the numbers, and Ansible's users see it: so it is the same here. That of texts is another
//! one in each process of Python: here they stay in the order of the lists.

use super::super::fault::R;
use super::super::interp::Interp;
use super::super::python;
use super::super::value::Value;
use super::sequence::one_by_one;
use super::{Bound, Filter, filter};
use crate::inventory::python_set::{Same, Set, float_hash, whole_hash};

pub const FILTERS: [Filter; 4] = [
    filter(&["union"], "a b", |_, a| of(a, Set::union, |left, right| one_by_one(&[left, right].concat()))),
    filter(&["intersect"], "a b", |_, a| of(a, Set::intersection, |left, right| kept(left, right, true))),
    filter(&["difference"], "a b", |_, a| of(a, Set::difference, |left, right| kept(left, right, false))),
    filter(&["symmetric_difference"], "a b", symmetric_difference),
];

fn symmetric_difference(_: &Interp, a: &Bound) -> R<Value> {
    of(a, Set::symmetric_difference, |left, right| Ok([kept(left, right, false)?, kept(right, left, false)?].concat()))
}

fn of(
    a: &Bound,
    sets: fn(&Set<Value>, &Set<Value>) -> Set<Value>,
    lists: fn(&[Value], &[Value]) -> R<Vec<Value>>,
) -> R<Value> {
    let (left, right) = (a.items(0)?, a.items(1)?);
    Ok(Value::list(match (Set::of(&left), Set::of(&right)) {
        (Some(left), Some(right)) => sets(&left, &right).items(),
        _ => lists(&left, &right)?,
    }))
}

/// The items of one list that are, or are not, in another; each once.
fn kept(items: &[Value], others: &[Value], inside: bool) -> R<Vec<Value>> {
    let others = Value::list(others.to_vec());
    let mut kept = Vec::new();
    for item in items {
        if python::contains(&others, item)? == inside {
            kept.push(item.clone());
        }
    }
    one_by_one(&kept)
}

impl Same for Value {
    fn hash(&self) -> Option<i64> {
        match self {
            Self::Float(number) => float_hash(*number),
            other => other.as_int().map(whole_hash),
        }
    }

    fn same(&self, other: &Self) -> bool {
        self.equals(other).unwrap_or(false)
    }
}
