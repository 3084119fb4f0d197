//! A recorded capture as a source.

use captures::{Capture, SampleFormat};
use num_complex::Complex32;

use super::{Read, Source, SourceError};
use crate::pipeline::snapshot::Stream;

/// Plays a capture from its beginning.
pub struct CaptureFile {
    capture: Capture,
    stream: Stream,
    full_scale: f32,
}

impl CaptureFile {
    /// A source over an open capture.
    pub fn new(capture: Capture) -> Self {
        let info = capture.info();
        let stream = Stream {
            name: info.path.display().to_string(),
            sample_rate_hz: info.sample_rate_hz,
            center_frequency_hz: info.center_frequency_hz,
            duration_s: Some(info.duration_s()),
        };
        let full_scale = full_scale(info.format);
        Self { capture, stream, full_scale }
    }
}

/// Largest value that the format's highest code stands for; a float's is that of the tone of 0 dBFS.
fn full_scale(format: SampleFormat) -> f32 {
    // The highest code is all ones below the sign; offset binary differs in half a code only.
    match 8 * format.bytes_per_sample() / 2 {
        8 => 127.0 / 128.0,
        16 => 32767.0 / 32768.0,
        _ => 1.0,
    }
}

impl Source for CaptureFile {
    fn stream(&self) -> &Stream {
        &self.stream
    }

    fn full_scale(&self) -> f32 {
        self.full_scale
    }

    fn is_live(&self) -> bool {
        false
    }

    fn read(&mut self, out: &mut [Complex32]) -> Result<Read, SourceError> {
        match self.capture.read(out).map_err(|error| SourceError(error.to_string()))? {
            0 => Ok(Read::End),
            count => Ok(Read::Samples { count, lost_before: 0 }),
        }
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SourceError> {
        let position = (seconds.max(0.0) * self.stream.sample_rate_hz) as u64;
        let position = position.min(self.capture.info().samples);
        self.capture.seek(position).map_err(|error| SourceError(error.to_string()))
    }
}
