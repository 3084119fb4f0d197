//! Recorded IQ for cellsweep: bytes to complex samples and back. No signal processing lives here.
//!
//! [`open`] takes the path of a capture, in whatever format, and gives a [`Capture`]: what is known of it
//! ([`CaptureInfo`]) and its samples as a seekable stream in bounded memory. [`Writer`] writes SigMF.
//!
//! | a path ending in | is read by | as |
//! | --- | --- | --- |
//! | `.sigmf-meta`, `.sigmf-data` | [`sigmf`] | a SigMF recording, of which either file is named |
//! | `.cu8 .cs8 .ci8 .cs16 .ci16 .cf32 .fc32 .cfile .complex` | [`raw`] | bare samples, whose format the ending tells |
//! | `.iq .bin .raw` and any other, given a format | [`raw`] | bare samples, whose format the caller tells |
//!
//! # Conventions
//!
//! - A sample is a [`num_complex::Complex32`]; full scale is 1 ([`SampleFormat`] owns the scaling).
//! - Positions are sample indices from the first sample in the data.
//! - Nothing is guessed in silence: what neither the capture nor its caller tells is an [`Error`] that names the
//!   option to give, and what was put right on the way is in [`CaptureInfo::warnings`].

pub mod capture;
pub mod error;
pub mod raw;
mod sample_file;
pub mod sample_format;
pub mod sigmf;
pub mod sigmf_writer;

pub use capture::{Capture, CaptureInfo, OpenOptions, open};
pub use error::Error;
pub use sample_format::{Endian, SampleFormat};
pub use sigmf::Annotation;
pub use sigmf_writer::{Recording, Writer, WrittenSummary};
