//! Where the reader hands samples to the recorder: copied into pooled pieces, never waiting.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, Sender, bounded};
use num_complex::Complex32;

use super::Gauge;

/// Samples of a piece at the most.
const PIECE_SAMPLES: usize = 16_384;
/// What the disk may be late by, where it fits into memory.
const PATIENCE_S: f64 = 1.0;
const MAX_BYTES: usize = 64 << 20;

/// Samples on their way to the recorder.
pub(super) struct Piece {
    /// Room for a whole piece; the first `count` are samples.
    pub samples: Box<[Complex32]>,
    pub count: usize,
    /// Place of the first in the stream, gaps included.
    pub position: u64,
    /// Where the stretch without gaps began that it belongs to.
    pub stretch: u64,
    /// Samples before these found no room: the recorder was too slow.
    pub missed: bool,
    /// The key was pressed before these.
    pub key: bool,
}

/// The reader's end.
pub(in crate::pipeline) struct Tap {
    empty: Receiver<Box<Piece>>,
    full: Sender<Box<Piece>>,
    /// Where the next sample is expected, and where the present stretch began.
    next: u64,
    stretch: u64,
    missed: bool,
    key: bool,
    gauge: Arc<Gauge>,
}

impl Tap {
    /// A tap for a stream of this rate, with the recorder's end: full pieces, and where they go back.
    pub(super) fn new(sample_rate_hz: f64, gauge: Arc<Gauge>) -> (Self, Receiver<Box<Piece>>, Sender<Box<Piece>>) {
        let most = MAX_BYTES / size_of::<Complex32>() / PIECE_SAMPLES;
        let num_pieces = ((PATIENCE_S * sample_rate_hz) as usize / PIECE_SAMPLES).clamp(32, most);
        let (full, pieces) = bounded(num_pieces);
        let (used, empty) = bounded(num_pieces);
        for _ in 0..num_pieces {
            let samples = vec![Complex32::ZERO; PIECE_SAMPLES].into_boxed_slice();
            let piece = Piece { samples, count: 0, position: 0, stretch: 0, missed: false, key: false };
            // The channel holds all of them, so none is refused.
            let _ = used.try_send(Box::new(piece));
        }
        (Self { empty, full, next: 0, stretch: 0, missed: false, key: false, gauge }, pieces, used)
    }

    /// Hands on samples, the first at `position` of the stream.
    pub(in crate::pipeline) fn offer(&mut self, mut position: u64, samples: &[Complex32]) {
        if position != self.next {
            self.stretch = position;
        }
        for part in samples.chunks(PIECE_SAMPLES) {
            match self.empty.try_recv() {
                Ok(mut piece) => {
                    piece.samples[..part.len()].copy_from_slice(part);
                    piece.count = part.len();
                    piece.position = position;
                    piece.stretch = self.stretch;
                    piece.missed = std::mem::take(&mut self.missed);
                    self.gauge.missed.store(false, Ordering::Relaxed);
                    piece.key = std::mem::take(&mut self.key);
                    let _ = self.full.try_send(piece);
                }
                Err(_) => {
                    self.missed = true;
                    self.gauge.missed.store(true, Ordering::Relaxed);
                }
            }
            position += part.len() as u64;
        }
        self.next = position;
    }

    /// The key that starts and ends a recording was pressed.
    pub(in crate::pipeline) fn press(&mut self) {
        self.key = !self.key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_told_with_the_next_piece() {
        let (mut tap, pieces, used) = Tap::new(1000.0, Arc::default());
        for number in 0..40 {
            tap.offer(10 * number, &[Complex32::ZERO; 10]);
        }
        let first = pieces.recv().unwrap();
        assert_eq!((first.position, first.count, first.missed), (0, 10, false));
        used.send(first).unwrap();
        tap.press();
        tap.offer(500, &[Complex32::ONE; 5]);
        let last = pieces.try_iter().last().unwrap();
        assert_eq!((last.position, last.stretch, last.missed, last.key), (500, 500, true, true));
    }
}
