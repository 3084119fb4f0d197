//! The samples of one channel inside a file, read through one buffer of fixed size.
//!
//! In: a [`Layout`], which says where in the file the channel's samples stand. Out: samples, or their bytes as they
//! are encoded. Positions count the samples of the layout one after another.

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

/// A file, of which only some bytes may concern: a member of an archive, or all of it.
#[derive(Debug)]
pub(crate) struct Extent {
    /// Its name in messages.
    pub path: PathBuf,
    /// The open file.
    pub file: File,
    /// The first byte that concerns.
    pub start: u64,
    /// The number of bytes that concern.
    pub num_bytes: u64,
}

impl Extent {
    /// A whole file.
    pub(crate) fn whole(path: &Path, (file, num_bytes): (File, u64)) -> Self {
        Self { path: path.to_owned(), file, start: 0, num_bytes }
    }

    /// All of its bytes, which `limit` bounds.
    pub(crate) fn read_all(&mut self, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.file
            .seek(SeekFrom::Start(self.start))
            .and_then(|_| (&self.file).take(self.num_bytes.min(limit)).read_to_end(&mut bytes))
            .map_err(|cause| Error::io(&self.path, "cannot be read", cause))?;
        Ok(bytes)
    }

    /// Calls `each` with its bytes, block by block.
    pub(crate) fn scan(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), Error> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut left = self.num_bytes;
        let mut read = || -> io::Result<()> {
            self.file.seek(SeekFrom::Start(self.start))?;
            while left > 0 {
                let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                match self.file.read(&mut buffer[..wanted])? {
                    0 => return Ok(()),
                    num_bytes => each(&buffer[..num_bytes]),
                }
                left = left.saturating_sub(wanted as u64);
            }
            Ok(())
        };
        read().map_err(|cause| Error::io(&self.path, "cannot be read", cause))
    }
}

/// Samples that follow one another in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    /// Where its first byte stands in the file.
    pub byte: u64,
    /// The number of its samples.
    pub num_samples: u64,
}

/// Where the samples of a channel stand in a file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The encoding of a sample.
    pub format: SampleFormat,
    /// The channels, a sample of each in turn.
    pub num_channels: usize,
    /// The channel that is read, from 0.
    pub channel: usize,
    /// The samples, in their order.
    pub runs: Vec<Run>,
}

impl Layout {
    /// The bytes from one sample of a channel to its next.
    fn frame_bytes(&self) -> usize {
        self.format.bytes_per_sample() * self.num_channels
    }
}

/// A seekable stream of samples.
#[derive(Debug)]
pub(crate) struct SampleFile {
    path: PathBuf,
    file: File,
    layout: Layout,
    num_samples: u64,
    position: u64,
    /// The run that the position is in, and the position within.
    run: (usize, u64),
    buffer: Box<[u8]>,
}

impl SampleFile {
    /// Takes the samples that stand in `file` as `layout` says, all of them within it.
    ///
    /// # Errors
    ///
    /// If the file cannot be positioned.
    pub(crate) fn new(path: &Path, file: File, layout: Layout) -> Result<Self, Error> {
        let frame_bytes = layout.frame_bytes();
        let mut samples = Self {
            path: path.to_owned(),
            file,
            num_samples: layout.runs.iter().map(|run| run.num_samples).sum(),
            layout,
            position: 0,
            run: (0, 0),
            buffer: vec![0; BUFFER_BYTES / frame_bytes * frame_bytes].into_boxed_slice(),
        };
        samples.seek(0)?;
        Ok(samples)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fills `out` from where the last read ended, with less only at the end of the samples.
    pub(crate) fn read(&mut self, out: &mut [Complex32]) -> Result<usize, Error> {
        let format = self.layout.format;
        let mut filled = 0;
        self.read_blocks(out.len(), |bytes| {
            let num_samples = bytes.len() / format.bytes_per_sample();
            format.decode(bytes, &mut out[filled..filled + num_samples]);
            filled += num_samples;
        })
    }

    /// Fills `out`, a whole number of samples long, with their bytes; returns the number of samples.
    pub(crate) fn read_encoded(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        self.read_blocks(out.len() / self.layout.format.bytes_per_sample(), |bytes| {
            out[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        })
    }

    /// Calls `take` with the bytes of the next samples of the channel, block by block, `num_wanted` samples in all.
    fn read_blocks(&mut self, num_wanted: usize, mut take: impl FnMut(&[u8])) -> Result<usize, Error> {
        let (frame_bytes, sample_bytes) = (self.layout.frame_bytes(), self.layout.format.bytes_per_sample());
        let mut num_read = 0;
        while num_read < num_wanted && self.position < self.num_samples {
            let (index, within) = self.run;
            let left = self.layout.runs[index].num_samples - within;
            if left == 0 {
                self.enter(index + 1, 0)?;
                continue;
            }
            let most = (self.buffer.len() / frame_bytes).min(num_wanted - num_read);
            let num_frames = most.min(usize::try_from(left).unwrap_or(usize::MAX));
            let bytes = &mut self.buffer[..num_frames * frame_bytes];
            self.file.read_exact(bytes).map_err(|cause| match cause.kind() {
                io::ErrorKind::UnexpectedEof => Error::malformed(
                    &self.path,
                    format!("was cut short while it was read, after sample {}; open it again", self.position),
                ),
                _ => Error::io(&self.path, "cannot be read", cause),
            })?;
            if self.layout.num_channels > 1 {
                for frame in 0..num_frames {
                    let from = frame * frame_bytes + self.layout.channel * sample_bytes;
                    bytes.copy_within(from..from + sample_bytes, frame * sample_bytes);
                }
            }
            take(&bytes[..num_frames * sample_bytes]);
            num_read += num_frames;
            self.position += num_frames as u64;
            self.run.1 += num_frames as u64;
        }
        Ok(num_read)
    }

    /// Makes `sample` the next to be read.
    pub(crate) fn seek(&mut self, sample: u64) -> Result<(), Error> {
        if sample > self.num_samples {
            return Err(Error::BeyondEnd { path: self.path.clone(), sample, samples: self.num_samples });
        }
        let mut within = sample;
        let mut index = 0;
        while let Some(run) = self.layout.runs.get(index).filter(|run| run.num_samples < within) {
            within -= run.num_samples;
            index += 1;
        }
        self.enter(index, within)?;
        self.position = sample;
        Ok(())
    }

    fn enter(&mut self, index: usize, within: u64) -> Result<(), Error> {
        let run_start = self.layout.runs.get(index).map_or(0, |run| run.byte);
        let byte = run_start + within * self.layout.frame_bytes() as u64;
        self.file.seek(SeekFrom::Start(byte)).map_err(|cause| Error::io(&self.path, "cannot be read", cause))?;
        self.run = (index, within);
        Ok(())
    }
}

/// The error that there is not one whole sample among `num_bytes`, of which `around` are header and trailer.
pub(crate) fn no_samples(path: &Path, num_bytes: u64, around: u64, format: SampleFormat) -> Error {
    let content = match (num_bytes, around) {
        (0, _) => "is empty".to_owned(),
        (_, 0) => format!("holds {num_bytes} bytes"),
        _ => format!("holds {num_bytes} bytes, of which {around} are stated to be header and trailer"),
    };
    let sample_bytes = format.bytes_per_sample();
    Error::malformed(path, format!("{content}; one sample of {format} takes {sample_bytes}: record it again"))
}
