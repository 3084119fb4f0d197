//! The samples of a dataset, read in blocks of whole chunks, so that each is unpacked once.

use std::path::{Path, PathBuf};

use hdf5::{Dataset, Dataspace, Datatype};
use hdf5_sys::{
    h5d::{H5Dread, H5Dwrite},
    h5p::H5P_DEFAULT,
    h5s::{H5S_seloper_t::H5S_SELECT_SET, H5Sselect_hyperslab},
};
use num_complex::Complex32;

use super::{Arrangement, broken};
use crate::{Error, SampleFormat};

/// The bytes read at once where chunks do not say better.
const BLOCK_BYTES: usize = 1 << 18;

/// A seekable stream of samples.
#[derive(Debug)]
pub(crate) struct H5Samples {
    path: PathBuf,
    dataset: Dataset,
    memory_type: Datatype,
    format: SampleFormat,
    arrangement: Arrangement,
    num_samples: u64,
    position: u64,
    /// The samples of one block; its length is a whole number of chunks.
    block_samples: u64,
    /// The block that the buffer holds, and the bytes of it.
    block: Option<(u64, usize)>,
    buffer: Vec<u8>,
    /// One row of an arrangement by rows.
    row: Vec<u8>,
}

impl H5Samples {
    pub(super) fn new(
        path: &Path,
        dataset: Dataset,
        memory_type: Datatype,
        format: SampleFormat,
        arrangement: Arrangement,
    ) -> Self {
        let axis = match arrangement {
            Arrangement::Pairs { axis } => axis,
            Arrangement::Columns => 0,
            Arrangement::Rows => 1,
        };
        let num_samples = dataset.shape().get(axis).map_or(0, |length| *length as u64);
        let chunk = dataset.chunk().and_then(|chunk| chunk.get(axis).copied()).unwrap_or(1).max(1) as u64;
        let block_samples = ((BLOCK_BYTES / format.bytes_per_sample()) as u64).next_multiple_of(chunk).min(num_samples);
        Self {
            path: path.to_owned(),
            dataset,
            memory_type,
            format,
            arrangement,
            num_samples,
            position: 0,
            block_samples: block_samples.max(1),
            block: None,
            buffer: Vec::new(),
            row: Vec::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn read(&mut self, out: &mut [Complex32]) -> Result<usize, Error> {
        let format = self.format;
        let mut filled = 0;
        self.read_blocks(out.len(), |bytes| {
            let num_samples = bytes.len() / format.bytes_per_sample();
            format.decode(bytes, &mut out[filled..filled + num_samples]);
            filled += num_samples;
        })
    }

    pub(crate) fn read_encoded(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        self.read_blocks(out.len() / self.format.bytes_per_sample(), |bytes| {
            out[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        })
    }

    pub(crate) fn seek(&mut self, sample: u64) -> Result<(), Error> {
        if sample > self.num_samples {
            return Err(Error::BeyondEnd { path: self.path.clone(), sample, samples: self.num_samples });
        }
        self.position = sample;
        Ok(())
    }

    fn read_blocks(&mut self, num_wanted: usize, mut take: impl FnMut(&[u8])) -> Result<usize, Error> {
        let sample_bytes = self.format.bytes_per_sample();
        let mut num_read = 0;
        while num_read < num_wanted && self.position < self.num_samples {
            let (block, within) = (self.position / self.block_samples, self.position % self.block_samples);
            let there = match self.block {
                Some((held, num_bytes)) if held == block => num_bytes,
                _ => self.load(block)?,
            };
            let from = within as usize * sample_bytes;
            let to = there.min(from + (num_wanted - num_read) * sample_bytes);
            take(&self.buffer[from..to]);
            let num_samples = (to - from) / sample_bytes;
            num_read += num_samples;
            self.position += num_samples as u64;
        }
        Ok(num_read)
    }

    /// Fills the buffer with a block; returns its length in bytes.
    fn load(&mut self, block: u64) -> Result<usize, Error> {
        self.block = None;
        let start = block * self.block_samples;
        let num_samples = self.block_samples.min(self.num_samples - start);
        let sample_bytes = self.format.bytes_per_sample();
        let num_bytes = num_samples as usize * sample_bytes;
        self.buffer.resize(num_bytes, 0);
        let read = match self.arrangement {
            Arrangement::Pairs { axis } => {
                let ndim = self.dataset.ndim();
                let (mut starts, mut counts) = (vec![0; ndim], vec![1; ndim]);
                (starts[axis], counts[axis]) = (start, num_samples);
                read_elements(&self.dataset, &self.memory_type, &starts, &counts, &mut self.buffer)
            }
            Arrangement::Columns => {
                read_elements(&self.dataset, &self.memory_type, &[start, 0], &[num_samples, 2], &mut self.buffer)
            }
            Arrangement::Rows => self.load_rows(start, num_samples, sample_bytes / 2),
        };
        read.map_err(|cause| broken(&self.path, &cause))?;
        self.block = Some((block, num_bytes));
        Ok(num_bytes)
    }

    /// Weaves a row of I and a row of Q into one another.
    fn load_rows(&mut self, start: u64, num_samples: u64, width: usize) -> hdf5::Result<()> {
        self.row.resize(num_samples as usize * width, 0);
        for component in 0..2 {
            read_elements(
                &self.dataset,
                &self.memory_type,
                &[component as u64, start],
                &[1, num_samples],
                &mut self.row,
            )?;
            let places = self.buffer.chunks_exact_mut(2 * width);
            for (place, code) in places.zip(self.row.chunks_exact(width)) {
                place[component * width..][..width].copy_from_slice(code);
            }
        }
        Ok(())
    }
}

/// Selects a box of a dataset's elements; the second space is as large, in one row.
fn select(dataset: &Dataset, starts: &[u64], counts: &[u64]) -> hdf5::Result<(Dataspace, Dataspace)> {
    let file_space = dataset.space()?;
    let num_elements: u64 = counts.iter().product();
    let memory_space = Dataspace::try_new((num_elements as usize,))?;
    if starts.len() != file_space.ndim() || counts.len() != file_space.ndim() {
        return Err("a selection has as many dimensions as its dataset".into());
    }
    #[expect(unsafe_code, reason = "the safe interface reads no type that is known only when the program runs")]
    // SAFETY: the space is open, and both lists have a number for each of its dimensions.
    let status = hdf5::sync::sync(|| unsafe {
        H5Sselect_hyperslab(
            file_space.id(),
            H5S_SELECT_SET,
            starts.as_ptr(),
            std::ptr::null(),
            counts.as_ptr(),
            std::ptr::null(),
        )
    });
    if status < 0 { Err("a selection lies outside of its dataset".into()) } else { Ok((file_space, memory_space)) }
}

/// Reads a box of elements, each as `memory_type`, into `out`, which has room for exactly these.
fn read_elements(
    dataset: &Dataset,
    memory_type: &Datatype,
    starts: &[u64],
    counts: &[u64],
    out: &mut [u8],
) -> hdf5::Result<()> {
    let (file_space, memory_space) = select(dataset, starts, counts)?;
    if memory_space.size() * memory_type.size() != out.len() {
        return Err("a buffer has another length than what is read into it".into());
    }
    #[expect(unsafe_code, reason = "the safe interface reads no type that is known only when the program runs")]
    // SAFETY: all handles are open, and `out` has room for the elements of the selection in the memory type, which
    // holds plain numbers only.
    let status = hdf5::sync::sync(|| unsafe {
        H5Dread(
            dataset.id(),
            memory_type.id(),
            memory_space.id(),
            file_space.id(),
            H5P_DEFAULT,
            out.as_mut_ptr().cast(),
        )
    });
    if status < 0 { Err("its samples cannot be unpacked".into()) } else { Ok(()) }
}

/// Writes elements, each of `memory_type`, into a one-dimensional dataset from `start` on.
pub(super) fn write_elements(dataset: &Dataset, memory_type: &Datatype, start: u64, bytes: &[u8]) -> hdf5::Result<()> {
    let num_elements = (bytes.len() / memory_type.size()) as u64;
    let (file_space, memory_space) = select(dataset, &[start], &[num_elements])?;
    if memory_space.size() * memory_type.size() != bytes.len() {
        return Err("samples to write are not whole".into());
    }
    #[expect(unsafe_code, reason = "the safe interface writes no type that is known only when the program runs")]
    // SAFETY: all handles are open, and `bytes` holds the elements of the selection in the memory type, which holds
    // plain numbers only.
    let status = hdf5::sync::sync(|| unsafe {
        H5Dwrite(dataset.id(), memory_type.id(), memory_space.id(), file_space.id(), H5P_DEFAULT, bytes.as_ptr().cast())
    });
    if status < 0 { Err("samples cannot be written; is the disk full?".into()) } else { Ok(()) }
}
