//! A run of samples inside a file, read through one buffer of fixed size.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use num_complex::Complex32;

use crate::{Error, SampleFormat};

/// The bytes read at once; a whole number of samples of every format.
const BUFFER_BYTES: usize = 1 << 18;

/// Opens a file and tells its size in bytes.
///
/// # Errors
///
/// If it is not there, may not be read, or is something else than a regular file.
pub(crate) fn open_regular(path: &Path, advice_if_missing: &str) -> Result<(File, u64), Error> {
    let fail = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound => Error::Missing { path: path.to_owned(), advice: advice_if_missing.to_owned() },
        _ => Error::io(path, "cannot be opened", cause),
    };
    // Looked at before it is opened, because opening a pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(fail)?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "a directory" } else { "a device or pipe" };
        return Err(Error::malformed(path, format!("is {kind}, not a capture; name a file")));
    }
    Ok((File::open(path).map_err(fail)?, metadata.len()))
}

/// A seekable stream of the samples between a file's header and its trailer.
#[derive(Debug)]
pub(crate) struct SampleFile {
    path: PathBuf,
    file: File,
    format: SampleFormat,
    header_bytes: u64,
    num_samples: u64,
    position: u64,
    buffer: Box<[u8]>,
}

impl SampleFile {
    /// Takes the samples of `file`, of which `header_bytes` at its start and `trailing_bytes` at its end are none.
    /// Also returns the number of bytes left over after the last whole sample.
    ///
    /// # Errors
    ///
    /// If there is not one whole sample, or the file cannot be positioned.
    pub(crate) fn new(
        path: &Path,
        (file, num_bytes): (File, u64),
        format: SampleFormat,
        header_bytes: u64,
        trailing_bytes: u64,
    ) -> Result<(Self, u64), Error> {
        let bytes_per_sample = format.bytes_per_sample() as u64;
        let around = header_bytes.saturating_add(trailing_bytes);
        let data_bytes = num_bytes.saturating_sub(around);
        if data_bytes < bytes_per_sample {
            let content = match (num_bytes, around) {
                (0, _) => "is empty".to_owned(),
                (_, 0) => format!("holds {num_bytes} bytes"),
                _ => format!("holds {num_bytes} bytes, of which {around} are stated to be header and trailer"),
            };
            let problem = format!("{content}; one sample of {format} takes {bytes_per_sample}: record it again");
            return Err(Error::malformed(path, problem));
        }
        let mut samples = Self {
            path: path.to_owned(),
            file,
            format,
            header_bytes,
            num_samples: data_bytes / bytes_per_sample,
            position: 0,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
        };
        samples.seek(0)?;
        Ok((samples, data_bytes % bytes_per_sample))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn num_samples(&self) -> u64 {
        self.num_samples
    }

    /// Fills `out` from where the last read ended, with less only at the end of the samples.
    pub(crate) fn read(&mut self, out: &mut [Complex32]) -> Result<usize, Error> {
        let left = usize::try_from(self.num_samples - self.position).unwrap_or(usize::MAX);
        let num_wanted = out.len().min(left);
        let bytes_per_sample = self.format.bytes_per_sample();
        for samples in out[..num_wanted].chunks_mut(BUFFER_BYTES / bytes_per_sample) {
            let bytes = &mut self.buffer[..samples.len() * bytes_per_sample];
            self.file.read_exact(bytes).map_err(|cause| match cause.kind() {
                io::ErrorKind::UnexpectedEof => Error::malformed(
                    &self.path,
                    format!("was cut short while it was read, after sample {}; open it again", self.position),
                ),
                _ => Error::io(&self.path, "cannot be read", cause),
            })?;
            self.format.decode(bytes, samples);
            self.position += samples.len() as u64;
        }
        Ok(num_wanted)
    }

    /// Makes `sample` the next to be read.
    pub(crate) fn seek(&mut self, sample: u64) -> Result<(), Error> {
        if sample > self.num_samples {
            return Err(Error::BeyondEnd { path: self.path.clone(), sample, samples: self.num_samples });
        }
        let byte = self.header_bytes + sample * self.format.bytes_per_sample() as u64;
        self.file.seek(SeekFrom::Start(byte)).map_err(|cause| Error::io(&self.path, "cannot be read", cause))?;
        self.position = sample;
        Ok(())
    }
}
