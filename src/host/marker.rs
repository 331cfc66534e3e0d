//! Finds the marks that the framed shell prints around a job's output, in pieces of any size, without holding the output.

/// What a piece of output was found to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// Output of the job.
    Output(&'a [u8]),
    /// The job is over.
    End {
        /// Its exit status.
        status: i32,
        /// What it started goes on.
        left: bool,
    },
}

/// The reader of one of the two outputs of a job.
pub struct Marks {
    begin: Vec<u8>,
    end: Vec<u8>,
    began: bool,
    ended: bool,
    held: Vec<u8>,
}

/// The longest exit status in text, with the line's end.
const STATUS: usize = 12;

impl Marks {
    /// A reader for the job `id` on the connection with this nonce.
    pub fn new(nonce: &str, id: u64) -> Self {
        Self {
            begin: format!("{nonce} begin {id}\n").into_bytes(),
            end: format!("{nonce} end {id} ").into_bytes(),
            began: false,
            ended: false,
            held: Vec::new(),
        }
    }

    /// Whether the end mark was found.
    pub fn is_over(&self) -> bool {
        self.ended
    }

    /// Reads a piece, and holds back only what may be the beginning of a mark: a line that ends with its line end is given
    /// at once. What stands before the begin mark is of an earlier job that left processes behind, and is dropped.
    pub fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(Found<'_>)) {
        if self.ended {
            return;
        }
        self.held.extend_from_slice(bytes);
        if !self.began {
            match position(&self.held, &self.begin) {
                Some(at) => {
                    self.held.drain(..at + self.begin.len());
                    self.began = true;
                }
                None => {
                    let keep = self.held.len().min(self.begin.len());
                    self.held.drain(..self.held.len() - keep);
                    return;
                }
            }
        }
        let mut from = 0;
        while let Some(at) = position(&self.held[from..], &self.end).map(|at| from + at) {
            let rest = &self.held[at + self.end.len()..];
            match rest.iter().take(STATUS).position(|byte| *byte == b'\n') {
                Some(line) => {
                    let text = std::str::from_utf8(&rest[..line]).unwrap_or_default();
                    let left = text.ends_with('+');
                    if let Ok(status) = text.strip_suffix('+').unwrap_or(text).parse() {
                        if at > 0 {
                            found(Found::Output(&self.held[..at]));
                        }
                        found(Found::End { status, left });
                        self.held.clear();
                        self.ended = true;
                        return;
                    }
                    // It looks like the mark and is none.
                    from = at + 1;
                }
                None if rest.len() < STATUS => {
                    if at > 0 {
                        found(Found::Output(&self.held[..at]));
                        self.held.drain(..at);
                    }
                    return;
                }
                None => from = at + 1,
            }
        }
        // The mark may begin in the last bytes.
        let keep =
            (1..self.end.len().min(self.held.len() + 1)).rev().find(|length| self.held.ends_with(&self.end[..*length]));
        let ready = self.held.len() - keep.unwrap_or(0);
        if ready > 0 {
            found(Found::Output(&self.held[..ready]));
            self.held.drain(..ready);
        }
    }
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    // The first byte is searched for alone: comparing at each place would be slow for large outputs.
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == first).map(|at| from + at) {
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<u8>, Option<i32>) {
        let mut marks = Marks::new("nonce", 7);
        let (mut output, mut status) = (Vec::new(), None);
        for piece in pieces {
            marks.feed(piece, |found| match found {
                Found::Output(bytes) => output.extend_from_slice(bytes),
                Found::End { status: code, .. } => status = Some(code),
            });
        }
        (output, status)
    }

    #[test]
    fn the_marks_are_found_wherever_the_pieces_are_cut() {
        let whole = b"stale\nnonce begin 7\n\0\xffoutput\n\nnonce end 6 0\n\nnonce end 7 x\nlastnonnonce end 7 127\n";
        for cut in 0..whole.len() {
            for second in cut..whole.len() {
                let (output, status) = read(&[&whole[..cut], &whole[cut..second], &whole[second..]]);
                assert_eq!(status, Some(127), "cut at {cut} and {second}");
                assert_eq!(output, b"\0\xffoutput\n\nnonce end 6 0\n\nnonce end 7 x\nlastnon");
            }
        }
    }

    #[test]
    fn a_flood_without_marks_is_not_held() {
        let mut marks = Marks::new("nonce", 1);
        for _ in 0..1000 {
            marks.feed(&[b'x'; 1000], |_| {});
        }
        assert!(marks.held.len() < 100);
        marks.feed(b"nonce begin 1\n", |_| {});
        for _ in 0..1000 {
            marks.feed(&[b'n'; 1000], |_| {});
        }
        assert!(marks.held.len() < 100);
    }
}
