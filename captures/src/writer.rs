//! One way to write a capture, whatever its format: the ending of its name tells which.

use std::path::{Path, PathBuf};

use num_complex::Complex32;

#[cfg(feature = "hdf5")]
use crate::h5::H5Sink;
use crate::{
    Annotation, Error, SampleFormat, Stretch,
    capture::{check_center_frequency, check_sample_rate},
    raw::{SILENT_ENDINGS, TELLING_ENDINGS},
    raw_writer::RawSink,
    sigmf_writer::SigmfSink,
    wav_writer::WavSink,
};

/// The samples encoded at once.
const BLOCK_SAMPLES: usize = 1 << 14;

/// What is to be said of a recording before its first sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The encoding of the samples.
    pub format: SampleFormat,
    /// Samples a second.
    pub sample_rate_hz: f64,
    /// The radio frequency at the middle of the spectrum, in hertz, if it is known.
    pub center_frequency_hz: Option<f64>,
    /// What it is; may be empty.
    pub description: String,
    /// When the first sample was taken (ISO 8601 in UTC, such as `2026-01-31T12:00:00Z`), if it is known.
    pub datetime: Option<String>,
}

/// What a finished recording holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenSummary {
    /// The number of samples.
    pub samples: u64,
    /// How many of them were beyond full scale and clipped.
    pub clipped: u64,
}

/// A recording that is being written.
#[derive(Debug)]
pub struct Writer {
    recording: Recording,
    path: PathBuf,
    sink: Sink,
    buffer: Vec<u8>,
    stretches: Vec<Stretch>,
    clipped: u64,
}

/// The file behind it.
#[derive(Debug)]
enum Sink {
    Sigmf(Box<SigmfSink>),
    Wav(WavSink),
    Raw(RawSink),
    #[cfg(feature = "hdf5")]
    Hdf5(Box<H5Sink>),
}

impl Writer {
    /// Begins a recording at `path`, whose ending tells the format: see the [crate's](crate) table.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if the name tells no format, or one that has no such samples; [`Error::Malformed`] if a
    /// rate or frequency cannot be; [`Error::Io`] if the file cannot be made.
    pub fn create(path: &Path, recording: &Recording) -> Result<Self, Error> {
        check_sample_rate(path, Some(recording.sample_rate_hz), "the sample rate to write")?;
        check_center_frequency(path, recording.center_frequency_hz, "the centre frequency to write")?;
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        let sink = match ending.as_deref() {
            Some("sigmf-meta" | "sigmf") => Sink::Sigmf(Box::new(SigmfSink::create(path, recording)?)),
            Some("wav" | "rf64") => Sink::Wav(WavSink::create(path, recording)?),
            #[cfg(feature = "hdf5")]
            Some("h5" | "hdf5") => Sink::Hdf5(Box::new(H5Sink::create(path, recording)?)),
            #[cfg(not(feature = "hdf5"))]
            Some("h5" | "hdf5") => return Err(Error::unsupported(path, crate::capture::NO_HDF5)),
            Some(ending) if TELLING_ENDINGS.contains(&ending) || SILENT_ENDINGS.contains(&ending) => {
                Sink::Raw(RawSink::create(path, ending, recording)?)
            }
            _ => {
                return Err(Error::unsupported(
                    path,
                    "its ending tells no format to write; let it be .sigmf-meta or .sigmf (SigMF), .wav, .h5, or one \
                     of raw samples such as .cf32",
                ));
            }
        };
        Ok(Self::over(sink, path, recording))
    }

    /// Begins a SigMF pair (`X.sigmf-meta`) that can be read while it grows, and after whatever ended its writer, as
    /// far as the last [`checkpoint`](Self::checkpoint) and all samples since. A recording that is there is not written
    /// over.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); and if there is a recording of that name.
    pub fn create_growing(path: &Path, recording: &Recording) -> Result<Self, Error> {
        check_sample_rate(path, Some(recording.sample_rate_hz), "the sample rate to write")?;
        check_center_frequency(path, recording.center_frequency_hz, "the centre frequency to write")?;
        if path.extension().is_none_or(|ending| ending != "sigmf-meta") {
            return Err(Error::unsupported(path, "only a SigMF pair can grow; let the name end in .sigmf-meta"));
        }
        let sink = Sink::Sigmf(Box::new(SigmfSink::create_growing(path, recording)?));
        Ok(Self::over(sink, path, recording))
    }

