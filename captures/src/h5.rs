//! HDF5 files of IQ.
//!
//! Reads one-dimensional datasets (or of one row or column) of pairs: compounds of `r, i` (h5py's complex numbers),
//! `real, imag` (MATLAB), `Real, Imag`, `re, im` or `I, Q`; compounds of such pairs, each a channel (Rec. ITU-R
//! SM.2117-0); and two-dimensional arrays of N x 2 or 2 x N numbers. Numbers are integers of 8, 16 or 32 bits or floats
//! of 32 or 64, in either order of bytes, contiguous or chunked and compressed. Rate and centre are looked for
//! (`attributes`) at the dataset and the groups above it. Several datasets are several parts of the recording.
//!
//! Only what the file itself holds is read: external and soft links, external storage and virtual datasets are not
//! followed.
//!
//! Reference: Rec. ITU-R SM.2117-0 (2018); h5py, "Special types"; MATLAB's `-v7.3` files.

mod attributes;
mod samples;
mod sink;

use std::path::Path;

use hdf5::{
    Dataset, Datatype, Group, LinkType,
    dataset::Layout,
    types::{CompoundField, CompoundType, FloatSize, IntSize, TypeDescriptor},
};

pub(crate) use self::{samples::H5Samples, sink::H5Sink};
use crate::{
    Capture, CaptureInfo, Endian, Error, OpenOptions, SampleFormat,
    capture::{Stretch, agreed, check_center_frequency, check_sample_rate, pick_channel},
    error::{CENTER_FREQUENCY, FORMAT, SAMPLE_RATE},
    sample_file::open_regular,
};

/// The groups and datasets that are looked at.
const MAX_OBJECTS: usize = 1000;
/// The groups within one another that are looked into.
const MAX_DEPTH: usize = 8;
/// The largest chunk that is unpacked.
const MAX_CHUNK_BYTES: u64 = 64 << 20;

/// The order of bytes in memory, to which HDF5 converts.
const NATIVE: Endian = if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little };

/// The names that the two parts of a sample have, in lower case.
const PAIRS: [(&str, &str); 5] = [("r", "i"), ("real", "imag"), ("re", "im"), ("i", "q"), ("inphase", "quadrature")];

/// A dataset that holds IQ.
struct Candidate {
    /// Its path within the file.
    name: String,
    dataset: Dataset,
    /// The groups around it, the innermost first.
    groups: Vec<Group>,
    format: SampleFormat,
    /// What each channel is to be read as.
    channels: Vec<TypeDescriptor>,
    arrangement: Arrangement,
    num_samples: u64,
}

/// How samples lie in a dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arrangement {
    /// An element is a sample; the axis along which they follow.
    Pairs { axis: usize },
    /// A row of two is a sample.
    Columns,
    /// The first row is I, the second Q.
    Rows,
}

/// Opens an HDF5 file.
pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Capture, Error> {
    let (_, file_bytes) = open_regular(path, "check the path")?;
    let failed = |cause: hdf5::Error| broken(path, &cause);
    if file_bytes == 0 {
        return Err(Error::malformed(path, "is empty; record it again"));
    }
    let file = hdf5::File::open(path).map_err(failed)?;
    let root = file.as_group().map_err(failed)?;
    let mut candidates = Vec::new();
    let mut num_objects = 0;
    look_into(path, &root, &mut vec![root.clone()], &mut candidates, &mut num_objects)?;
    // Where there are complex numbers, arrays with two columns are something else.
    if candidates.iter().any(|candidate| matches!(candidate.arrangement, Arrangement::Pairs { .. })) {
        candidates.retain(|candidate| matches!(candidate.arrangement, Arrangement::Pairs { .. }));
    }
    let num_parts = candidates.len();
    if num_parts == 0 {
        return Err(Error::unsupported(
            path,
            "holds no dataset of IQ: none of complex numbers (compounds of r and i, real and imag, I and Q) nor with two \
             columns of numbers; convert it",
        ));
    }
    let part = options.part.unwrap_or(0);
    if part >= num_parts {
        let problem = format!("holds {num_parts} datasets of IQ, counted from 0; there is no {part}");
        return Err(Error::malformed(path, problem));
    }
    let candidate = candidates.swap_remove(part);
    assemble(path, candidate, (part, num_parts), options)
}

/// An error of the library, on one line.
fn broken(path: &Path, cause: &hdf5::Error) -> Error {
    let said: String = cause.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    Error::malformed(path, format!("cannot be read as HDF5 ({said}); fetch or record it again"))
}

