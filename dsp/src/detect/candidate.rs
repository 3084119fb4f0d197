//! A burst of energy cut out of time and frequency, before anyone has said what it is.

use crate::finding::Segment;

/// What the energy stage found and every channel detector is asked about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Where it is: edges good to about 0.15 ms and 2 kHz.
    pub extent: Segment,
    /// Mean power over its time, noise taken off.
    pub power_dbfs: f32,
    /// Its power over the noise within its bandwidth.
    pub snr_db: f32,
}

/// What speaks against a candidate as long as nobody has looked at its samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Doubt {
    /// It is as if mirrored from a much stronger burst on the other side of the centre.
    pub mirrored: bool,
    /// Spectral density of the strongest burst on at the same time over its own.
    pub outshone: f64,
}
