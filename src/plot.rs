//! Pictures for papers and reports: a spectrogram of a capture, a timeline or the levels of records.
//!
//! In: a capture or records. Out: an SVG or PNG file. One drawing serves both.

pub(crate) mod canvas;
pub(crate) mod spectrogram;
mod timeline;

pub(crate) use canvas::Canvas;
pub(crate) use spectrogram::{Part, of_capture};
pub(crate) use timeline::{levels, timeline};
