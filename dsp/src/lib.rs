//! Uplink signal processing for cellsweep: complex samples in, facts out.
//!
//! Nothing here opens a file, reads a clock, starts a thread or draws a screen; `clippy.toml` of this crate holds that.
//! Times are seconds from the first sample of the stream, frequencies are offsets in hertz from the centre the stream
//! was tuned to, levels are dB with 0 dBFS a complex tone of amplitude 1.

pub mod analyst;
pub mod baseband;
pub mod carrier;
pub mod detect;
pub mod fault;
pub mod finding;
pub mod floor;
pub mod frontend;
pub mod grid;
pub mod history;
pub mod judge;
pub mod overload;
pub mod spec;
pub mod statistics;
pub mod stft;
pub mod synth;
pub mod zoom;
