//! Writes SigMF recordings, as a pair of files or as an archive.
//!
//! Samples go to a `.part` file; the end of the recording renames it to `X.sigmf-data` and then lets `X.sigmf-meta`
//! appear, whole, by another rename. Metadata thus never speak of samples that are not there, a recording of the same
//! name is replaced only by a finished one, and one that was interrupted keeps its samples in the `.part` file. Of an
//! archive both are members, and it is renamed as a whole.
//!
//! A growing recording has its names from the beginning, so that it can be read at any time, and after whatever ended
//! its writer: its metadata are replaced, whole, at each checkpoint. They hold no hash before the end.

use std::{
    fs::{self, File},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use crate::{
    Annotation, Error, Recording, SampleFormat, Stretch,
    capture::hexadecimal,
    datetime::Instant,
    sigmf::{ARCHIVE_ENDING, DATA_ENDING, META_ENDING},
    tar,
};

/// The version of the specification that is obeyed.
const SIGMF_VERSION: &str = "1.2.5";

/// A recording that is being written.
#[derive(Debug)]
pub(crate) struct SigmfSink {
    /// Where the metadata, or the archive, will be.
    path: PathBuf,
    part_path: PathBuf,
    part: File,
    hash: Sha512,
    num_bytes: u64,
    /// The header of the data within the archive; empty where there is none.
    data_header: Vec<u8>,
}

/// Whether metadata tell the hash of the samples.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hashed {
    Yes,
    NotYet,
}

impl SigmfSink {
    /// Begins a recording at `path`: the metadata of a pair, or an archive.
    pub(crate) fn create(path: &Path, recording: &Recording) -> Result<Self, Error> {
        if matches!(recording.format, SampleFormat::Ci24(_)) {
            let problem = format!("SigMF has no {}; write it as ci32_le, which holds the same", recording.format);
            return Err(Error::unsupported(path, problem));
        }
        let is_archive = path.extension().is_some_and(|ending| ending == ARCHIVE_ENDING);
        let final_path = if is_archive { path.to_owned() } else { path.with_extension(DATA_ENDING) };
        let part_path = part_of(&final_path);
        let mut part = File::create(&part_path).map_err(|cause| Error::io(&part_path, "cannot be created", cause))?;
        let data_header = if is_archive { member_header(path, DATA_ENDING, 0, recording) } else { Vec::new() };
        part.write_all(&data_header).map_err(|cause| Error::io(&part_path, "cannot be written", cause))?;
        Ok(Self { path: path.to_owned(), part_path, part, hash: Sha512::new(), num_bytes: 0, data_header })
    }

    /// Begins a pair whose metadata are at `path` and that grows under its own names. Nothing is written over.
    pub(crate) fn create_growing(path: &Path, recording: &Recording) -> Result<Self, Error> {
        if path.exists() {
            return Err(Error::unsupported(path, "is there already; name another recording"));
        }
        let data_path = path.with_extension(DATA_ENDING);
        let data = File::create_new(&data_path).map_err(|cause| Error::io(&data_path, "cannot be created", cause))?;
        let mut sink = Self {
            path: path.to_owned(),
            part_path: data_path,
            part: data,
            hash: Sha512::new(),
            num_bytes: 0,
            data_header: Vec::new(),
        };
        sink.checkpoint(recording, &[Stretch { sample: 0, time: 0, num_samples: 0 }], &[])?;
        Ok(sink)
    }

    /// Whether it has its names already.
    pub(crate) fn is_growing(&self) -> bool {
        self.data_header.is_empty() && self.part_path.extension().is_some_and(|ending| ending == DATA_ENDING)
    }

    /// Brings the metadata of a growing recording up to now.
    pub(crate) fn checkpoint(
        &mut self,
        recording: &Recording,
        stretches: &[Stretch],
        annotations: &[Annotation],
    ) -> Result<(), Error> {
        let metadata = self.metadata(recording, stretches, annotations, Hashed::NotYet);
        let part_path = part_of(&self.path);
        fs::write(&part_path, metadata.to_string())
            .map_err(|cause| Error::io(&part_path, "cannot be written", cause))?;
        rename(&part_path, &self.path)
    }

    /// Where it is written before it has its name.
    pub(crate) fn part_path(&self) -> &Path {
        &self.part_path
    }

