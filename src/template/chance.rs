//! Chance: the system's, and Python's Mersenne Twister for what is asked for with a seed.

use sha2::{Digest, Sha512};

use super::fault::{Fault, R};
use super::value::Value;

/// Bytes that nobody can guess.
pub fn system(count: usize) -> R<Vec<u8>> {
    use std::io::Read;
    let mut bytes = vec![0; count];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| Fault::new(format!("can't read /dev/urandom: {error}")))?;
    Ok(bytes)
}

/// Python's `random.Random(seed)`, or the system's chance.
pub enum Chance {
    System,
    Twister(Box<Twister>),
}

pub struct Twister {
    state: [u32; 624],
    at: usize,
}

impl Twister {
    fn from_number(seed: u32) -> Self {
        let mut state = [0_u32; 624];
        state[0] = seed;
        for at in 1..624 {
            let before = state[at - 1];
            state[at] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(at as u32);
        }
        Self { state, at: 624 }
    }

    fn from_key(key: &[u32]) -> Self {
        let mut twister = Self::from_number(19_650_218);
        let state = &mut twister.state;
        let (mut i, mut j) = (1, 0);
        for _ in 0..key.len().max(624) {
            let before = state[i - 1];
            state[i] = (state[i] ^ (before ^ (before >> 30)).wrapping_mul(1_664_525))
                .wrapping_add(key[j])
                .wrapping_add(j as u32);
            i += 1;
            j += 1;
            if i >= 624 {
                state[0] = state[623];
                i = 1;
            }
            if j >= key.len() {
                j = 0;
            }
        }
        for _ in 0..623 {
            let before = state[i - 1];
            state[i] = (state[i] ^ (before ^ (before >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i >= 624 {
                state[0] = state[623];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        twister
    }

    fn next(&mut self) -> u32 {
        if self.at >= 624 {
            for at in 0..624 {
                let y = (self.state[at] & 0x8000_0000) | (self.state[(at + 1) % 624] & 0x7fff_ffff);
                let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[at] = self.state[(at + 397) % 624] ^ (y >> 1) ^ odd;
            }
            self.at = 0;
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }
}

impl Chance {
    /// By a seed as Python takes it: a number, or a text or float.
    pub fn new(seed: Option<&Value>) -> R<Self> {
        let Some(seed) = seed.filter(|seed| !seed.is_none()) else { return Ok(Self::System) };
        let bytes: Vec<u8> = match seed {
            Value::Str(text) => {
                // Python takes the text's bytes and their SHA-512 as one large number.
                let mut bytes = text.as_bytes().to_vec();
                bytes.extend(Sha512::digest(text.as_bytes()));
                bytes
            }
            other => match other.as_int() {
                Some(number) => number.unsigned_abs().to_be_bytes().to_vec(),
                None => {
                    return Err(Fault::new(format!("a seed of type '{}' is not supported here", other.type_name()))
                        .hint("give a text or a whole number"));
                }
            },
        };
        let mut key: Vec<u32> = Vec::new();
        for chunk in bytes.rchunks(4) {
            key.push(chunk.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)));
        }
        while key.len() > 1 && key.last() == Some(&0) {
            key.pop();
        }
        Ok(Self::Twister(Box::new(Twister::from_key(&key))))
    }

    fn bits(&mut self, count: u32) -> R<u128> {
        match self {
            Self::System => {
                let bytes: [u8; 16] = system(16)?.try_into().map_err(|_| Fault::new("can't read /dev/urandom"))?;
                Ok(if count == 0 { 0 } else { u128::from_be_bytes(bytes) >> (128 - count) })
            }
            Self::Twister(twister) => {
                let mut value = 0_u128;
                let mut left = count;
                let mut shift = 0;
                while left > 0 {
                    let word = twister.next();
                    let word = if left < 32 { word >> (32 - left) } else { word };
                    value |= u128::from(word) << shift;
                    shift += 32;
                    left = left.saturating_sub(32);
                }
                Ok(value)
            }
        }
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u128) -> R<u128> {
        if limit == 0 {
            return Err(Fault::new("there is nothing to choose from"));
        }
        let count = 128 - limit.leading_zeros();
        loop {
            let value = self.bits(count)?;
            if value < limit {
                return Ok(value);
            }
        }
    }

    pub fn index(&mut self, len: usize) -> R<usize> {
        Ok(usize::try_from(self.below(len as u128)?).unwrap_or(0))
    }

    /// Python's `shuffle`.
    pub fn shuffle(&mut self, items: &mut [Value]) -> R<()> {
        for at in (1..items.len()).rev() {
            items.swap(at, self.index(at + 1)?);
        }
        Ok(())
    }
}

/// The filter `random`.
pub fn random(of: &Value, start: Option<i128>, step: Option<i128>, seed: Option<&Value>) -> R<Value> {
    let mut chance = Chance::new(seed)?;
    if let Some(end) = of.as_int() {
        let (start, step) = (start.unwrap_or(0), step.filter(|step| *step != 0).unwrap_or(1));
        let count = super::value::range_len(start, end, step);
        if count <= 0 {
            return Err(Fault::new(format!("empty range for randrange() ({start}, {end}, {step})")));
        }
        let at = i128::try_from(chance.below(count.unsigned_abs())?).unwrap_or(0);
        return Ok(Value::Int(start + at * step));
    }
    if start.is_some_and(|start| start != 0) || step.is_some_and(|step| step != 0) {
        return Err(Fault::new("start and step can only be used with integer values"));
    }
    let items = of.iterate().map_err(|_| Fault::new("random can only be used on sequences and integers"))?;
    if items.is_empty() {
        return Err(Fault::new("Cannot choose from an empty sequence"));
    }
    let at = chance.index(items.len())?;
    Ok(items[at].clone())
}
