//! The last moments of the stream, in one piece.

use num_complex::Complex32;

/// Keeps the last `len` samples contiguous; positions count from the stream's first sample.
///
/// Only what [`Self::first`] to [`Self::end`] names may be asked for: the same samples whatever the sizes of the blocks
/// that brought them.
pub struct History {
    len: usize,
    /// Up to a quarter more than `len`, so that moving to the front is rare.
    samples: Vec<Complex32>,
    end: u64,
    begun: u64,
}

impl History {
    /// Room for `len` samples of a stream that begins at position `begin`.
    pub fn new(len: usize, begin: u64) -> Self {
        Self { len, samples: Vec::with_capacity(len + len / 4 + 1), end: begin, begun: begin }
    }

    /// Forgets everything and begins anew at `begin`.
    pub fn restart(&mut self, begin: u64) {
        self.samples.clear();
        self.end = begin;
        self.begun = begin;
    }

    /// Appends; no more than a quarter of the capacity at a time.
    ///
    /// # Panics
    /// if `samples.len() > len / 4 + 1`.
    pub fn push(&mut self, samples: &[Complex32]) {
        assert!(samples.len() <= self.len / 4 + 1, "{} samples at once into a history of {}", samples.len(), self.len);
        if self.samples.len() + samples.len() > self.samples.capacity() {
            let keep = self.samples.len() - self.len.min(self.samples.len());
            self.samples.copy_within(keep.., 0);
            self.samples.truncate(self.len);
        }
        self.samples.extend_from_slice(samples);
        self.end += samples.len() as u64;
    }

    /// Position of the oldest sample kept.
    pub fn first(&self) -> u64 {
        self.begun.max(self.end.saturating_sub(self.len as u64))
    }

    /// Position after the newest sample.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The samples from `from` to `to`, as far as they are kept; with the position of the first.
    pub fn slice(&self, from: u64, to: u64) -> (u64, &[Complex32]) {
        let from = from.clamp(self.first(), self.end);
        let to = to.clamp(from, self.end);
        let oldest = self.end - self.samples.len() as u64;
        (from, &self.samples[(from - oldest) as usize..(to - oldest) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_samples_are_there_whatever_the_blocks() {
        for block in [1usize, 3, 7, 25] {
            let mut history = History::new(100, 1000);
            let mut next = 1000u64;
            while next < 2000 {
                let samples: Vec<Complex32> =
                    (0..block as u64).map(|i| Complex32::new((next + i) as f32, 0.0)).collect();
                history.push(&samples);
                next += block as u64;
                let (from, kept) = history.slice(0, u64::MAX);
                assert_eq!(from, history.first());
                assert_eq!(kept.len() as u64, (next - 1000).min(100));
                assert!(kept.iter().enumerate().all(|(i, s)| s.re == (from + i as u64) as f32));
            }
            let (from, kept) = history.slice(history.end() - 10, history.end() - 5);
            assert_eq!((from, kept.len()), (history.end() - 10, 5));
        }
    }
}
