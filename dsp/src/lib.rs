//! Uplink signal processing for cellsweep: complex samples in, facts out.
//!
//! Nothing here opens a file, reads a clock, starts a thread or draws a screen; `clippy.toml` of this crate holds that.
//! Times are seconds from the first sample of the stream, frequencies are offsets in hertz from the centre the stream
//! was tuned to, levels are dB with 0 dBFS a complex tone of amplitude 1.

pub mod baseband;
pub mod detect;
pub mod finding;
pub mod spec;
