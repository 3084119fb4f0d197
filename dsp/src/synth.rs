//! Synthetic air: transmitters, the way to the receiver, and the receiver's faults. Seeded and pure.
//!
//! A [`Waveform`] is a function of continuous time, so a burst starts at any fraction of a sample and stands at any
//! frequency without a resampler in between. [`Emission`] places one on the air; [`Stream`] sums them, adds noise and
//! what the [`Receiver`] does to everything, and hands out samples block by block. The same seed gives the same samples
//! whatever the block size.
//!
//! Nothing here knows the detectors: both stand on [`crate::spec`], and this generator is never the only judge of them.

pub mod emission;
pub mod fsk;
pub mod gsm;
pub mod lte_preamble;
pub mod npusch;
pub mod preamble;
pub mod pusch;
pub mod random;
pub mod receiver;
pub mod sc_fdma;
pub mod stream;
pub mod tone;

use num_complex::Complex64;

pub use emission::Emission;
pub use receiver::Receiver;
pub use stream::Stream;

/// What one transmission sounds like at its carrier, before any channel.
pub trait Waveform: Send {
    /// Complex envelope `time_s` after the start, relative to the carrier.
    ///
    /// Mean power is 1 while it is on and 0 in its gaps. Shortly before 0 and after [`Waveform::duration_s`] it
    /// continues the first or last symbol, so that a power ramp has something to shape.
    fn at(&self, time_s: f64) -> Complex64;

    /// From the first instant to the last, gaps included.
    fn duration_s(&self) -> f64;

    /// Time it is on, gaps excluded.
    fn on_s(&self) -> f64 {
        self.duration_s()
    }

    /// Bandwidth occupied at any instant: the one SNR is counted in.
    fn occupied_hz(&self) -> f64;

    /// Lower and upper edge of the band it occupies over its life, relative to the carrier.
    fn band_hz(&self) -> (f64, f64);
}

/// A parameter no transmitter can have.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{key} is {found}; expected {expected}")]
pub struct InvalidParameter {
    /// Name of the parameter.
    pub key: &'static str,
    /// Its value.
    pub found: String,
    /// What would have been right.
    pub expected: String,
}

/// `Ok` where `holds`, else the sentence that says what is wrong.
fn require(
    holds: bool,
    key: &'static str,
    found: impl std::fmt::Display,
    expected: impl Into<String>,
) -> Result<(), InvalidParameter> {
    if holds { Ok(()) } else { Err(InvalidParameter { key, found: found.to_string(), expected: expected.into() }) }
}

/// `exp(j 2π cycles)`, exact in phase for large arguments: whole turns are dropped before the sine is taken.
fn turn(cycles: f64) -> Complex64 {
    Complex64::cis(std::f64::consts::TAU * (cycles - cycles.round()))
}
