//! Recorded IQ for cellsweep: bytes to complex samples and back. No signal processing lives here.
//!
//! [`open`] takes the path of a capture, in whatever format, and gives a [`Capture`]: what is known of it
//! ([`CaptureInfo`]) and its samples as a seekable stream in bounded memory. [`Writer`] writes them.
//!
//! | a path ending in | is read by | as |
//! | --- | --- | --- |
//! | `.sigmf-meta`, `.sigmf-data` | [`sigmf`] | a SigMF recording, of which either file is named |
//! | `.sigmf` | [`sigmf`] | a SigMF recording in a tar archive |
//! | `.wav`, `.rf64` | [`wav`] | a WAV file of an SDR program |
//! | `.h5`, `.hdf5` | `h5` | an HDF5 file, where the crate is built with it |
//! | `.cu8 .cs8 .ci8 .cs16 .ci16 .cf32 .fc32 .cfile .complex` | [`raw`] | bare samples, whose format the ending tells |
//! | `.iq .bin .raw` and any other, given a format | [`raw`] | bare samples, whose format the caller tells |
//!
//! # Conventions
//!
//! - A sample is a [`num_complex::Complex32`]; full scale is 1 ([`SampleFormat`] owns the scaling).
//! - A [`Capture`] is one channel at one centre frequency. What a file holds beyond that is told
//!   ([`CaptureInfo::num_channels`], [`CaptureInfo::num_parts`]) and opened by [`OpenOptions`].
//! - Positions are sample indices from the first sample in the data; where samples are missing between them,
//!   [`CaptureInfo::stretches`] say so.
//! - Nothing is guessed in silence: what neither the capture nor its caller tells is an [`Error`] that names the
//!   option to give, and what was put right on the way is in [`CaptureInfo::warnings`].

pub mod capture;
mod datetime;
pub mod error;
mod file_name;
#[cfg(feature = "hdf5")]
pub mod h5;
pub mod raw;
mod raw_writer;
mod sample_file;
pub mod sample_format;
pub mod sigmf;
mod sigmf_writer;
mod tar;
pub mod wav;
mod wav_writer;
pub mod writer;

pub use capture::{Capture, CaptureInfo, OpenOptions, Stretch, open};
pub use datetime::utc;
pub use error::Error;
pub use sample_format::{Endian, SampleFormat};
pub use sigmf::{Annotation, annotate};
pub use writer::{Recording, Writer, WrittenSummary};