/// Gathers the datasets of IQ in a group and those within.
fn look_into(
    path: &Path,
    group: &Group,
    above: &mut Vec<Group>,
    candidates: &mut Vec<Candidate>,
    num_objects: &mut usize,
) -> Result<(), Error> {
    let failed = |cause: hdf5::Error| broken(path, &cause);
    let mut names = Vec::new();
    let visited = group.iter_visit_default(|name, info| {
        // A link that leads elsewhere is none of the file's own.
        if info.link_type == LinkType::Hard && names.len() <= MAX_OBJECTS {
            names.push(name.to_owned());
        }
        Ok(())
    });
    visited.map_err(failed)?;
    for name in names {
        *num_objects += 1;
        if *num_objects > MAX_OBJECTS {
            let problem = format!("holds more than {MAX_OBJECTS} objects; take the recording out of it: h5copy");
            return Err(Error::malformed(path, problem));
        }
        if let Ok(inner) = group.group(&name) {
            if above.len() < MAX_DEPTH {
                above.push(inner.clone());
                look_into(path, &inner, above, candidates, num_objects)?;
                above.pop();
            }
        } else if let Ok(dataset) = group.dataset(&name) {
            let groups = above.iter().rev().cloned().collect();
            candidates.extend(candidate(path, &name, dataset, groups)?);
        }
    }
    Ok(())
}

