//! Samples on their way: pooled blocks that move by pointer.

use crossbeam_channel::{Receiver, Sender, bounded};
use num_complex::Complex32;

use crate::source::Tuned;

/// A block of samples; its storage is allocated once and used again and again.
pub(super) struct Block {
    /// Room for a whole block; the first `count` are samples.
    pub samples: Box<[Complex32]>,
    /// Samples in it.
    pub count: usize,
    /// Samples lost before the first.
    pub lost_before: u64,
    /// The source was tuned before the first, after the loss.
    pub tuned: Option<Tuned>,
    /// The stream was moved: time goes on from this position.
    pub moved_to: Option<u64>,
}

/// Empty blocks come back through here.
pub(super) struct Pool {
    /// Where a source takes an empty block.
    pub empty: Receiver<Box<Block>>,
    /// Where a used block goes back.
    pub used: Sender<Box<Block>>,
}

impl Pool {
    /// `num_blocks` blocks of `block_samples` each.
    pub(super) fn new(num_blocks: usize, block_samples: usize) -> Self {
        let (used, empty) = bounded(num_blocks);
        for _ in 0..num_blocks {
            let block = Block {
                samples: vec![Complex32::new(0.0, 0.0); block_samples].into_boxed_slice(),
                count: 0,
                lost_before: 0,
                tuned: None,
                moved_to: None,
            };
            // The channel holds all of them, so none is refused.
            let _ = used.send(Box::new(block));
        }
        Self { empty, used }
    }
}
