//! Where IQ comes from: a capture file, a radio. One trait.

pub mod capture_file;
#[cfg(feature = "soapy")]
pub mod radio;
pub mod until;
pub mod vetted;

use num_complex::Complex32;
use thiserror::Error;

use crate::pipeline::snapshot::Stream;

/// A source that failed; the sentence says which, how and what to do.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// What one read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many samples, and so many that were lost before the first of them.
    Samples {
        /// Samples written to the front of the buffer; may be fewer than there is room for.
        count: usize,
        /// Samples the source lost before these.
        lost_before: u64,
    },
    /// Nothing came within the source's patience.
    Nothing,
    /// The recording is over.
    End,
}

/// A stream of samples.
pub trait Source: Send {
    /// What is listened to.
    fn stream(&self) -> &Stream;

    /// The largest value a component of its samples can take: at it the receiver clips.
    fn full_scale(&self) -> f32;

    /// A live source never waits for the analysis; what is not taken in time is lost and counted.
    fn is_live(&self) -> bool;

    /// Reads samples; allocates nothing.
    ///
    /// # Errors
    /// [`SourceError`] where the source has failed for good.
    fn read(&mut self, out: &mut [Complex32]) -> Result<Read, SourceError>;

    /// Goes to an instant of a recording; a live source ignores it.
    ///
    /// # Errors
    /// [`SourceError`] where that cannot be done.
    fn seek(&mut self, _seconds: f64) -> Result<(), SourceError> {
        Ok(())
    }
}
