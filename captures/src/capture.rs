//! One way into a capture, whatever its format.

use std::{
    fmt::{Display, Write as _},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use num_complex::Complex32;
use sha2::{Digest, Sha256};

#[cfg(feature = "hdf5")]
use crate::h5::{self, H5Samples};
use crate::{
    Annotation, Error, SampleFormat,
    datetime::Instant,
    error::{CENTER_FREQUENCY, CHANNEL, Need, SAMPLE_RATE, shown},
    raw,
    sample_file::SampleFile,
    sigmf, wav,
};

/// What is said of HDF5 where it is left out.
#[cfg(not(feature = "hdf5"))]
pub(crate) const NO_HDF5: &str = "this build has no HDF5; install it (apt install libhdf5-dev) and build with: cargo build --release \
     --features hdf5";

/// The highest sample rate that is believed, in samples a second; no receiver comes near it.
pub const MAX_SAMPLE_RATE_HZ: f64 = 10e9;

/// The highest centre frequency that is believed, in hertz: SigMF's limit.
pub const MAX_CENTER_FREQUENCY_HZ: f64 = 1e12;

/// What the caller knows of a capture beyond what it tells itself.
///
/// What a SigMF recording tells as well must be told alike; of raw samples the caller knows best.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenOptions {
    /// The sample rate in samples a second (`--rate`).
    pub sample_rate_hz: Option<f64>,
    /// The encoding of the samples (`--format`).
    pub format: Option<SampleFormat>,
    /// The radio frequency at the middle of the spectrum, in hertz (`--center`). Of a recording at several frequencies
    /// it chooses the part.
    pub center_frequency_hz: Option<f64>,
    /// Which channel, from 0 (`--channel`); the first if it is not said.
    pub channel: Option<usize>,
    /// Which of several centre frequencies, from 0; the one of `center_frequency_hz`, or the first, if it is not said.
    pub part: Option<usize>,
    /// Compare the samples with the hash that the capture states of them, and refuse it where they differ.
    pub verify: bool,
}

/// Samples of a capture without a gap between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Index of its first sample among all that the file holds of the channel.
    pub sample: u64,
    /// Index of its first sample in time: counted from the first sample of the recording, with what is missing.
    pub time: u64,
    /// The number of its samples.
    pub num_samples: u64,
}

/// What is known of a capture: of one channel of a file at one centre frequency.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureInfo {
    /// The path it was opened by.
    pub path: PathBuf,
    /// Samples a second.
    pub sample_rate_hz: f64,
    /// The radio frequency at the middle of the spectrum, in hertz, if it is known.
    pub center_frequency_hz: Option<f64>,
    /// The number of whole samples that are there.
    pub samples: u64,
    /// The encoding of the samples.
    pub format: SampleFormat,
    /// Which channel of the file this is, from 0.
    pub channel: usize,
    /// The channels of the file.
    pub num_channels: usize,
    /// Which of the file's centre frequencies this is, from 0.
    pub part: usize,
    /// The centre frequencies of the file.
    pub num_parts: usize,
    /// The samples, in order of time; gaps lie before and between them.
    pub stretches: Vec<Stretch>,
    /// What the recording says it is.
    pub description: Option<String>,
    /// The program that recorded it.
    pub recorder: Option<String>,
    /// When the first sample that is there was taken, as the recording writes it (ISO 8601).
    pub datetime: Option<String>,
    /// What is marked in it, in the recording's order.
    pub annotations: Vec<Annotation>,
    /// Sentences on what is odd about it and how it was taken.
    pub warnings: Vec<String>,
    /// The data end within a sample, or before what is marked in them; a warning says which.
    pub cut_short: bool,
}

impl CaptureInfo {
    /// The time from the recording's first sample to the end of the last, in seconds, gaps included.
    pub fn duration_s(&self) -> f64 {
        self.stretches.last().map_or(0, |last| last.time + last.num_samples) as f64 / self.sample_rate_hz
    }

    /// The position, as [`Capture::seek`] takes it, of the sample taken at that index of time, or of the next after.
    pub fn position_at(&self, time: u64) -> u64 {
        let before = |stretch: &Stretch| time.saturating_sub(stretch.time).min(stretch.num_samples);
        self.stretches.iter().map(before).sum()
    }

