//! What is computed: from cells of energy to findings, one file per channel.
//!
//! Thresholds come from stated false-alarm rates. Nothing here knows how signals are made: the simulator in `synth`
//! and the detectors stand apart, both on `spec`.

pub mod candidate;
pub mod edges;
pub mod energy;
mod evidence;
pub mod gsm;
pub mod lasting;
pub mod nprach;
pub mod npusch;
pub mod prach;
pub mod pucch;
pub mod pusch;
pub mod rectangles;
pub mod segment;
pub mod srs;
