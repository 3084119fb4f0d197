//! A picture of a burst, from the capture it was found in.

use std::path::Path;

use base64::Engine;
use captures::{Capture, OpenOptions};

use super::session::{Burst, Pass};
use crate::plot::canvas::png;
use crate::plot::spectrogram::{Part, Picture};
use crate::source::vetted;

/// Longest stretch that is drawn.
const MAX_S: f64 = 0.5;
/// Narrowest band that is drawn.
const MIN_BAND_HZ: f64 = 100e3;
/// Columns and rows at the most.
const MAX_COLUMNS: usize = 800;
const MAX_ROWS: usize = 256;

/// The capture of a pass, where it still is where its record says and still holds what it held.
pub(super) fn reopen(pass: &Pass) -> Option<Capture> {
    let options = OpenOptions {
        sample_rate_hz: Some(pass.capture.sample_rate_hz),
        format: pass.capture.datatype.parse().ok(),
        center_frequency_hz: pass.capture.center_frequency_hz,
        ..OpenOptions::default()
    };
    let capture = vetted::open(Path::new(&pass.capture.path), &options).ok()?;
    let same = pass.capture.sha256.is_none() || capture.sha256().ok() == pass.capture.sha256;
    same.then_some(capture)
}

/// A PNG as a data address: time to the right, frequency upwards, 3.75 kHz a row or more.
pub(super) fn data_address(capture: &mut Capture, burst: &Burst) -> Option<String> {
    let length_s = (burst.end_s - burst.start_s).min(MAX_S);
    let margin_s = (0.2 * length_s).max(2e-3);
    let half_hz = (1.5 * burst.bandwidth_hz).max(MIN_BAND_HZ / 2.0);
    let part = Part {
        start_s: burst.start_s - margin_s,
        duration_s: length_s + 2.0 * margin_s,
        low_hz: burst.center_hz - half_hz,
        high_hz: burst.center_hz + half_hz,
    };
    let picture = Picture::of(capture, part, (MAX_COLUMNS, MAX_ROWS)).ok()?;
    let pixels: Vec<u8> = picture.shades().map(|shade| (255.0 * shade) as u8).collect();
    let png = png(&pixels, (picture.columns as u32, picture.rows as u32), png::ColorType::Grayscale).ok()?;
    Some(format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(png)))
}
