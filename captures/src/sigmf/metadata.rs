//! What a recording's metadata say: JSON, read field by field, by errors that name the field.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Annotation;
use crate::{
    Error, SampleFormat,
    capture::{check_center_frequency, check_sample_rate},
};

/// The channels that are believed.
const MAX_CHANNELS: u64 = 1024;

/// What the metadata says, with sample indices counted from the first sample in the data.
#[derive(Debug)]
pub(super) struct Metadata {
    pub format: SampleFormat,
    pub sample_rate_hz: Option<f64>,
    pub description: Option<String>,
    pub recorder: Option<String>,
    pub num_channels: usize,
    /// The name of a non-conforming dataset.
    pub dataset: Option<String>,
    pub sha512: Option<String>,
    pub trailing_bytes: u64,
    /// In order of their start; never empty.
    pub segments: Vec<Segment>,
    pub annotations: Vec<Annotation>,
    pub warnings: Vec<String>,
}

impl Metadata {
    /// Reads the content of the file at `path`.
    pub(super) fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, Error> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let position = error.utf8_error().valid_up_to();
            Error::malformed(
                path,
                format!("is not UTF-8 at byte {position}, but SigMF metadata are; correct or replace it"),
            )
        })?;
        Self::parse_text(path, text.strip_prefix('\u{feff}').unwrap_or(&text))
    }

    fn parse_text(path: &Path, text: &str) -> Result<Self, Error> {
        let not_sigmf = |problem: String| Error::malformed(path, format!("{problem}; correct or replace it"));
        let root: Value = serde_json::from_str(text).map_err(|error| not_sigmf(format!("is not JSON: {error}")))?;
        let mut root = Object::new(path, "the metadata", root)?;
        let global = root.take("global")?.ok_or_else(|| not_sigmf("has no object 'global'".to_owned()))?;
        let mut global = Object::new(path, "global", global)?;
        let segments: Vec<Value> = root.take("captures")?.unwrap_or_default();
        let annotations: Vec<Value> = root.take("annotations")?.unwrap_or_default();
        let mut warnings = Vec::new();

        let format = read_format(&mut global, &mut warnings)?;
        if global.take("core:metadata_only")? == Some(true) {
            return Err(Error::unsupported(
                path,
                "is metadata only (core:metadata_only), without samples; nothing can be read",
            ));
        }
        let num_channels = global.take_count("core:num_channels")?.unwrap_or(1);
        if !(1..=MAX_CHANNELS).contains(&num_channels) {
            let problem = format!("states {num_channels} channels; from 1 to {MAX_CHANNELS} are read: correct it");
            return Err(Error::malformed(path, problem));
        }
        let offset = global.take_count("core:offset")?.unwrap_or(0);
        let mut segments = segments
            .into_iter()
            .map(|segment| Segment::parse(Object::new(path, "captures", segment)?, offset))
            .collect::<Result<Vec<_>, Error>>()?;
        if !segments.is_sorted_by_key(|segment| segment.sample_start) {
            warnings.push("its captures are not in order of core:sample_start, as they should be".to_owned());
            segments.sort_by_key(|segment| segment.sample_start);
        }
        if segments.is_empty() {
            segments.push(Segment::default());
        }
        let sample_rate_hz = global.take("core:sample_rate")?;
        check_sample_rate(path, sample_rate_hz, "core:sample_rate")?;
        Ok(Self {
            format,
            sample_rate_hz,
            description: global.take("core:description")?,
            recorder: global.take("core:recorder")?,
            num_channels: num_channels as usize,
            dataset: global.take("core:dataset")?,
            sha512: global.take("core:sha512")?,
            trailing_bytes: global.take_count("core:trailing_bytes")?.unwrap_or(0),
            segments,
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
pub(super) struct Segment {
    pub sample_start: u64,
    pub frequency_hz: Option<f64>,
    pub datetime: Option<String>,
    /// Index of its first sample in the stream that the recorder saw.
    pub global_index: Option<u64>,
    pub header_bytes: u64,
}

impl Segment {
    fn parse(mut object: Object, offset: u64) -> Result<Self, Error> {
        let frequency_hz = object.take("core:frequency")?;
        check_center_frequency(object.path, frequency_hz, "core:frequency")?;
        Ok(Self {
            sample_start: object.take_start(offset)?,
            frequency_hz,
            datetime: object.take("core:datetime")?,
            global_index: object.take_count("core:global_index")?,
            header_bytes: object.take_count("core:header_bytes")?.unwrap_or(0),
        })
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