/// The dataset as IQ, if it is.
fn candidate(path: &Path, name: &str, dataset: Dataset, groups: Vec<Group>) -> Result<Option<Candidate>, Error> {
    // A type that is not known is no IQ.
    let Ok(descriptor) = dataset.dtype().and_then(|dtype| dtype.to_descriptor()) else { return Ok(None) };
    let shape = dataset.shape();
    let long = |axis: usize| shape.iter().enumerate().all(|(other, length)| other == axis || *length == 1);
    let (format, channels, arrangement, num_samples) = match (&descriptor, shape.as_slice()) {
        (TypeDescriptor::Compound(compound), [_] | [_, _]) => {
            let Some((format, channels)) = channels(compound) else { return Ok(None) };
            let axis = (0..shape.len()).rev().find(|axis| long(*axis));
            let Some(axis) = axis else { return Ok(None) };
            (format, channels, Arrangement::Pairs { axis }, shape[axis])
        }
        (scalar, [length, 2]) => match number(scalar) {
            Some(format) => (format, vec![scalar.clone()], Arrangement::Columns, *length),
            None => return Ok(None),
        },
        (scalar, [2, length]) => match number(scalar) {
            Some(format) => (format, vec![scalar.clone()], Arrangement::Rows, *length),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    refuse_what_lies_elsewhere(path, name, &dataset)?;
    Ok(Some(Candidate {
        name: name.to_owned(),
        dataset,
        groups,
        format,
        channels,
        arrangement,
        num_samples: num_samples as u64,
    }))
}

/// Refuses data outside of the file, and chunks that take more memory than they may.
fn refuse_what_lies_elsewhere(path: &Path, name: &str, dataset: &Dataset) -> Result<(), Error> {
    let plist = dataset.create_plist().map_err(|cause| broken(path, &cause))?;
    let is_elsewhere = !plist.get_external().map_err(|cause| broken(path, &cause))?.is_empty()
        || !matches!(plist.layout(), Layout::Compact | Layout::Contiguous | Layout::Chunked);
    if is_elsewhere {
        let problem =
            format!("the samples of its dataset {name} lie in other files, which are not followed; repack it");
        return Err(Error::unsupported(path, problem));
    }
    let element = dataset.dtype().map_err(|cause| broken(path, &cause))?.size() as u64;
    let chunk = dataset.chunk().unwrap_or_default();
    let chunk_bytes = chunk.iter().fold(element, |bytes, length| bytes.saturating_mul(*length as u64));
    if chunk_bytes > MAX_CHUNK_BYTES {
        let problem = format!(
            "its dataset {name} has chunks of {chunk_bytes} bytes; at most {MAX_CHUNK_BYTES} are read at once: \
             h5repack -l CHUNK=65536"
        );
        return Err(Error::unsupported(path, problem));
    }
    Ok(())
}

/// The encoding of samples whose components are such numbers.
fn number(descriptor: &TypeDescriptor) -> Option<SampleFormat> {
    match descriptor {
        TypeDescriptor::Integer(IntSize::U1) => Some(SampleFormat::Ci8),
        TypeDescriptor::Integer(IntSize::U2) => Some(SampleFormat::Ci16(NATIVE)),
        TypeDescriptor::Integer(IntSize::U4) => Some(SampleFormat::Ci32(NATIVE)),
        TypeDescriptor::Unsigned(IntSize::U1) => Some(SampleFormat::Cu8),
        TypeDescriptor::Unsigned(IntSize::U2) => Some(SampleFormat::Cu16(NATIVE)),
        TypeDescriptor::Unsigned(IntSize::U4) => Some(SampleFormat::Cu32(NATIVE)),
        TypeDescriptor::Float(FloatSize::U4) => Some(SampleFormat::Cf32(NATIVE)),
        TypeDescriptor::Float(FloatSize::U8) => Some(SampleFormat::Cf64(NATIVE)),
        _ => None,
    }
}

/// The type of a pair of numbers under their names, without anything between them.
fn pair(compound: &CompoundType) -> Option<(SampleFormat, TypeDescriptor)> {
    let [first, second] = compound.fields.as_slice() else { return None };
    let names = (first.name.to_ascii_lowercase(), second.name.to_ascii_lowercase());
    let find = |(i, q): &(&str, &str)| match (&names.0 == i && &names.1 == q, &names.0 == q && &names.1 == i) {
        (true, _) => Some((first, second)),
        (_, true) => Some((second, first)),
        _ => None,
    };
    let (i, q) = PAIRS.iter().find_map(find)?;
    let format = number(&i.ty).filter(|_| i.ty == q.ty)?;
    let width = i.ty.size();
    let fields =
        vec![CompoundField::new(&i.name, i.ty.clone(), 0, 0), CompoundField::new(&q.name, q.ty.clone(), width, 1)];
    Some((format, TypeDescriptor::Compound(CompoundType { fields, size: 2 * width })))
}

/// The channels of a compound: itself a pair, or all its fields pairs of one format.
fn channels(compound: &CompoundType) -> Option<(SampleFormat, Vec<TypeDescriptor>)> {
    if let Some((format, alone)) = pair(compound) {
        return Some((format, vec![alone]));
    }
    let mut format = None;
    let mut channels = Vec::new();
    for field in &compound.fields {
        let TypeDescriptor::Compound(inner) = &field.ty else { return None };
        let (of_field, alone) = pair(inner)?;
        if *format.get_or_insert(of_field) != of_field {
            return None;
        }
        let size = alone.size();
        let fields = vec![CompoundField::new(&field.name, alone, 0, 0)];
        channels.push(TypeDescriptor::Compound(CompoundType { fields, size }));
    }
    Some((format?, channels))
}

/// Makes a capture of a dataset.
fn assemble(
    path: &Path,
    candidate: Candidate,
    (part, num_parts): (usize, usize),
    options: &OpenOptions,
) -> Result<Capture, Error> {
    let told = attributes::Told::by(&candidate.dataset, &candidate.groups);
    let mut warnings = told.warnings;
    let name = &candidate.name;
    if num_parts > 1 {
        warnings.push(format!("it holds {num_parts} datasets of IQ; this is {name}"));
    }
    if options.verify {
        warnings.push("HDF5 states no hash of its samples, so that nothing could be verified".to_owned());
    }
    let format = agreed(path, FORMAT, Some(candidate.format), options.format)?.unwrap_or(candidate.format);
    check_sample_rate(path, told.sample_rate_hz, "its sample rate")?;
    check_center_frequency(path, told.center_frequency_hz, "its centre frequency")?;
    let sample_rate_hz = agreed(path, SAMPLE_RATE, told.sample_rate_hz, options.sample_rate_hz)?.ok_or_else(|| {
        let problem = format!(
            "no attribute of its dataset {name} or above tells the sample rate (sample_rate, Sampling frequency (Hz), \
             …); give {}",
            SAMPLE_RATE.option
        );
        Error::malformed(path, problem)
    })?;
    let center_frequency_hz = agreed(path, CENTER_FREQUENCY, told.center_frequency_hz, options.center_frequency_hz)?;
    let num_channels = candidate.channels.len();
    let channel = pick_channel(path, num_channels, options)?;
    if candidate.num_samples == 0 {
        return Err(Error::malformed(path, format!("its dataset {name} holds no sample: record it again")));
    }
    let info = CaptureInfo {
        path: path.to_owned(),
        sample_rate_hz,
        center_frequency_hz,
        samples: candidate.num_samples,
        format,
        channel,
        num_channels,
        part,
        num_parts,
        stretches: vec![Stretch { sample: 0, time: 0, num_samples: candidate.num_samples }],
        description: told.description,
        recorder: told.recorder,
        datetime: told.datetime,
        annotations: Vec::new(),
        warnings,
        cut_short: false,
    };
    let memory_type = Datatype::from_descriptor(&candidate.channels[channel]).map_err(|cause| broken(path, &cause))?;
    let samples = H5Samples::new(path, candidate.dataset, memory_type, format, candidate.arrangement);
    Ok(Capture::new(info, samples.into()))
}
