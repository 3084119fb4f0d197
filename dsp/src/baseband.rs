//! A piece of the stream brought to baseband: what every channel detector is given.

use num_complex::Complex32;

/// Samples of one narrow part of the band, at an exactly known rate.
///
/// A tone at `center_hz` of the stream stands at 0 Hz here; sample `i` was on the air at
/// `start_s + i / sample_rate_hz`. Gain is 1 within the passband: a tone keeps its amplitude.
#[derive(Debug, Clone, Copy)]
pub struct Baseband<'a> {
    /// Complex samples, full scale 1.
    pub samples: &'a [Complex32],
    /// Rate of `samples`.
    pub sample_rate_hz: f64,
    /// Offset from the stream's centre that stands at 0 Hz.
    pub center_hz: f64,
    /// Instant of `samples[0]`, seconds from the stream's first sample.
    pub start_s: f64,
}