    /// The instant so many seconds after the first sample that is there, where that one's is known (ISO 8601).
    pub fn datetime_after(&self, seconds: f64) -> Option<String> {
        let first = Instant::parse(self.datetime.as_deref()?)?;
        Some(first.after(seconds).to_string())
    }

    /// Whether samples are missing before or between those that are there.
    pub fn has_gaps(&self) -> bool {
        self.stretches.len() > 1 || self.stretches.first().is_some_and(|first| first.time > 0)
    }

    /// The index among all samples of the file's channel of the one taken at that index of time, or of the next after.
    pub fn sample_at(&self, time: u64) -> u64 {
        let reaches = |stretch: &&Stretch| time < stretch.time + stretch.num_samples;
        match self.stretches.iter().find(reaches).or(self.stretches.last()) {
            Some(stretch) => stretch.sample + time.saturating_sub(stretch.time).min(stretch.num_samples),
            None => 0,
        }
    }
}

/// Where a capture's samples come from.
#[derive(Debug)]
pub(crate) enum Samples {
    /// Bytes of a file.
    File(SampleFile),
    /// A dataset of an HDF5 file.
    #[cfg(feature = "hdf5")]
    Hdf5(Box<H5Samples>),
}

#[cfg(feature = "hdf5")]
impl From<H5Samples> for Samples {
    fn from(samples: H5Samples) -> Self {
        Self::Hdf5(Box::new(samples))
    }
}

impl From<SampleFile> for Samples {
    fn from(samples: SampleFile) -> Self {
        Self::File(samples)
    }
}

/// An open capture: a seekable stream of samples. Memory is bounded whatever its length.
#[derive(Debug)]
pub struct Capture {
    info: CaptureInfo,
    samples: Samples,
}

/// Opens the capture at `path`; the ending of its name tells the format (see the [crate's](crate) table).
///
/// # Errors
///
/// Those of [`Error`]: the capture, or a part of it, is missing or cannot be read; does not tell its format or sample
/// rate and `options` neither; contradicts `options`; breaks its format's rules; or is of a kind that is not read.
pub fn open(path: &Path, options: &OpenOptions) -> Result<Capture, Error> {
    check_sample_rate(path, options.sample_rate_hz, SAMPLE_RATE.option)?;
    check_center_frequency(path, options.center_frequency_hz, CENTER_FREQUENCY.option)?;
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match ending.as_deref() {
        Some("sigmf-meta" | "sigmf-data") => sigmf::open(path, options),
        Some("sigmf") => sigmf::open_archive(path, options),
        Some("sigmf-collection") => {
            Err(Error::unsupported(path, "is a list of recordings; name the .sigmf-meta of one of them"))
        }
        Some("wav" | "rf64") => wav::open(path, options),
        #[cfg(feature = "hdf5")]
        Some("h5" | "hdf5") => h5::open(path, options),
        #[cfg(not(feature = "hdf5"))]
        Some("h5" | "hdf5") => Err(Error::unsupported(path, NO_HDF5)),
        ending => raw::open(path, ending, options),
    }
}

impl Capture {
    /// A capture of `samples`, as `info` describes them.
    pub(crate) fn new(mut info: CaptureInfo, samples: Samples) -> Self {
        info.warnings.iter_mut().for_each(|warning| *warning = shown(&warning));
        Self { info, samples }
    }

    /// What is known of it.
    pub fn info(&self) -> &CaptureInfo {
        &self.info
    }

    pub(crate) fn info_mut(&mut self) -> &mut CaptureInfo {
        &mut self.info
    }

    /// Fills `out` with the next samples that are there and returns their number, which is less than `out.len()` only
    /// at the end of the capture, and 0 behind it. Does not allocate.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or was cut short since it was opened; [`seek`](Self::seek) before reading on.
    pub fn read(&mut self, out: &mut [Complex32]) -> Result<usize, Error> {
        match &mut self.samples {
            Samples::File(samples) => samples.read(out),
            #[cfg(feature = "hdf5")]
            Samples::Hdf5(samples) => samples.read(out),
        }
    }