    fn over(sink: Sink, path: &Path, recording: &Recording) -> Self {
        Self {
            recording: recording.clone(),
            path: path.to_owned(),
            sink,
            buffer: vec![0; BLOCK_SAMPLES * recording.format.bytes_per_sample()],
            stretches: vec![Stretch { sample: 0, time: 0, num_samples: 0 }],
            clipped: 0,
        }
    }

    /// Brings the metadata of a growing recording up to now; of any other, does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if they cannot be written.
    pub fn checkpoint(&mut self, annotations: &[Annotation]) -> Result<(), Error> {
        match &mut self.sink {
            Sink::Sigmf(sink) if sink.is_growing() => sink.checkpoint(&self.recording, &self.stretches, annotations),
            _ => Ok(()),
        }
    }

    /// Appends `samples`. Those beyond full scale are clipped and counted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if they cannot be written.
    pub fn write(&mut self, samples: &[Complex32]) -> Result<(), Error> {
        let format = self.recording.format;
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut put = || {
            for block in samples.chunks(BLOCK_SAMPLES) {
                let bytes = &mut buffer[..block.len() * format.bytes_per_sample()];
                self.clipped += format.encode(block, bytes);
                self.write_encoded(bytes)?;
            }
            Ok(())
        };
        let put = put();
        self.buffer = buffer;
        put
    }

    /// Appends whole samples, encoded in the recording's format.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if they cannot be written.
    pub fn write_encoded(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.sink {
            Sink::Sigmf(sink) => sink.put(bytes)?,
            Sink::Wav(sink) => sink.put(bytes)?,
            Sink::Raw(sink) => sink.put(bytes)?,
            #[cfg(feature = "hdf5")]
            Sink::Hdf5(sink) => sink.put(bytes)?,
        }
        if let Some(last) = self.stretches.last_mut() {
            last.num_samples += (bytes.len() / self.recording.format.bytes_per_sample()) as u64;
        }
        Ok(())
    }

    /// Says that `samples` are missing here.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if the format cannot say so.
    pub fn lost(&mut self, samples: u64) -> Result<(), Error> {
        if !self.can_tell_gaps() {
            let problem = "this format cannot say that samples are missing; write SigMF (.sigmf-meta)";
            return Err(Error::unsupported(&self.path, problem));
        }
        if let Some(last) = self.stretches.last_mut() {
            let sample = last.sample + last.num_samples;
            let time = (last.time + last.num_samples).saturating_add(samples);
            if last.num_samples == 0 {
                last.time = time;
            } else {
                self.stretches.push(Stretch { sample, time, num_samples: 0 });
            }
        }
        Ok(())
    }

    /// Whether the format can say that samples are missing.
    pub fn can_tell_gaps(&self) -> bool {
        matches!(self.sink, Sink::Sigmf(_))
    }

    /// Ends the recording: brings the file to its name, with `annotations` in order of their start where the format
    /// has room for them.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be written or named.
    pub fn finish(self, annotations: &[Annotation]) -> Result<WrittenSummary, Error> {
        let samples = self.stretches.iter().map(|stretch| stretch.num_samples).sum();
        match self.sink {
            Sink::Sigmf(sink) => sink.finish(&self.recording, &self.stretches, annotations)?,
            Sink::Wav(sink) => sink.finish(&self.recording)?,
            Sink::Raw(sink) => sink.finish()?,
            #[cfg(feature = "hdf5")]
            Sink::Hdf5(sink) => sink.finish()?,
        }
        Ok(WrittenSummary { samples, clipped: self.clipped })
    }

    /// Gives the recording up: what was written of it is removed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be removed.
    pub fn discard(self) -> Result<(), Error> {
        let part_path = match &self.sink {
            Sink::Sigmf(sink) => sink.part_path(),
            Sink::Wav(sink) => sink.part_path(),
            Sink::Raw(sink) => sink.part_path(),
            #[cfg(feature = "hdf5")]
            Sink::Hdf5(sink) => sink.part_path(),
        };
        let part_path = part_path.to_owned();
        drop(self.sink);
        std::fs::remove_file(&part_path).map_err(|cause| Error::io(&part_path, "cannot be removed", cause))
    }
}
