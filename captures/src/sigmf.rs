//! SigMF recordings: a `.sigmf-meta` file of JSON beside a `.sigmf-data` file of samples.
//!
//! Reads what a Conforming Dataset of one channel of complex samples at one frequency may hold, in versions 1.0 to 1.2
//! of the specification. Several segments at one frequency are read as one run. What the metadata says of header and
//! trailing bytes is obeyed; its `core:sha512` is not checked. An annotation that cannot be read costs a warning,
//! since the samples can be read without it.
//!
//! Reference: SigMF 1.2.5, <https://sigmf.org>.

use std::{io::Read, path::Path};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    Capture, CaptureInfo, Error, OpenOptions, SampleFormat,
    capture::{agreed, check_center_frequency, check_sample_rate},
    error::{CENTER_FREQUENCY, FORMAT, SAMPLE_RATE},
    raw::tail_warning,
    sample_file::{SampleFile, open_regular},
};

/// The largest metadata that is read, in bytes; some two hundred thousand annotations.
pub const MAX_METADATA_BYTES: u64 = 64 << 20;

/// The ending of the metadata's file name.
pub(crate) const META_ENDING: &str = "sigmf-meta";
/// The ending of the samples' file name.
pub(crate) const DATA_ENDING: &str = "sigmf-data";

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
    let (meta_path, data_path) = (path.with_extension(META_ENDING), path.with_extension(DATA_ENDING));
    let metadata = Metadata::read(path, &meta_path)?;
    let format = agreed(path, FORMAT, Some(metadata.format), options.format)?.unwrap_or(metadata.format);
    let sample_rate_hz =
        agreed(path, SAMPLE_RATE, metadata.sample_rate_hz, options.sample_rate_hz)?.ok_or_else(|| {
            let problem = format!("does not state core:sample_rate; correct it, or give {}", SAMPLE_RATE.option);
            Error::malformed(&meta_path, problem)
        })?;
    let center_frequency_hz =
        agreed(path, CENTER_FREQUENCY, metadata.center_frequency_hz, options.center_frequency_hz)?;

    let file = open_regular(&data_path, "a SigMF recording needs it beside its .sigmf-meta: bring it there")?;
    let (samples, num_bytes_left) =
        SampleFile::new(&data_path, file, format, metadata.header_bytes, metadata.trailing_bytes)?;
    let num_samples = samples.num_samples();
    if metadata.last_segment_start > num_samples {
        return Err(Error::malformed(
            &data_path,
            format!(
                "holds {num_samples} samples, but its metadata has a segment that starts at sample {}: the data were \
                 cut short, or belong to another recording; bring the whole file",
                metadata.last_segment_start
            ),
        ));
    }
    let mut warnings = metadata.warnings;
    warnings.extend(tail_warning(num_bytes_left, format));
    let ends_beyond = |annotation: &&Annotation| {
        annotation.sample_start.saturating_add(annotation.sample_count.unwrap_or(0)) > num_samples
    };
    let num_beyond = metadata.annotations.iter().filter(ends_beyond).count();
    if num_beyond > 0 {
        warnings.push(format!(
            "{num_beyond} of {} annotations reach beyond the last of {num_samples} samples: the data may have been cut \
             short",
            metadata.annotations.len()
        ));
    }
    let info = CaptureInfo {
        path: path.to_owned(),
        sample_rate_hz,
        center_frequency_hz,
        samples: num_samples,
        format,
        description: metadata.description,
        recorder: metadata.recorder,
        datetime: metadata.datetime,
        annotations: metadata.annotations,
        warnings,
        cut_short: num_bytes_left > 0 || num_beyond > 0,
    };
    Ok(Capture::new(info, samples))
}

/// What the metadata says, with sample indices counted from the first sample in the data.
#[derive(Debug)]
struct Metadata {
    format: SampleFormat,
    sample_rate_hz: Option<f64>,
    center_frequency_hz: Option<f64>,
    description: Option<String>,
    recorder: Option<String>,
    datetime: Option<String>,
    header_bytes: u64,
    trailing_bytes: u64,
    last_segment_start: u64,
    annotations: Vec<Annotation>,
    warnings: Vec<String>,
}

