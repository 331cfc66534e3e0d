//! The order of Python's sets. That of a set of numbers follows from the numbers, and Ansible's users see it: so it is the same here. That
//! of texts is another one in each process of Python: here they stay in the order in which they came.

use serde_json::Value;

use super::exact;

/// What can be in a set.
pub trait Same: Clone {
    /// Python's `hash`, where it is the same in each process.
    fn hash(&self) -> Option<i64>;
    /// Python's `==`.
    fn same(&self, other: &Self) -> bool;
}

impl Same for Value {
    fn hash(&self) -> Option<i64> {
        match self {
            Self::Bool(value) => Some(whole_hash(i128::from(*value))),
            Self::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => Some(whole_hash(whole.into())),
                (_, Some(whole)) => Some(whole_hash(whole.into())),
                _ => float_hash(number.as_f64()?),
            },
            _ => None,
        }
    }

    fn same(&self, other: &Self) -> bool {
        exact::identity(self) == exact::identity(other)
    }
}

/// The items of a set, each once, in its order.
pub fn ordered(items: Vec<Value>) -> Vec<Value> {
    if let Some(set) = Set::of(&items) {
        return set.items();
    }
    let mut seen = std::collections::HashSet::new();
    items.into_iter().filter(|item| seen.insert(exact::identity(item))).collect()
}

/// Python's hashes of numbers are the remainders by this prime.
const PRIME: u64 = (1 << 61) - 1;

/// Python's `hash` of a whole number.
pub fn whole_hash(number: i128) -> i64 {
    let remainder = u64::try_from(number.unsigned_abs() % u128::from(PRIME)).unwrap_or(0);
    signed(number < 0, remainder)
}

/// Python's `hash` of a float; that of what is not a number is another one for each.
pub fn float_hash(number: f64) -> Option<i64> {
    match number {
        number if number.is_nan() => None,
        number if number.is_infinite() => Some(signed(number < 0.0, 314_159)),
        number => Some(signed(number < 0.0, remainder(number.abs(), PRIME))),
    }
}

fn signed(negative: bool, hash: u64) -> i64 {
    let hash = i64::try_from(hash).unwrap_or(0);
    let hash = if negative { -hash } else { hash };
    if hash == -1 { -2 } else { hash }
}

/// A float's remainder: its mantissa times a power of two, whose remainders go round after 61.
fn remainder(number: f64, prime: u64) -> u64 {
    let bits = number.to_bits();
    let exponent = i64::try_from(bits >> 52).unwrap_or(0);
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), exponent - 1075) };
    let turn = u32::try_from(exponent.rem_euclid(61)).unwrap_or(0);
    let product = (u128::from(mantissa) << turn) % u128::from(prime);
    u64::try_from(product).unwrap_or(0)
}

/// What is at a place of a set's table.
#[derive(Clone, Debug)]
enum Slot<T> {
    Empty,
    /// Something was there.
    Gone,
    Item(i64, T),
}

/// A set of numbers, laid out as CPython lays it out (`Objects/setobject.c`, the same since 3.7).
#[derive(Clone, Debug)]
pub struct Set<T> {
    table: Vec<Slot<T>>,
    /// Places that are not empty.
    fill: usize,
    used: usize,
}

impl<T: Same> Set<T> {
    fn new() -> Self {
        Self { table: vec![Slot::Empty; 8], fill: 0, used: 0 }
    }

    /// The set of a list's items; none when they are not all numbers.
    pub fn of(items: &[T]) -> Option<Self> {
        let mut set = Self::new();
        for item in items {
            set.add(item.hash()?, item.clone());
        }
        Some(set)
    }

    fn mask(&self) -> usize {
        self.table.len() - 1
    }

    /// Where an item is, or the empty place where it would be.
    fn find(&self, hash: i64, item: &T) -> usize {
        let is_it = |at: &usize| match &self.table[*at] {
            Slot::Empty => true,
            Slot::Gone => false,
            Slot::Item(known, value) => *known == hash && value.same(item),
        };
        places(self.mask(), hash).find(is_it).unwrap_or(0)
    }

    fn has(&self, hash: i64, item: &T) -> bool {
        matches!(self.table[self.find(hash, item)], Slot::Item(..))
    }

    fn add(&mut self, hash: i64, item: T) {
        let at = self.find(hash, &item);
        if !matches!(self.table[at], Slot::Empty) {
            return;
        }
        self.used += 1;
        // The last place on the way where something was takes it, where there is one.
        let on_the_way = places(self.mask(), hash).take_while(|place| *place != at);
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
    fn put(&mut self, slot: Slot<T>) {
        if let Slot::Item(hash, _) = slot
            && let Some(at) = places(self.mask(), hash).find(|at| matches!(self.table[*at], Slot::Empty))
        {
            self.table[at] = slot;
        }
    }

    fn entries(&self) -> impl Iterator<Item = (i64, &T)> {
        self.table.iter().filter_map(|slot| if let Slot::Item(hash, item) = slot { Some((*hash, item)) } else { None })
    }

    /// Its items, in its order.
    pub fn items(&self) -> Vec<T> {
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

    fn discard(&mut self, hash: i64, item: &T) -> bool {
        let at = self.find(hash, item);
        let found = matches!(self.table[at], Slot::Item(..));
        if found {
            self.table[at] = Slot::Gone;
            self.used -= 1;
        }
        found
    }

    /// What is in one of the two.
    pub fn union(&self, other: &Self) -> Self {
        let mut result = self.copy();
        result.merge(other);
        result
    }

    fn chosen(&self, from: impl Fn(i64, &T) -> bool) -> Self {
        let mut result = Self::new();
        self.entries().filter(|(hash, item)| from(*hash, item)).for_each(|(hash, item)| result.add(hash, item.clone()));
        result
    }

    /// What is in both.
    pub fn intersection(&self, other: &Self) -> Self {
        let (large, small) = if other.used > self.used { (other, self) } else { (self, other) };
        small.chosen(|hash, item| large.has(hash, item))
    }

    /// What is not in the other.
    pub fn difference(&self, other: &Self) -> Self {
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

    /// What is in one alone.
    pub fn symmetric_difference(&self, other: &Self) -> Self {
        let mut result = other.copy();
        for (hash, item) in self.entries() {
            if !result.discard(hash, item) {
                result.add(hash, item.clone());
            }
        }
        result
    }
}

/// The places of a table where an item of this hash may be, in the order in which they are looked at.
fn places(mask: usize, hash: i64) -> impl Iterator<Item = usize> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The orders are those that Python 3.11 prints.
    #[test]
    fn sets_of_numbers_have_pythons_order() {
        for (items, wanted) in [
            (json!([3, 1]), json!([1, 3])),
            (json!([9, 8, 1]), json!([8, 9, 1])),
            (json!([-1, 5, 0]), json!([0, 5, -1])),
            (json!([1.5, 2, 1]), json!([1.5, 2, 1])),
            (json!([1, true, 1.0]), json!([1])),
            (json!(["b", "a", "b"]), json!(["b", "a"])),
        ] {
            let ordered = ordered(items.as_array().cloned().unwrap_or_default());
            assert_eq!(Value::Array(ordered), wanted, "{items}");
        }
    }
}
