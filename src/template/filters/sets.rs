//! `union`, `intersect`, `difference` and `symmetric_difference`. Ansible makes Python's sets of the lists. The order of a
//! set of numbers follows from the numbers, and Ansible's users see it: so it is the same here. That of texts is another
//! one in each process of Python: here they stay in the order of the lists.

use super::super::fault::R;
use super::super::interp::Interp;
use super::super::python;
use super::super::value::Value;
use super::sequence::one_by_one;
use super::{Bound, Filter, filter};

pub const FILTERS: [Filter; 4] = [
    filter(&["union"], "a b", |_, a| of(a, Set::union, |left, right| one_by_one(&[left, right].concat()))),
    filter(&["intersect"], "a b", |_, a| of(a, Set::intersection, |left, right| kept(left, right, true))),
    filter(&["difference"], "a b", |_, a| of(a, Set::difference, |left, right| kept(left, right, false))),
    filter(&["symmetric_difference"], "a b", symmetric_difference),
];

fn symmetric_difference(_: &Interp, a: &Bound) -> R<Value> {
    of(a, Set::symmetric_difference, |left, right| Ok([kept(left, right, false)?, kept(right, left, false)?].concat()))
}

fn of(a: &Bound, sets: fn(&Set, &Set) -> Set, lists: fn(&[Value], &[Value]) -> R<Vec<Value>>) -> R<Value> {
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

/// Python's `hash` of a number; its hashes are the remainders by this prime.
fn hash(value: &Value) -> Option<i64> {
    const PRIME: u64 = (1 << 61) - 1;
    let (negative, hash) = match value {
        Value::Bool(_) | Value::Int(_) => {
            let number = value.as_int()?;
            (number < 0, u64::try_from(number.unsigned_abs() % u128::from(PRIME)).ok()?)
        }
        Value::Float(number) if number.is_infinite() => (*number < 0.0, 314_159),
        Value::Float(number) if number.is_finite() => (*number < 0.0, float_hash(number.abs(), PRIME)),
        _ => return None,
    };
    let hash = i64::try_from(hash).ok()?;
    let hash = if negative { -hash } else { hash };
    Some(if hash == -1 { -2 } else { hash })
}

/// A float's remainder: its mantissa times a power of two, whose remainders go round after 61.
fn float_hash(number: f64, prime: u64) -> u64 {
    let bits = number.to_bits();
    let exponent = i64::try_from(bits >> 52).unwrap_or(0);
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), exponent - 1075) };
    let turn = u32::try_from(exponent.rem_euclid(61)).unwrap_or(0);
    let product = (u128::from(mantissa) << turn) % u128::from(prime);
    u64::try_from(product).unwrap_or(0)
}

/// What is at a place of a set's table.
#[derive(Clone)]
enum Slot {
    Empty,
    /// Something was there.
    Gone,
    Item(i64, Value),
}

/// A set of numbers, laid out as CPython lays it out (`Objects/setobject.c`, the same since 3.7).
#[derive(Clone)]
struct Set {
    table: Vec<Slot>,
    /// Places that are not empty.
    fill: usize,
    used: usize,
}

impl Set {
    fn new() -> Self {
        Self { table: vec![Slot::Empty; 8], fill: 0, used: 0 }
    }

    /// The set of a list's items; none when they are not all numbers.
    fn of(items: &[Value]) -> Option<Self> {
        let mut set = Self::new();
        for item in items {
            set.add(hash(item)?, item.clone());
        }
        Some(set)
    }

    fn mask(&self) -> usize {
        self.table.len() - 1
    }

