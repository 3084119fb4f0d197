//! A recorded capture as a source: its gaps are losses, and its first sample may come late.

use captures::{Capture, SampleFormat};
use num_complex::Complex32;

use super::{Read, Source, SourceError};
use crate::pipeline::snapshot::Stream;

/// Plays a capture from its beginning.
pub struct CaptureFile {
    capture: Capture,
    stream: Stream,
    full_scale: f32,
    /// The stretch that is read, and the samples of it that are left.
    stretch: (usize, u64),
    /// Samples missing before the next.
    lost_before: u64,
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
        let first = info.stretches.first();
        let (lost_before, num_samples) = first.map_or((0, 0), |first| (first.time, first.num_samples));
        Self { capture, stream, full_scale, stretch: (0, num_samples), lost_before }
    }
}

/// Largest value that the format's highest code stands for; a float's is that of the tone of 0 dBFS.
pub fn full_scale(format: SampleFormat) -> f32 {
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
        let (mut index, mut left) = self.stretch;
        let stretches = &self.capture.info().stretches;
        while left == 0 {
            let Some(next) = stretches.get(index + 1) else { return Ok(Read::End) };
            self.lost_before += next.time - (stretches[index].time + stretches[index].num_samples);
            (index, left) = (index + 1, next.num_samples);
        }
        let wanted = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match self.capture.read(&mut out[..wanted]).map_err(failed)? {
            0 => Ok(Read::End),
            count => {
                self.stretch = (index, left - count as u64);
                Ok(Read::Samples { count, lost_before: std::mem::take(&mut self.lost_before) })
            }
        }
    }

    /// An instant within a gap leads to its end.
    fn seek(&mut self, seconds: f64) -> Result<(), SourceError> {
        let time = (seconds.max(0.0) * self.stream.sample_rate_hz) as u64;
        let stretches = &self.capture.info().stretches;
        let is_before_its_end = |stretch: &captures::Stretch| time < stretch.time + stretch.num_samples;
        let index = stretches.iter().position(is_before_its_end).unwrap_or(stretches.len().saturating_sub(1));
        let Some(stretch) = stretches.get(index).copied() else { return Ok(()) };
        let within = time.saturating_sub(stretch.time).min(stretch.num_samples);
        let earlier: u64 = stretches[..index].iter().map(|stretch| stretch.num_samples).sum();
        self.stretch = (index, stretch.num_samples - within);
        self.lost_before = stretch.time.saturating_sub(time);
        self.capture.seek(earlier + within).map_err(failed)
    }
}

fn failed(error: captures::Error) -> SourceError {
    SourceError(error.to_string())
}