impl Metadata {
    /// Reads the file at `path`, which was found by way of `named`.
    fn read(named: &Path, path: &Path) -> Result<Self, Error> {
        let advice = if named == path {
            "check the path"
        } else {
            "a SigMF recording needs it beside its .sigmf-data: bring it there, or rename the data to .raw and give \
             --format and --rate"
        };
        let (file, num_bytes) = open_regular(path, advice)?;
        if num_bytes > MAX_METADATA_BYTES {
            let problem =
                format!("holds {num_bytes} bytes of metadata; at most {MAX_METADATA_BYTES} are read: shorten it");
            return Err(Error::malformed(path, problem));
        }
        let mut bytes = Vec::new();
        file.take(MAX_METADATA_BYTES)
            .read_to_end(&mut bytes)
            .map_err(|cause| Error::io(path, "cannot be read", cause))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let position = error.utf8_error().valid_up_to();
            Error::malformed(
                path,
                format!("is not UTF-8 at byte {position}, but SigMF metadata are; correct or replace it"),
            )
        })?;
        Self::parse(path, text.strip_prefix('\u{feff}').unwrap_or(&text))
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let not_sigmf = |problem: String| Error::malformed(path, format!("{problem}; correct or replace it"));
        let root: Value = serde_json::from_str(text).map_err(|error| not_sigmf(format!("is not JSON: {error}")))?;
        let mut root = Object::new(path, "the metadata", root)?;
        let global = root.take("global")?.ok_or_else(|| not_sigmf("has no object 'global'".to_owned()))?;
        let mut global = Object::new(path, "global", global)?;
        let segments: Vec<Value> = root.take("captures")?.unwrap_or_default();
        let annotations: Vec<Value> = root.take("annotations")?.unwrap_or_default();
        let mut warnings = Vec::new();

        let format = read_format(&mut global, &mut warnings)?;
        refuse_what_is_not_read(&mut global)?;
        let offset = global.take_count("core:offset")?.unwrap_or(0);
        let segments = segments
            .into_iter()
            .map(|segment| Segment::parse(Object::new(path, "captures", segment)?, offset))
            .collect::<Result<Vec<_>, Error>>()?;
        let first = segments.first().cloned().unwrap_or_default();
        for (segment, number) in segments.iter().zip(1..).skip(1) {
            segment.refuse_unlike(path, number, &first)?;
        }
        if segments.len() > 1 {
            warnings.push(format!(
                "it has {} segments, which are read as if they followed one another without a gap",
                segments.len()
            ));
        }
        let sample_rate_hz = global.take("core:sample_rate")?;
        check_sample_rate(path, sample_rate_hz, "core:sample_rate")?;
        Ok(Self {
            format,
            sample_rate_hz,
            center_frequency_hz: first.frequency_hz,
            description: global.take("core:description")?,
            recorder: global.take("core:recorder")?,
            datetime: first.datetime,
            header_bytes: first.header_bytes,
            trailing_bytes: global.take_count("core:trailing_bytes")?.unwrap_or(0),
            last_segment_start: segments.iter().map(|segment| segment.sample_start).max().unwrap_or(0),
            annotations: read_annotations(path, annotations, offset, &mut warnings),
            warnings,
        })
    }
}

fn read_format(global: &mut Object, warnings: &mut Vec<String>) -> Result<SampleFormat, Error> {
    let Some(name) = global.take::<String>("core:datatype")? else {
        let problem = "does not state core:datatype, the format of the samples; correct or replace it";
        return Err(Error::malformed(global.path, problem));
    };
    match name.parse::<SampleFormat>() {
        Ok(format) => {
            if format.to_string() != name {
                warnings.push(format!("its core:datatype '{name}' is no SigMF name; it is read as {format}"));
            }
            Ok(format)
        }
        Err(_) if name.starts_with('r') => Err(Error::unsupported(
            global.path,
            format!(
                "its core:datatype '{name}' means real samples, which are not read yet; convert them to complex ones"
            ),
        )),
        Err(error) => Err(Error::malformed(global.path, format!("core:datatype: {error}"))),
    }
}

fn refuse_what_is_not_read(global: &mut Object) -> Result<(), Error> {
    let path = global.path;
    if let Some(num_channels) = global.take_count("core:num_channels")?.filter(|&num_channels| num_channels != 1) {
        let problem = format!("states {num_channels} channels; only one is read yet: write each to its own recording");
        return Err(Error::unsupported(path, problem));
    }
    if let Some(dataset) = global.take::<String>("core:dataset")? {
        let problem = format!(
            "keeps its samples in '{dataset}', a non-conforming dataset, which is not read yet; name that file"
        );
        return Err(Error::unsupported(path, problem));
    }
    if global.take("core:metadata_only")? == Some(true) {
        return Err(Error::unsupported(
            path,
            "is metadata only (core:metadata_only), without samples; nothing can be read",
        ));
    }
    Ok(())
}

