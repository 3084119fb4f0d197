//! What was on the air in the last seconds, encoded as it would be written.

use std::collections::VecDeque;

use captures::SampleFormat;
use num_complex::Complex32;

/// Bytes kept at the most.
const MAX_BYTES: usize = 256 << 20;

/// Encoded samples in a row.
pub(super) struct Entry {
    /// Place of the first in the stream.
    pub position: u64,
    /// Where the stretch without gaps began that it belongs to.
    pub stretch: u64,
    /// Samples in it.
    pub count: u64,
    pub bytes: Vec<u8>,
}

impl Entry {
    /// Place after the last.
    pub(super) fn end(&self) -> u64 {
        self.position + self.count
    }
}

/// The last seconds.
pub(super) struct Ring {
    format: SampleFormat,
    keep_samples: u64,
    entries: VecDeque<Entry>,
    /// Storage that is used again.
    spare: Vec<Vec<u8>>,
}

impl Ring {
    /// Keeps `keep_samples`, or as many as fit into memory.
    pub(super) fn new(format: SampleFormat, keep_samples: u64) -> Self {
        let most = (MAX_BYTES / format.bytes_per_sample()) as u64;
        Self { format, keep_samples: keep_samples.min(most), entries: VecDeque::new(), spare: Vec::new() }
    }

    /// Appends samples and forgets those that are too old.
    pub(super) fn push(&mut self, position: u64, stretch: u64, samples: &[Complex32]) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.resize(samples.len() * self.format.bytes_per_sample(), 0);
        self.format.encode(samples, &mut bytes);
        self.entries.push_back(Entry { position, stretch, count: samples.len() as u64, bytes });
        let oldest = self.end().saturating_sub(self.keep_samples.max(samples.len() as u64));
        while self.entries.front().is_some_and(|entry| entry.end() <= oldest) {
            self.spare.extend(self.entries.pop_front().map(|entry| entry.bytes));
        }
    }

    /// Place after the newest sample.
    pub(super) fn end(&self) -> u64 {
        self.entries.back().map_or(0, Entry::end)
    }

    /// Entries that hold anything at or after `position`, oldest first.
    pub(super) fn after(&self, position: u64) -> impl Iterator<Item = &Entry> {
        let first = self.entries.partition_point(|entry| entry.end() <= position);
        self.entries.range(first..)
    }

    /// The first sample kept at or after `position` with which a frame of `hop` samples begins: from there on an
    /// analysis cuts its frames where they were cut when it was heard.
    pub(super) fn frame_from(&self, position: u64, hop: u64) -> u64 {
        let Some(entry) = self.after(position).next() else { return position };
        let from = position.max(entry.position);
        entry.stretch + (from - entry.stretch).next_multiple_of(hop)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_samples_are_kept_and_frames_begin_where_they_began() {
        let mut ring = Ring::new(SampleFormat::Ci8, 25);
        for position in [0, 10, 20, 37, 47] {
            let stretch = if position < 37 { 0 } else { 37 };
            ring.push(position, stretch, &[Complex32::ZERO; 10]);
        }
        let places = |from| ring.after(from).map(|entry| entry.position).collect::<Vec<_>>();
        assert_eq!((places(0), places(30), places(47), places(57)), (vec![37, 47], vec![37, 47], vec![47], vec![]));
        assert_eq!(ring.frame_from(0, 8), 37, "the oldest kept, where its stretch begins");
        assert_eq!(ring.frame_from(38, 8), 45);
        assert_eq!(ring.frame_from(90, 8), 90, "what is yet to come");
    }
}
