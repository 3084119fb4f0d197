//! SigMF recordings: metadata in JSON and samples, as two files side by side or as one archive.
//!
//! Reads what versions 1.0 to 1.2 of the specification allow of complex samples: a `.sigmf-meta` beside a
//! `.sigmf-data`, or beside the non-conforming dataset that it names; a `.sigmf` archive of one recording; several
//! channels; several segments with their own frequency, time, header bytes and gaps. One [`Capture`] is one channel at
//! one frequency; [`OpenOptions`] say which. `core:sha512` is checked on request. An annotation that cannot be read
//! costs a warning, since the samples can be read without it.
//!
//! Reference: SigMF 1.2.5, <https://sigmf.org>.

mod annotate;
mod archive;
mod metadata;
mod timeline;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use sha2::{Digest, Sha512};

pub use self::annotate::annotate;
use self::{metadata::Metadata, timeline::Part};
use crate::{
    Capture, CaptureInfo, Error, OpenOptions,
    capture::{agreed, hexadecimal, pick_channel},
    error::{CENTER_FREQUENCY, FORMAT, SAMPLE_RATE},
    raw::tail_warning,
    sample_file::{Extent, Layout, Run, SampleFile, no_samples, open_regular},
};

/// The largest metadata that is read, in bytes; some two hundred thousand annotations.
pub const MAX_METADATA_BYTES: u64 = 64 << 20;

/// The ending of the metadata's file name.
pub(crate) const META_ENDING: &str = "sigmf-meta";
/// The ending of the samples' file name.
pub(crate) const DATA_ENDING: &str = "sigmf-data";
/// The ending of an archive's file name.
pub(crate) const ARCHIVE_ENDING: &str = "sigmf";

/// A stretch of samples, and perhaps of spectrum, about which something is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotation {
    /// Index of its first sample.
    pub sample_start: u64,
    /// The number of samples; to the end of the capture if it is not known.
    pub sample_count: Option<u64>,
    /// Its lowest frequency in hertz, as the recording writes it (absolute, if the centre is).
    pub freq_lower_edge_hz: Option<f64>,
    /// Its highest frequency in hertz.
    pub freq_upper_edge_hz: Option<f64>,
    /// A word for it.
    pub label: Option<String>,
    /// A sentence on it.
    pub comment: Option<String>,
    /// All other keys, with their values.
    pub extra: Map<String, Value>,
}

/// Opens the recording of which `path` is either file.
pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Capture, Error> {
    let meta_path = path.with_extension(META_ENDING);
    let metadata = Metadata::parse(&meta_path, read_metadata(path, &meta_path)?)?;
    let data_path = match &metadata.dataset {
        Some(name) => beside(&meta_path, name)?,
        None => path.with_extension(DATA_ENDING),
    };
    let file = open_regular(&data_path, "a SigMF recording needs it beside its .sigmf-meta: bring it there")?;
    assemble(path, &meta_path, metadata, Extent::whole(&data_path, file), options)
}

/// Opens the recording in the archive at `path`.
pub(crate) fn open_archive(path: &Path, options: &OpenOptions) -> Result<Capture, Error> {
    let found = archive::find(path)?;
    let mut capture = assemble(path, path, found.metadata, found.data, options)?;
    if found.is_cut_short {
        let info = capture.info_mut();
        info.warnings.push("the archive ends before its samples do: it was cut short".to_owned());
        info.cut_short = true;
    }
    Ok(capture)
}

/// The content of the metadata at `path`, which was found by way of `named`.
fn read_metadata(named: &Path, path: &Path) -> Result<Vec<u8>, Error> {
    let advice = if named == path {
        "check the path"
    } else {
        "a SigMF recording needs it beside its .sigmf-data: bring it there, or rename the data to .raw and give \
         --format and --rate"
    };
    let mut file = Extent::whole(path, open_regular(path, advice)?);
    check_metadata_size(path, file.num_bytes)?;
    file.read_all(MAX_METADATA_BYTES)
}

fn check_metadata_size(path: &Path, num_bytes: u64) -> Result<(), Error> {
    if num_bytes > MAX_METADATA_BYTES {
        let problem = format!("holds {num_bytes} bytes of metadata; at most {MAX_METADATA_BYTES} are read: shorten it");
        return Err(Error::malformed(path, problem));
    }
    Ok(())
}

/// Refuses a dataset's name that leads elsewhere.
fn check_dataset_name(path: &Path, name: &str) -> Result<(), Error> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0']) {
        let problem = format!(
            "its core:dataset is '{}', but a dataset is named without a folder and lies beside its metadata; correct it",
            name.escape_default().take(80).collect::<String>()
        );
        return Err(Error::malformed(path, problem));
    }
    Ok(())
}

/// The file of that name beside the metadata, and nowhere else.
fn beside(meta_path: &Path, name: &str) -> Result<PathBuf, Error> {
    check_dataset_name(meta_path, name)?;
    let path = meta_path.with_file_name(name);
    let folder = |path: &Path| fs::canonicalize(path).ok().and_then(|path| path.parent().map(Path::to_owned));
    if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) && folder(&path) != folder(meta_path) {
        let problem = "is a link out of the folder of the metadata that name it; name the file it leads to";
        return Err(Error::malformed(&path, problem));
    }
    Ok(path)
}