fn read_annotations(path: &Path, values: Vec<Value>, offset: u64, warnings: &mut Vec<String>) -> Vec<Annotation> {
    let num_annotations = values.len();
    let mut annotations = Vec::with_capacity(num_annotations);
    let mut first_error = None;
    for value in values {
        match Object::new(path, "annotations", value).and_then(|object| parse_annotation(object, offset)) {
            Ok(annotation) => annotations.push(annotation),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    if let Some(error) = first_error {
        let num_left_out = num_annotations - annotations.len();
        warnings.push(format!("{num_left_out} of {num_annotations} annotations are left out; the first: {error}"));
    }
    annotations
}

fn parse_annotation(mut object: Object, offset: u64) -> Result<Annotation, Error> {
    Ok(Annotation {
        sample_start: object.take_start(offset)?,
        sample_count: object.take_count("core:sample_count")?,
        freq_lower_edge_hz: object.take("core:freq_lower_edge")?,
        freq_upper_edge_hz: object.take("core:freq_upper_edge")?,
        label: object.take("core:label")?,
        comment: object.take("core:comment")?,
        extra: object.fields,
    })
}

/// A run of samples taken with the same settings: an entry of `captures`.
#[derive(Clone, Debug, Default)]
struct Segment {
    sample_start: u64,
    frequency_hz: Option<f64>,
    datetime: Option<String>,
    header_bytes: u64,
}

impl Segment {
    fn parse(mut object: Object, offset: u64) -> Result<Self, Error> {
        let frequency_hz = object.take("core:frequency")?;
        check_center_frequency(object.path, frequency_hz, "core:frequency")?;
        Ok(Self {
            sample_start: object.take_start(offset)?,
            frequency_hz,
            datetime: object.take("core:datetime")?,
            header_bytes: object.take_count("core:header_bytes")?.unwrap_or(0),
        })
    }

    fn refuse_unlike(&self, path: &Path, number: usize, first: &Self) -> Result<(), Error> {
        let name =
            |frequency_hz: Option<f64>| frequency_hz.map_or("an unknown frequency".to_owned(), |f| format!("{f} Hz"));
        if self.frequency_hz != first.frequency_hz {
            return Err(Error::unsupported(
                path,
                format!(
                    "its segment {number} is at {} and its first at {}; several frequencies in one recording are not \
                     read yet: write each to its own",
                    name(self.frequency_hz),
                    name(first.frequency_hz)
                ),
            ));
        }
        if self.header_bytes > 0 {
            let problem =
                format!("its segment {number} has header bytes amid the samples, which is not read yet; convert it");
            return Err(Error::unsupported(path, problem));
        }
        Ok(())
    }
}

/// A JSON object whose fields are taken out one by one, by errors that name them. What is left is what is not known.
struct Object<'a> {
    path: &'a Path,
    name: &'static str,
    fields: Map<String, Value>,
}

impl<'a> Object<'a> {
    fn new(path: &'a Path, name: &'static str, value: Value) -> Result<Self, Error> {
        match value {
            Value::Object(fields) => Ok(Self { path, name, fields }),
            other => {
                let problem =
                    format!("holds {} where SigMF has an object ({name}); correct or replace it", kind(&other));
                Err(Error::malformed(path, problem))
            }
        }
    }

    /// Takes out the field of that name; null means that it is not known.
    fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, Error> {
        let value = self.fields.remove(key).unwrap_or(Value::Null);
        serde_json::from_value(value).map_err(|error| {
            Error::malformed(self.path, format!("{key} in {} is wrong: {error}; correct it", self.name))
        })
    }

    /// Takes out a field that counts something. Some programs write counts with a decimal point.
    fn take_count(&mut self, key: &str) -> Result<Option<u64>, Error> {
        const EXACT: f64 = (1u64 << f64::MANTISSA_DIGITS) as f64;
        match self.fields.get(key).and_then(Value::as_f64) {
            Some(count) if count.fract() == 0.0 && (0.0..EXACT).contains(&count) => {
                self.fields.remove(key);
                Ok(Some(count as u64))
            }
            _ => self.take(key),
        }
    }

    /// Takes out `core:sample_start`, as an index into the data, whose first sample has the index `offset`.
    fn take_start(&mut self, offset: u64) -> Result<u64, Error> {
        let fail = |path, name, problem: String| {
            Error::malformed(path, format!("core:sample_start in {name} {problem}; correct it"))
        };
        let start =
            self.take_count("core:sample_start")?.ok_or_else(|| fail(self.path, self.name, "is missing".to_owned()))?;
        start
            .checked_sub(offset)
            .ok_or_else(|| fail(self.path, self.name, format!("is {start}, before core:offset, {offset}")))
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