    /// As [`read`](Self::read), but the bytes of the samples as [`CaptureInfo::format`] encodes them. A rest of `out`
    /// that holds no whole sample is left alone.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_encoded(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        match &mut self.samples {
            Samples::File(samples) => samples.read_encoded(out),
            #[cfg(feature = "hdf5")]
            Samples::Hdf5(samples) => samples.read_encoded(out),
        }
    }

    /// Makes `sample`, an index from 0 to the number of samples that are there, the next to be read.
    ///
    /// # Errors
    ///
    /// [`Error::BeyondEnd`] if there are fewer samples; [`Error::Io`] if the file cannot be positioned.
    pub fn seek(&mut self, sample: u64) -> Result<(), Error> {
        match &mut self.samples {
            Samples::File(samples) => samples.seek(sample),
            #[cfg(feature = "hdf5")]
            Samples::Hdf5(samples) => samples.seek(sample),
        }
    }

    /// The file that holds the samples.
    pub fn data_path(&self) -> &Path {
        match &self.samples {
            Samples::File(samples) => samples.path(),
            #[cfg(feature = "hdf5")]
            Samples::Hdf5(samples) => samples.path(),
        }
    }

    /// The SHA-256 of the whole file that holds the samples, in lower-case hexadecimal. Reads all of it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read.
    pub fn sha256(&self) -> Result<String, Error> {
        let fail = |cause| Error::io(self.data_path(), "cannot be read", cause);
        let mut file = File::open(self.data_path()).map_err(fail)?;
        let mut buffer = vec![0; 1 << 18];
        let mut hash = Sha256::new();
        loop {
            match file.read(&mut buffer).map_err(fail)? {
                0 => return Ok(hexadecimal(&hash.finalize())),
                num_bytes => hash.update(&buffer[..num_bytes]),
            }
        }
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The value that the capture states or the caller gives, if they do not contradict each other.
pub(crate) fn agreed<T: PartialEq + Display>(
    path: &Path,
    need: Need,
    stated: Option<T>,
    given: Option<T>,
) -> Result<Option<T>, Error> {
    match (stated, given) {
        (Some(stated), Some(given)) if stated != given => Err(Error::Contradiction {
            path: path.to_owned(),
            need,
            stated: stated.to_string(),
            given: given.to_string(),
        }),
        (stated, given) => Ok(stated.or(given)),
    }
}

/// The channel that `options` ask for, if it is there.
pub(crate) fn pick_channel(path: &Path, num_channels: usize, options: &OpenOptions) -> Result<usize, Error> {
    match options.channel {
        Some(channel) if channel >= num_channels => Err(Error::malformed(
            path,
            format!(
                "has {num_channels} channels, counted from 0, but {} says {channel}; give one that is there",
                CHANNEL.option
            ),
        )),
        channel => Ok(channel.unwrap_or(0)),
    }
}

/// Refuses a sample rate that cannot be; `origin` names where it stands.
pub(crate) fn check_sample_rate(path: &Path, rate_hz: Option<f64>, origin: &str) -> Result<(), Error> {
    match rate_hz {
        Some(rate_hz) if !(rate_hz > 0.0 && rate_hz <= MAX_SAMPLE_RATE_HZ) => Err(Error::malformed(
            path,
            format!(
                "{origin} is {rate_hz:?}, but a sample rate is more than 0 and at most {MAX_SAMPLE_RATE_HZ:e} \
                 samples a second; correct it"
            ),
        )),
        _ => Ok(()),
    }
}

/// Refuses a centre frequency that cannot be; `origin` names where it stands.
pub(crate) fn check_center_frequency(path: &Path, center_hz: Option<f64>, origin: &str) -> Result<(), Error> {
    match center_hz {
        Some(center_hz) if !(0.0..=MAX_CENTER_FREQUENCY_HZ).contains(&center_hz) => Err(Error::malformed(
            path,
            format!(
                "{origin} is {center_hz:?}, but a centre frequency is from 0 to {MAX_CENTER_FREQUENCY_HZ:e} Hz; \
                 correct it"
            ),
        )),
        _ => Ok(()),
    }
}
