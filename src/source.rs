//! Where IQ comes from: a capture file, a radio. One trait.

pub mod capture_file;
pub mod hopping;
#[cfg(feature = "soapy")]
pub mod radio;
pub mod until;
pub mod vetted;

use std::sync::Arc;

use num_complex::Complex32;
use thiserror::Error;

use crate::hop_plan::HopPlan;
use crate::pipeline::snapshot::Stream;

/// A source that failed; the sentence says which, how and what to do.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// What one read brought.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// The source was tuned to another slot of its plan, or its gain was changed; what follows was heard so.
    Tuned(Tuned),
    /// The recording is over.
    End,
}

/// A change of frequency or gain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuned {
    /// The slot of the plan.
    pub slot: usize,
    /// Radio frequency at the middle of the band from now on.
    pub center_frequency_hz: f64,
    /// The change of the gain, where that is what changed.
    pub gain: Option<GainStep>,
    /// Samples that passed meanwhile and were heard nowhere.
    pub skipped: u64,
}

/// A change of the gain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GainStep {
    /// The gain before.
    pub from_db: f64,
    /// The gain from now on.
    pub to_db: f64,
    /// The converter had clipped.
    pub clipped: bool,
}

/// A source that can be tuned while it runs.
pub trait Tune {
    /// Asks for another frequency; [`Read::Tuned`] follows when it is there, its slot left at 0.
    fn tune(&mut self, center_frequency_hz: f64);
}

/// A stream of samples.
pub trait Source: Send {
    /// What is listened to.
    fn stream(&self) -> &Stream;

    /// The largest value a component of its samples can take: at it the receiver clips.
    fn full_scale(&self) -> f32;

    /// The plan by which it changes its frequency, if it does; it begins on slot 0.
    fn hop_plan(&self) -> Option<Arc<HopPlan>> {
        None
    }

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
