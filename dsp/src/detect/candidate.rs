//! What the energy stage hands to the channel detectors.

use crate::finding::Segment;

/// A burst as energy shows it: edges good to a fraction of a millisecond and a few kilohertz.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Where it lies in time and frequency.
    pub extent: Segment,
    /// Mean power while it was on.
    pub power_dbfs: f32,
    /// That power over the noise power in `extent.bandwidth_hz`.
    pub snr_db: f32,
}
