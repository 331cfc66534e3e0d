//! Mutations: deterministic for a seed and a corpus.

/// The longest input. What grows with more than the square of its input shows at this length.
pub const LONGEST: usize = 256 * 1024;

/// How many inputs are kept beside the corpus, to be mutated again.
const POOL: usize = 256;

/// Bytes that mean something to most readers.
const SPECIAL: &[u8] = b"\0\t\n\r\x1b \"#$%&'()*+,-./0129:;=?@AZ[\\]^_`az{|}~\x7f\x80\xc2\x9b\xe2\xff";

/// Texts at the edges of what numbers and names can be.
const EDGES: &[&str] = &[
    "0",
    "-1",
    "255",
    "256",
    "2147483647",
    "-2147483648",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
    "1e999",
    "0x",
    "\u{feff}",
    "\u{202e}",
    "é",
    "\r\n",
    "\u{1b}[2J",
    "\\u0000",
    "null",
];

/// Makes inputs.
pub struct Mutator {
    state: u64,
    corpus: Vec<Vec<u8>>,
    pool: Vec<Vec<u8>>,
    words: &'static [&'static str],
    last: Vec<u8>,
}

impl Mutator {
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>, words: &'static [&'static str]) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, corpus, pool: Vec::new(), words, last: Vec::new() }
    }

    /// The input that was given last.
    pub fn last(&self) -> Vec<u8> {
        self.last.clone()
    }

    fn random(&mut self) -> u64 {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random() >> 33).unwrap() % limit.max(1)
    }

    fn pick(&mut self) -> Vec<u8> {
        if !self.pool.is_empty() && self.below(4) == 0 {
            let index = self.below(self.pool.len());
            return self.pool[index].clone();
        }
        let index = self.below(self.corpus.len());
        self.corpus[index].clone()
    }

    fn word(&mut self) -> Vec<u8> {
        let index = self.below(self.words.len() + EDGES.len());
        self.words.get(index).unwrap_or_else(|| &EDGES[index - self.words.len()]).as_bytes().to_vec()
    }

    /// A range of the input, most often a short one.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = if self.below(4) == 0 { length } else { 16 };
        let size = self.below(most + 1);
        start..(start + size).min(length)
    }

    /// The next input.
    pub fn next(&mut self) -> Vec<u8> {
        let mut input = self.pick();
        for _ in 0..=self.below(6) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        if self.below(32) == 0 && input.len() < 16 * 1024 {
            if self.pool.len() < POOL {
                self.pool.push(input.clone());
            } else {
                let index = self.below(POOL);
                self.pool[index].clone_from(&input);
            }
        }
        self.last.clone_from(&input);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        match self.below(10) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = SPECIAL[self.below(SPECIAL.len())],
            2 => input.insert(at, SPECIAL[self.below(SPECIAL.len())]),
            3 => drop(input.drain(self.range(input.len()))),
            4 => {
                let piece = input[self.range(input.len())].to_vec();
                splice(input, at, &piece);
            }
            5 => {
                let word = self.word();
                splice(input, at, &word);
            }
            6 => {
                let range = self.range(input.len());
                let word = self.word();
                input.splice(range, word);
            }
            7 => {
                let other = self.pick();
                let piece = other[self.range(other.len())].to_vec();
                splice(input, at, &piece);
            }
            8 if self.below(16) == 0 => {
                // What is harmless once may not be a thousand times.
                let piece = input[self.range(input.len())].to_vec();
                let times = 1 << self.below(13);
                if !piece.is_empty() {
                    let many = piece.repeat(times.min(LONGEST / piece.len()));
                    splice(input, at, &many);
                }
            }
            8 => input.truncate(at),
            _ if at < input.len() => input[at] = self.random() as u8,
            _ => {}
        }
    }
}

fn splice(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}