    /// The places where an item of this hash may be, in the order in which they are looked at.
    fn places(&self, hash: i64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.mask();
        let mut perturb = usize::from_ne_bytes(hash.to_ne_bytes());
        let mut at = perturb & mask;
        std::iter::from_fn(move || {
            let run = at..=if at + 9 <= mask { at + 9 } else { at };
            perturb >>= 5;
            at = at.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb) & mask;
            Some(run)
        })
        .flatten()
    }

    /// Where an item is, or the empty place where it would be.
    fn find(&self, hash: i64, item: &Value) -> usize {
        let is_it = |at: &usize| match &self.table[*at] {
            Slot::Empty => true,
            Slot::Gone => false,
            Slot::Item(known, value) => *known == hash && value.equals(item).unwrap_or(false),
        };
        self.places(hash).find(is_it).unwrap_or(0)
    }

    fn has(&self, hash: i64, item: &Value) -> bool {
        matches!(self.table[self.find(hash, item)], Slot::Item(..))
    }

    fn add(&mut self, hash: i64, item: Value) {
        let at = self.find(hash, &item);
        if !matches!(self.table[at], Slot::Empty) {
            return;
        }
        self.used += 1;
        // The last place on the way where something was takes it, where there is one.
        let on_the_way = self.places(hash).take_while(|place| *place != at);
        if let Some(gone) = on_the_way.filter(|place| matches!(self.table[*place], Slot::Gone)).last() {
            self.table[gone] = Slot::Item(hash, item);
            return;
        }
        self.table[at] = Slot::Item(hash, item);
        self.fill += 1;
        if self.fill * 5 >= self.mask() * 3 {
            self.resize(if self.used > 50_000 { self.used * 2 } else { self.used * 4 });
        }
    }

    fn resize(&mut self, least: usize) {
        let mut size = 8;
        while size <= least {
            size *= 2;
        }
        let old = std::mem::replace(&mut self.table, vec![Slot::Empty; size]);
        self.fill = self.used;
        old.into_iter().for_each(|slot| self.put(slot));
    }

    /// Puts an item that is not there into the first place that is free.
    fn put(&mut self, slot: Slot) {
        if let Slot::Item(hash, _) = slot
            && let Some(at) = self.places(hash).find(|at| matches!(self.table[*at], Slot::Empty))
        {
            self.table[at] = slot;
        }
    }

    fn entries(&self) -> impl Iterator<Item = (i64, &Value)> {
        self.table.iter().filter_map(|slot| if let Slot::Item(hash, item) = slot { Some((*hash, item)) } else { None })
    }

    fn items(&self) -> Vec<Value> {
        self.entries().map(|(_, item)| item.clone()).collect()
    }

    fn merge(&mut self, other: &Self) {
        if other.used == 0 {
            return;
        }
        if (self.fill + other.used) * 5 >= self.mask() * 3 {
            self.resize((self.used + other.used) * 2);
        }
        if self.fill > 0 {
            other.entries().for_each(|(hash, item)| self.add(hash, item.clone()));
        } else if self.table.len() == other.table.len() && other.fill == other.used {
            self.clone_from(other);
        } else {
            other.table.iter().for_each(|slot| self.put(slot.clone()));
            (self.fill, self.used) = (other.used, other.used);
        }
    }

    fn copy(&self) -> Self {
        let mut copy = Self::new();
        copy.merge(self);
        copy
    }

    fn discard(&mut self, hash: i64, item: &Value) -> bool {
        let at = self.find(hash, item);
        let found = matches!(self.table[at], Slot::Item(..));
        if found {
            self.table[at] = Slot::Gone;
            self.used -= 1;
        }
        found
    }

    fn union(&self, other: &Self) -> Self {
        let mut result = self.copy();
        result.merge(other);
        result
    }

    fn chosen(&self, from: impl Fn(i64, &Value) -> bool) -> Self {
        let mut result = Self::new();
        self.entries().filter(|(hash, item)| from(*hash, item)).for_each(|(hash, item)| result.add(hash, item.clone()));
        result
    }

    fn intersection(&self, other: &Self) -> Self {
        let (large, small) = if other.used > self.used { (other, self) } else { (self, other) };
        small.chosen(|hash, item| large.has(hash, item))
    }

    fn difference(&self, other: &Self) -> Self {
        if self.used >> 2 <= other.used {
            return self.chosen(|hash, item| !other.has(hash, item));
        }
        let mut result = self.copy();
        for (hash, item) in other.entries() {
            result.discard(hash, item);
        }
        if result.fill - result.used > result.mask() / 4 {
            result.resize(if result.used > 50_000 { result.used * 2 } else { result.used * 4 });
        }
        result
    }

    fn symmetric_difference(&self, other: &Self) -> Self {
        let mut result = other.copy();
        for (hash, item) in self.entries() {
            if !result.discard(hash, item) {
                result.add(hash, item.clone());
            }
        }
        result
    }
}
