//! Writes HDF5: one dataset `iq` of complex numbers (`r`, `i`, as h5py has them), chunked and not compressed, with
//! attributes by the names of Rec. ITU-R SM.2117-0 and by the plain ones.
//!
//! | attribute of `/iq` | unit |
//! | --- | --- |
//! | `sample_rate`, `Sampling frequency (Hz)` | samples a second |
//! | `center_frequency`, `RF carrier frequency (Hz)` | hertz; left out, and 0, where it is not known |
//! | `datatype` | the encoding, in SigMF's words; integers are fractions of full scale |
//! | `datetime` | ISO 8601, of the first sample |
//! | `description`, `recorder` | text |

use std::path::{Path, PathBuf};

use hdf5::{
    Dataset, Datatype,
    types::{CompoundField, CompoundType, FloatSize, IntSize, TypeDescriptor, VarLenUnicode},
};

use super::{NATIVE, samples::write_elements};
use crate::{
    Error, Recording, SampleFormat,
    sigmf_writer::{part_of, rename},
};

/// The samples of a chunk.
const CHUNK_SAMPLES: usize = 1 << 16;

/// An HDF5 file that is being written.
#[derive(Debug)]
pub(crate) struct H5Sink {
    path: PathBuf,
    part_path: PathBuf,
    file: hdf5::File,
    dataset: Dataset,
    memory_type: Datatype,
    /// Samples that wait for a whole chunk.
    waiting: Vec<u8>,
    num_samples: u64,
}

impl H5Sink {
    /// Begins a file at `path`.
    pub(crate) fn create(path: &Path, recording: &Recording) -> Result<Self, Error> {
        let descriptor = descriptor(recording.format).ok_or_else(|| {
            let problem = format!(
                "{} is not written to HDF5; give --to one of ci8, cu8, ci16, cu16, ci32, cu32, cf32, cf64",
                recording.format
            );
            Error::unsupported(path, problem)
        })?;
        let part_path = part_of(path);
        let failed = |cause: hdf5::Error| failed(&part_path, &cause);
        // The library would not say why it cannot.
        std::fs::File::create(&part_path).map_err(|cause| Error::io(&part_path, "cannot be created", cause))?;
        let file = hdf5::File::create(&part_path).map_err(failed)?;
        let memory_type = Datatype::from_descriptor(&descriptor).map_err(failed)?;
        let dataset = file
            .new_dataset_builder()
            .chunk((CHUNK_SAMPLES,))
            .empty_as(&descriptor)
            .shape(0..)
            .create("iq")
            .map_err(failed)?;
        describe(&dataset, recording).map_err(failed)?;
        Ok(Self { path: path.to_owned(), part_path, file, dataset, memory_type, waiting: Vec::new(), num_samples: 0 })
    }

    /// Where it is written before it has its name.
    pub(crate) fn part_path(&self) -> &Path {
        &self.part_path
    }

    /// Appends encoded samples.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.waiting.extend_from_slice(bytes);
        let chunk_bytes = CHUNK_SAMPLES * self.memory_type.size();
        let whole = self.waiting.len() / chunk_bytes * chunk_bytes;
        self.append(whole)
    }

    /// Writes the first bytes of those that wait.
    fn append(&mut self, num_bytes: usize) -> Result<(), Error> {
        let num_samples = (num_bytes / self.memory_type.size()) as u64;
        if num_samples == 0 {
            return Ok(());
        }
        let end = self.num_samples + num_samples;
        self.dataset
            .resize((end as usize,))
            .and_then(|()| {
                write_elements(&self.dataset, &self.memory_type, self.num_samples, &self.waiting[..num_bytes])
            })
            .map_err(|cause| failed(&self.part_path, &cause))?;
        self.num_samples = end;
        self.waiting.drain(..num_bytes);
        Ok(())
    }

    /// Brings the file to its name.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.append(self.waiting.len())?;
        let Self { path, part_path, file, dataset, .. } = self;
        drop(dataset);
        file.flush().and_then(|()| file.close()).map_err(|cause| failed(&part_path, &cause))?;
        rename(&part_path, &path)
    }
}

fn failed(path: &Path, cause: &hdf5::Error) -> Error {
    let said: String = cause.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    Error::malformed(path, format!("cannot be written ({said}); make room or choose another disk"))
}

/// A complex number of such components; only those in the order of this machine.
fn descriptor(format: SampleFormat) -> Option<TypeDescriptor> {
    let ty = match format {
        SampleFormat::Ci8 => TypeDescriptor::Integer(IntSize::U1),
        SampleFormat::Cu8 => TypeDescriptor::Unsigned(IntSize::U1),
        SampleFormat::Ci16(order) if order == NATIVE => TypeDescriptor::Integer(IntSize::U2),
        SampleFormat::Cu16(order) if order == NATIVE => TypeDescriptor::Unsigned(IntSize::U2),
        SampleFormat::Ci32(order) if order == NATIVE => TypeDescriptor::Integer(IntSize::U4),
        SampleFormat::Cu32(order) if order == NATIVE => TypeDescriptor::Unsigned(IntSize::U4),
        SampleFormat::Cf32(order) if order == NATIVE => TypeDescriptor::Float(FloatSize::U4),
        SampleFormat::Cf64(order) if order == NATIVE => TypeDescriptor::Float(FloatSize::U8),
        _ => return None,
    };
    let width = ty.size();
    let fields = vec![CompoundField::new("r", ty.clone(), 0, 0), CompoundField::new("i", ty, width, 1)];
    Some(TypeDescriptor::Compound(CompoundType { fields, size: 2 * width }))
}

fn describe(dataset: &Dataset, recording: &Recording) -> hdf5::Result<()> {
    let number = |name: &str, value: f64| dataset.new_attr::<f64>().create(name)?.write_scalar(&value);
    let text = |name: &str, value: &str| {
        // What holds a zero is no text of HDF5.
        let value: VarLenUnicode = value.replace('\0', " ").parse().map_err(|_| "a text cannot be written")?;
        dataset.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&value)
    };
    number("sample_rate", recording.sample_rate_hz)?;
    number("Sampling frequency (Hz)", recording.sample_rate_hz)?;
    if let Some(center_hz) = recording.center_frequency_hz {
        number("center_frequency", center_hz)?;
    }
    number("RF carrier frequency (Hz)", recording.center_frequency_hz.unwrap_or(0.0))?;
    number("Data set scaling factor", 1.0)?;
    text("ITU-R data set class", "I/Q")?;
    text("Data set unit", "")?;
    text("datatype", &recording.format.to_string())?;
    text("recorder", concat!("cellsweep ", env!("CARGO_PKG_VERSION")))?;
    if let Some(datetime) = &recording.datetime {
        text("datetime", datetime)?;
    }
    if !recording.description.is_empty() {
        text("description", &recording.description)?;
    }
    Ok(())
}
