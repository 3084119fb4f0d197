//! Writes SigMF recordings.
//!
//! Samples go to `X.sigmf-data.part`; [`Writer::finish`] renames it to `X.sigmf-data` and then lets `X.sigmf-meta`
//! appear, whole, by another rename. Metadata thus never speak of samples that are not there, a recording of the same
//! name is replaced only by a finished one, and one that was interrupted keeps its samples in the `.part` file.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use num_complex::Complex32;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use crate::{
    Annotation, Error, SampleFormat,
    capture::{check_center_frequency, check_sample_rate, hexadecimal},
    sigmf::{DATA_ENDING, META_ENDING},
};

/// The version of the specification that is obeyed.
const SIGMF_VERSION: &str = "1.2.5";

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
    meta_path: PathBuf,
    data_path: PathBuf,
    part_path: PathBuf,
    part: File,
    buffer: Vec<u8>,
    hash: Sha512,
    written: WrittenSummary,
}

impl Writer {
    /// Begins a recording whose metadata will be at `meta_path`, a name that ends in `.sigmf-meta`.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the name ends otherwise or a rate or frequency cannot be; [`Error::Io`] if the data file
    /// cannot be made.
    pub fn create(meta_path: &Path, recording: &Recording) -> Result<Self, Error> {
        if meta_path.extension().is_none_or(|ending| ending != META_ENDING) {
            return Err(Error::malformed(
                meta_path,
                "a recording is written as SigMF; let its name end in .sigmf-meta",
            ));
        }
        check_sample_rate(meta_path, Some(recording.sample_rate_hz), "the sample rate to write")?;
        check_center_frequency(meta_path, recording.center_frequency_hz, "the centre frequency to write")?;
        let data_path = meta_path.with_extension(DATA_ENDING);
        let part_path = part_of(&data_path);
        let part = File::create(&part_path).map_err(|cause| Error::io(&part_path, "cannot be created", cause))?;
        Ok(Self {
            recording: recording.clone(),
            meta_path: meta_path.to_owned(),
            data_path,
            part_path,
            part,
            buffer: vec![0; BLOCK_SAMPLES * recording.format.bytes_per_sample()],
            hash: Sha512::new(),
            written: WrittenSummary { samples: 0, clipped: 0 },
        })
    }

    /// Appends `samples`. Those beyond full scale are clipped and counted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if they cannot be written.
    pub fn write(&mut self, samples: &[Complex32]) -> Result<(), Error> {
        let format = self.recording.format;
        for block in samples.chunks(BLOCK_SAMPLES) {
            let bytes = &mut self.buffer[..block.len() * format.bytes_per_sample()];
            self.written.clipped += format.encode(block, bytes);
            self.part.write_all(bytes).map_err(|cause| Error::io(&self.part_path, "cannot be written", cause))?;
            self.hash.update(&bytes);
            self.written.samples += block.len() as u64;
        }
        Ok(())
    }

    /// Ends the recording: brings the data and then the metadata, with `annotations` in order of their start, to
    /// their names.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if either cannot be written or named.
    pub fn finish(self, annotations: &[Annotation]) -> Result<WrittenSummary, Error> {
        let metadata = self.metadata(annotations);
        let meta_part_path = part_of(&self.meta_path);
        let write_metadata = || {
            let mut part = File::create(&meta_part_path)?;
            part.write_all(&serde_json::to_vec_pretty(&metadata)?)?;
            part.sync_all()
        };
        self.part.sync_all().map_err(|cause| Error::io(&self.part_path, "cannot be written", cause))?;
        write_metadata().map_err(|cause| Error::io(&meta_part_path, "cannot be written", cause))?;
        for (part, whole) in [(&self.part_path, &self.data_path), (&meta_part_path, &self.meta_path)] {
            fs::rename(part, whole).map_err(|cause| Error::io(whole, "cannot be put in place", cause))?;
        }
        Ok(self.written)
    }

    fn metadata(&self, annotations: &[Annotation]) -> Value {
        let recording = &self.recording;
        let mut global = json!({
            "core:datatype": recording.format.to_string(),
            "core:sample_rate": recording.sample_rate_hz,
            "core:version": SIGMF_VERSION,
            "core:num_channels": 1,
            "core:sha512": hexadecimal(&self.hash.clone().finalize()),
            "core:recorder": concat!("cellsweep ", env!("CARGO_PKG_VERSION")),
        });
        if !recording.description.is_empty() {
            global["core:description"] = json!(recording.description);
        }
        let mut segment = json!({ "core:sample_start": 0 });
        if let Some(frequency_hz) = recording.center_frequency_hz {
            segment["core:frequency"] = json!(frequency_hz);
        }
        if let Some(datetime) = &recording.datetime {
            segment["core:datetime"] = json!(datetime);
        }
        let mut annotations: Vec<&Annotation> = annotations.iter().collect();
        annotations.sort_by_key(|annotation| annotation.sample_start);
        let annotations: Vec<Value> = annotations.into_iter().map(annotation_object).collect();
        json!({ "global": global, "captures": [segment], "annotations": annotations })
    }
}

fn annotation_object(annotation: &Annotation) -> Value {
    let known = [
        ("core:sample_start", json!(annotation.sample_start)),
        ("core:sample_count", json!(annotation.sample_count)),
        ("core:freq_lower_edge", json!(annotation.freq_lower_edge_hz)),
        ("core:freq_upper_edge", json!(annotation.freq_upper_edge_hz)),
        ("core:label", json!(annotation.label)),
        ("core:comment", json!(annotation.comment)),
    ];
    let known = known.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value));
    let mut object = annotation.extra.clone();
    object.extend(known);
    Value::Object(object)
}

/// Where a file is written before it has its name.
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}
