//! Writes WAV files: RIFF, or RF64 once they outgrow 32 bits; with an `auxi` chunk that says where and when.
//!
//! The header has room for RF64's lengths from the beginning (a `JUNK` chunk, EBU Tech 3306 §5); all lengths are
//! written at the end.

use std::{
    fs::File,
    io::{self, BufWriter, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    Endian, Error, Recording, SampleFormat,
    datetime::Instant,
    sigmf_writer::{part_of, rename},
};

/// Where things stand in the header: RIFF (12), JUNK or ds64 (8 + 28), fmt (8 + 16), auxi (8 + 68), data (8).
const DATA_START: u64 = 12 + 36 + 24 + 76 + 8;
const AUXI_BYTES: usize = 68;

/// A WAV file that is being written.
#[derive(Debug)]
pub(crate) struct WavSink {
    path: PathBuf,
    part_path: PathBuf,
    part: BufWriter<File>,
    num_bytes: u64,
}

impl WavSink {
    /// Begins a file at `path`.
    pub(crate) fn create(path: &Path, recording: &Recording) -> Result<Self, Error> {
        kind(path, recording)?;
        let part_path = part_of(path);
        let part = File::create(&part_path).map_err(|cause| Error::io(&part_path, "cannot be created", cause))?;
        let mut sink = Self { path: path.to_owned(), part_path, part: BufWriter::new(part), num_bytes: 0 };
        let header = header(path, recording, 0)?;
        sink.part.write_all(&header).map_err(|cause| sink.failed(cause))?;
        Ok(sink)
    }

    /// Where it is written before it has its name.
    pub(crate) fn part_path(&self) -> &Path {
        &self.part_path
    }

    /// Appends encoded samples.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.part.write_all(bytes).map_err(|cause| self.failed(cause))?;
        self.num_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Writes the lengths and brings the file to its name.
    pub(crate) fn finish(mut self, recording: &Recording) -> Result<(), Error> {
        let header = header(&self.path, recording, self.num_bytes)?;
        let mut end = || {
            if !self.num_bytes.is_multiple_of(2) {
                self.part.write_all(&[0])?;
            }
            self.part.seek(SeekFrom::Start(0))?;
            self.part.write_all(&header)?;
            self.part.flush()?;
            self.part.get_ref().sync_all()
        };
        end().map_err(|cause| self.failed(cause))?;
        rename(&self.part_path, &self.path)
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::io(&self.part_path, "cannot be written", cause)
    }
}

/// Format tag and bits of a component.
fn kind(path: &Path, recording: &Recording) -> Result<(u16, u16), Error> {
    let is_whole = |hz: f64| hz.fract() == 0.0 && hz <= f64::from(u32::MAX);
    if !is_whole(recording.sample_rate_hz) {
        let problem = format!("WAV cannot say a rate of {} Hz, only whole ones; write SigMF", recording.sample_rate_hz);
        return Err(Error::unsupported(path, problem));
    }
    match recording.format {
        SampleFormat::Cu8 => Ok((1, 8)),
        SampleFormat::Ci16(Endian::Little) => Ok((1, 16)),
        SampleFormat::Ci24(Endian::Little) => Ok((1, 24)),
        SampleFormat::Ci32(Endian::Little) => Ok((1, 32)),
        SampleFormat::Cf32(Endian::Little) => Ok((3, 32)),
        SampleFormat::Cf64(Endian::Little) => Ok((3, 64)),
        format => {
            let problem = format!("WAV has no {format}; give --to cu8, ci16_le, ci24_le, ci32_le, cf32_le or cf64_le");
            Err(Error::unsupported(path, problem))
        }
    }
}

fn header(path: &Path, recording: &Recording, num_bytes: u64) -> Result<Vec<u8>, Error> {
    let (tag, bits) = kind(path, recording)?;
    let rate = recording.sample_rate_hz as u32;
    let frame_bytes = recording.format.bytes_per_sample() as u16;
    let riff_bytes = DATA_START - 8 + num_bytes + num_bytes % 2;
    let is_long = riff_bytes >= u64::from(u32::MAX);
    let short = |num_bytes: u64| u32::try_from(num_bytes).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = Vec::with_capacity(DATA_START as usize);
    bytes.extend(if is_long { b"RF64" } else { b"RIFF" });
    bytes.extend(if is_long { u32::MAX.to_le_bytes() } else { short(riff_bytes) });
    bytes.extend(b"WAVE");
    bytes.extend(if is_long { b"ds64" } else { b"JUNK" });
    bytes.extend(28u32.to_le_bytes());
    if is_long {
        bytes.extend(riff_bytes.to_le_bytes());
        bytes.extend(num_bytes.to_le_bytes());
        bytes.extend((num_bytes / u64::from(frame_bytes)).to_le_bytes());
        bytes.extend([0; 4]);
    } else {
        bytes.extend([0; 28]);
    }
    bytes.extend(b"fmt \x10\0\0\0");
    bytes.extend(tag.to_le_bytes());
    bytes.extend(2u16.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend(rate.wrapping_mul(u32::from(frame_bytes)).to_le_bytes());
    bytes.extend(frame_bytes.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    // A centre that the chunk cannot say, or no centre, leaves it to be passed over.
    let auxi = auxi(recording, num_bytes / u64::from(frame_bytes));
    bytes.extend(if auxi.is_some() { b"auxi" } else { b"JUNK" });
    bytes.extend((AUXI_BYTES as u32).to_le_bytes());
    bytes.extend(auxi.unwrap_or([0; AUXI_BYTES]));
    bytes.extend(b"data");
    bytes.extend(if is_long { u32::MAX.to_le_bytes() } else { short(num_bytes) });
    Ok(bytes)
}

/// Start and stop as SYSTEMTIMEs, centre, converter's rate, offset of the intermediate frequency, bandwidth.
fn auxi(recording: &Recording, num_samples: u64) -> Option<[u8; AUXI_BYTES]> {
    let center_hz = recording.center_frequency_hz.filter(|hz| hz.fract() == 0.0 && *hz <= f64::from(u32::MAX))?;
    let mut bytes = [0; AUXI_BYTES];
    if let Some(start) = recording.datetime.as_deref().and_then(Instant::parse) {
        bytes[..16].copy_from_slice(&start.system_time());
        bytes[16..32].copy_from_slice(&start.after(num_samples as f64 / recording.sample_rate_hz).system_time());
    }
    bytes[32..36].copy_from_slice(&(center_hz as u32).to_le_bytes());
    bytes[36..40].copy_from_slice(&(recording.sample_rate_hz as u32).to_le_bytes());
    bytes[44..48].copy_from_slice(&(recording.sample_rate_hz as u32).to_le_bytes());
    Some(bytes)
}