    /// Appends encoded samples.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.part.write_all(bytes).map_err(|cause| Error::io(&self.part_path, "cannot be written", cause))?;
        self.hash.update(bytes);
        self.num_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Ends the recording: brings the data and then the metadata to their names.
    pub(crate) fn finish(
        mut self,
        recording: &Recording,
        stretches: &[Stretch],
        annotations: &[Annotation],
    ) -> Result<(), Error> {
        let metadata = self.metadata(recording, stretches, annotations, Hashed::Yes);
        let text = serde_json::to_vec_pretty(&metadata)
            .map_err(|error| Error::malformed(&self.path, format!("its metadata cannot be written: {error}")))?;
        if !self.data_header.is_empty() {
            self.finish_archive(&text, recording)
                .map_err(|cause| Error::io(&self.part_path, "cannot be written", cause))?;
            return rename(&self.part_path, &self.path);
        }
        let meta_part_path = part_of(&self.path);
        let write_metadata = || {
            let mut part = File::create(&meta_part_path)?;
            part.write_all(&text)?;
            part.sync_all()
        };
        self.part.sync_all().map_err(|cause| Error::io(&self.part_path, "cannot be written", cause))?;
        write_metadata().map_err(|cause| Error::io(&meta_part_path, "cannot be written", cause))?;
        rename(&self.part_path, &self.path.with_extension(DATA_ENDING))?;
        rename(&meta_part_path, &self.path)
    }

    /// Appends the metadata and writes the length of the data into their header.
    fn finish_archive(&mut self, metadata: &[u8], recording: &Recording) -> io::Result<()> {
        let padding = |num_bytes: u64| vec![0; (num_bytes.next_multiple_of(512) - num_bytes) as usize];
        self.part.write_all(&padding(self.num_bytes))?;
        self.part.write_all(&member_header(&self.path, META_ENDING, metadata.len() as u64, recording))?;
        self.part.write_all(metadata)?;
        self.part.write_all(&padding(metadata.len() as u64))?;
        self.part.write_all(&[0; 2 * tar::BLOCK_BYTES])?;
        self.part.seek(SeekFrom::Start(0))?;
        self.part.write_all(&member_header(&self.path, DATA_ENDING, self.num_bytes, recording))?;
        self.part.sync_all()
    }

    fn metadata(
        &self,
        recording: &Recording,
        stretches: &[Stretch],
        annotations: &[Annotation],
        hashed: Hashed,
    ) -> Value {
        let mut global = json!({
            "core:datatype": recording.format.to_string(),
            "core:sample_rate": recording.sample_rate_hz,
            "core:version": SIGMF_VERSION,
            "core:num_channels": 1,
            "core:recorder": concat!("cellsweep ", env!("CARGO_PKG_VERSION")),
        });
        if hashed == Hashed::Yes {
            global["core:sha512"] = json!(hexadecimal(&self.hash.clone().finalize()));
        }
        if !recording.description.is_empty() {
            global["core:description"] = json!(recording.description);
        }
        let has_gaps = stretches.len() > 1 || stretches.first().is_some_and(|first| first.time > 0);
        let segments = stretches.iter().enumerate().map(|(number, stretch)| {
            let mut segment = json!({ "core:sample_start": stretch.sample });
            if let Some(frequency_hz) = recording.center_frequency_hz {
                segment["core:frequency"] = json!(frequency_hz);
            }
            if let Some(datetime) = recording.datetime.as_ref().filter(|_| number == 0) {
                segment["core:datetime"] = json!(datetime);
            }
            if has_gaps {
                segment["core:global_index"] = json!(stretch.time);
            }
            segment
        });
        let mut annotations: Vec<&Annotation> = annotations.iter().collect();
        annotations.sort_by_key(|annotation| annotation.sample_start);
        let annotations: Vec<Value> = annotations.into_iter().map(annotation_object).collect();
        json!({ "global": global, "captures": segments.collect::<Vec<_>>(), "annotations": annotations })
    }
}

/// The header of a member of the archive at `path`: `X/X.ENDING` for `X.sigmf`.
fn member_header(path: &Path, ending: &str, num_bytes: u64, recording: &Recording) -> Vec<u8> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let recorded = recording.datetime.as_deref().and_then(Instant::parse);
    let modified_s = recorded.map_or(0, |instant| instant.seconds.max(0).cast_unsigned());
    tar::header(&format!("{stem}/{stem}.{ending}"), num_bytes, modified_s)
}

/// Lets a finished file appear under its name.
pub(crate) fn rename(part: &Path, whole: &Path) -> Result<(), Error> {
    fs::rename(part, whole).map_err(|cause| Error::io(whole, "cannot be put in place", cause))
}

/// An annotation as SigMF writes it.
pub(crate) fn annotation_object(annotation: &Annotation) -> Value {
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
pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}