/// Makes a capture of metadata, which stand at `meta_path`, and data.
fn assemble(
    path: &Path,
    meta_path: &Path,
    metadata: Metadata,
    mut data: Extent,
    options: &OpenOptions,
) -> Result<Capture, Error> {
    let format = agreed(path, FORMAT, Some(metadata.format), options.format)?.unwrap_or(metadata.format);
    let sample_rate_hz =
        agreed(path, SAMPLE_RATE, metadata.sample_rate_hz, options.sample_rate_hz)?.ok_or_else(|| {
            let problem = format!("does not state core:sample_rate; correct it, or give {}", SAMPLE_RATE.option);
            Error::malformed(meta_path, problem)
        })?;
    let channel = pick_channel(path, metadata.num_channels, options)?;
    let mut warnings = metadata.warnings;

    let header_bytes = metadata.segments.iter().fold(0u64, |sum, segment| sum.saturating_add(segment.header_bytes));
    let around = header_bytes.saturating_add(metadata.trailing_bytes);
    let data_bytes = data.num_bytes.saturating_sub(around);
    let frame_bytes = (format.bytes_per_sample() * metadata.num_channels) as u64;
    let (num_samples, num_bytes_left) = (data_bytes / frame_bytes, data_bytes % frame_bytes);
    if num_samples == 0 {
        return Err(no_samples(&data.path, data.num_bytes, around, format));
    }
    let last_start = metadata.segments.last().map_or(0, |segment| segment.sample_start);
    if last_start > num_samples {
        return Err(Error::malformed(
            &data.path,
            format!(
                "holds {num_samples} samples, but its metadata has a segment that starts at sample {last_start}: the \
                 data were cut short, or belong to another recording; bring the whole file"
            ),
        ));
    }
    if options.verify {
        verify(&mut data, metadata.sha512.as_deref(), &mut warnings)?;
    }
    let mut parts = timeline::parts(&metadata.segments, num_samples, sample_rate_hz, &mut warnings);
    let (num_parts, part) = (parts.len(), pick_part(path, &parts, options)?);
    let part_of_all = parts.swap_remove(part);
    let center_frequency_hz = agreed(path, CENTER_FREQUENCY, part_of_all.frequency_hz, options.center_frequency_hz)?;

    warnings.extend(tail_warning(num_bytes_left, format));
    let is_beyond = |annotation: &&Annotation| {
        annotation.sample_start.saturating_add(annotation.sample_count.unwrap_or(0)) > num_samples
    };
    let num_annotations = metadata.annotations.len();
    let num_beyond = metadata.annotations.iter().filter(is_beyond).count();
    if num_beyond > 0 {
        warnings.push(format!(
            "{num_beyond} of {num_annotations} annotations reach beyond the last of {num_samples} samples: the data \
             may have been cut short"
        ));
    }
    let is_last = part_of_all.spans.last().is_some_and(|span| span.start + span.num_samples == num_samples);
    let annotations = metadata.annotations.into_iter().filter_map(|annotation| {
        let sample_start = part_of_all.index_of(annotation.sample_start, is_last)?;
        Some(Annotation { sample_start, ..annotation })
    });
    let runs = part_of_all.spans.iter().map(|span| Run {
        byte: data.start + span.header_bytes + span.start * frame_bytes,
        num_samples: span.num_samples,
    });
    let layout = Layout { format, num_channels: metadata.num_channels, channel, runs: runs.collect() };
    let info = CaptureInfo {
        path: path.to_owned(),
        sample_rate_hz,
        center_frequency_hz,
        samples: layout.runs.iter().map(|run| run.num_samples).sum(),
        format,
        channel,
        num_channels: metadata.num_channels,
        part,
        num_parts,
        stretches: part_of_all.stretches(),
        description: metadata.description,
        recorder: metadata.recorder,
        datetime: part_of_all.datetime.clone(),
        annotations: annotations.collect(),
        warnings,
        cut_short: num_bytes_left > 0 || num_beyond > 0,
    };
    Ok(Capture::new(info, SampleFile::new(&data.path, data.file, layout)?.into()))
}

/// The part that `options` ask for: by number, by its frequency, or the first.
fn pick_part(path: &Path, parts: &[Part], options: &OpenOptions) -> Result<usize, Error> {
    match (options.part, options.center_frequency_hz) {
        (Some(part), _) if part < parts.len() => Ok(part),
        (Some(part), _) => Err(Error::malformed(
            path,
            format!("has {} centre frequencies, counted from 0; there is no {part}", parts.len()),
        )),
        (None, Some(center_hz)) if parts.len() > 1 => {
            let told = |part: &Part| part.frequency_hz.map_or("unknown".to_owned(), |hz| format!("{hz} Hz"));
            parts.iter().position(|part| part.frequency_hz == Some(center_hz)).ok_or_else(|| {
                let mut known = parts.iter().take(8).map(told).collect::<Vec<_>>().join(", ");
                if parts.len() > 8 {
                    known.push_str(", …");
                }
                let option = CENTER_FREQUENCY.option;
                let problem =
                    format!("holds nothing at {center_hz} Hz, as {option} says, but at {known}; give one of these");
                Error::malformed(path, problem)
            })
        }
        _ => Ok(0),
    }
}

/// Compares the data with the hash that the metadata state.
fn verify(data: &mut Extent, sha512: Option<&str>, warnings: &mut Vec<String>) -> Result<(), Error> {
    let Some(stated) = sha512 else {
        warnings.push("its metadata state no core:sha512, so that nothing could be verified".to_owned());
        return Ok(());
    };
    let mut hash = Sha512::new();
    data.scan(|bytes| hash.update(bytes))?;
    let found = hexadecimal(&hash.finalize());
    if !found.eq_ignore_ascii_case(stated.trim()) {
        let problem = format!(
            "is not what was recorded: its SHA-512 begins {}, the metadata say {}; fetch it again from where it is whole",
            &found[..12],
            stated.escape_default().take(12).collect::<String>()
        );
        return Err(Error::malformed(&data.path, problem));
    }
    Ok(())
}
