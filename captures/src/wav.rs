//! WAV files as SDR programs write them: I in the left channel, Q in the right.
//!
//! Reads RIFF, RF64 and BW64 (beyond 4 GiB) with samples of 8 (unsigned), 16, 24 or 32 bits or floats of 32 or 64, in two
//! channels or any even number of them, of which each pair is one capture. A RIFF whose length was never written, or
//! has overflowed, is read to the end of the file, with a warning. Rate and centre come from the `auxi` chunk where
//! there is one, the centre else from the file's name; the rate is that of the `fmt ` chunk.
//!
//! Reference: Multimedia Programming Interface 1.0 (RIFF, WAVE); EBU Tech 3306 (RF64); the `auxi` chunk as SpectraVue
//! laid it out and SDRuno and HDSDR write it: two SYSTEMTIMEs of 16 bytes, then the centre in hertz, 32 bits.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use crate::{
    Capture, CaptureInfo, Endian, Error, OpenOptions, SampleFormat,
    capture::{Stretch, agreed, check_center_frequency, check_sample_rate, pick_channel},
    datetime::Instant,
    error::{CENTER_FREQUENCY, FORMAT, SAMPLE_RATE},
    file_name::Told,
    raw::tail_warning,
    sample_file::{Layout, Run, SampleFile, no_samples, open_regular},
};

/// The chunks that are looked at before the samples.
const MAX_CHUNKS: usize = 1000;
/// The bytes that are read of a chunk other than the samples.
const MAX_CHUNK_BYTES: u64 = 1 << 12;

/// Names give the centre to the kilohertz.
const NAME_STEP_HZ: f64 = 1e3;

/// Format tags of the `fmt ` chunk.
const PCM: u16 = 1;
const IEEE_FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// What the chunks say.
#[derive(Debug, Default)]
struct Chunks {
    fmt: Option<Vec<u8>>,
    auxi: Option<Vec<u8>>,
    ds64: Option<Vec<u8>>,
    /// Where the samples begin, and how many bytes of them there are said to be.
    data: Option<(u64, u64)>,
}

/// Opens a WAV file.
pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Capture, Error> {
    let (mut file, file_bytes) = open_regular(path, "check the path")?;
    let chunks = read_chunks(path, &mut file, file_bytes)?;
    let wrong = |problem: &str| Error::malformed(path, problem);
    let fmt = chunks
        .fmt
        .as_deref()
        .ok_or_else(|| wrong("has no fmt chunk, which tells what its samples are; record it anew"))?;
    let (format, num_columns, rate_hz) = read_fmt(path, fmt)?;
    let (data_start, stated_bytes) =
        chunks.data.ok_or_else(|| wrong("has no data chunk: it holds no samples; record it anew"))?;
    let format = agreed(path, FORMAT, Some(format), options.format)?.unwrap_or(format);
    check_sample_rate(path, Some(rate_hz), "its sample rate")?;
    let sample_rate_hz = agreed(path, SAMPLE_RATE, Some(rate_hz), options.sample_rate_hz)?.unwrap_or(rate_hz);
    let told = Told::by(path);
    let mut warnings = Vec::new();
    let auxi = chunks.auxi.as_deref().and_then(Auxi::parse);
    let by_auxi = auxi.as_ref().and_then(|auxi| auxi.center_frequency_hz);
    if let (Some(by_auxi), Some(by_name)) = (by_auxi, told.center_frequency_hz)
        && (by_auxi - by_name).abs() >= NAME_STEP_HZ
    {
        warnings
            .push(format!("its name says a centre of {by_name} Hz and its auxi chunk {by_auxi} Hz, which is believed"));
    } else if let (None, Some(by_name)) = (by_auxi, told.center_frequency_hz) {
        warnings.push(format!("its name says a centre of {by_name} Hz, and is believed"));
    }
    let stated_hz = by_auxi.or(told.center_frequency_hz.filter(|_| options.center_frequency_hz.is_none()));
    check_center_frequency(path, stated_hz, "its centre frequency")?;
    let center_frequency_hz = agreed(path, CENTER_FREQUENCY, stated_hz, options.center_frequency_hz)?;

    let there = file_bytes - data_start;
    // Zero and all ones are what programs leave that were stopped, or that wrote more than 32 bits can say.
    let is_told = stated_bytes != 0 && stated_bytes < u64::from(u32::MAX) || chunks.ds64.is_some();
    let data_bytes = if is_told { stated_bytes.min(there) } else { there };
    if !is_told && there > 0 {
        warnings.push("the length of its samples was never written; it is read to the end of the file".to_owned());
    }
    let is_cut = is_told && stated_bytes > there;
    if is_cut {
        warnings.push(format!(
            "{stated_bytes} bytes of samples are said to be there, but only {there} are: it was cut short"
        ));
    }
    let num_channels = num_columns / 2;
    let channel = pick_channel(path, num_channels, options)?;
    let frame_bytes = (format.bytes_per_sample() * num_channels) as u64;
    let (num_samples, num_bytes_left) = (data_bytes / frame_bytes, data_bytes % frame_bytes);
    if num_samples == 0 {
        return Err(no_samples(path, file_bytes, data_start, format));
    }
    warnings.extend(tail_warning(num_bytes_left, format));
    let runs = vec![Run { byte: data_start, num_samples }];
    let info = CaptureInfo {
        path: path.to_owned(),
        sample_rate_hz,
        center_frequency_hz,
        samples: num_samples,
        format,
        channel,
        num_channels,
        part: 0,
        num_parts: 1,
        stretches: vec![Stretch { sample: 0, time: 0, num_samples }],
        description: None,
        recorder: None,
        datetime: auxi.and_then(|auxi| auxi.datetime).or(told.datetime),
        annotations: Vec::new(),
        warnings,
        cut_short: is_cut || num_bytes_left > 0,
    };
    let layout = Layout { format, num_channels, channel, runs };
    Ok(Capture::new(info, SampleFile::new(path, file, layout)?.into()))
}

/// Walks over the chunks up to the samples, and over those after them where their end is known.
fn read_chunks(path: &Path, file: &mut File, file_bytes: u64) -> Result<Chunks, Error> {
    let fail = |cause| Error::io(path, "cannot be read", cause);
    let mut riff = [0; 12];
    if file_bytes < 12 {
        return Err(Error::malformed(
            path,
            format!("holds {file_bytes} bytes, too few for a WAV file; record it anew"),
        ));
    }
    file.read_exact(&mut riff).map_err(fail)?;
    if !matches!(&riff[..4], b"RIFF" | b"RF64" | b"BW64") || &riff[8..] != b"WAVE" {
        let problem = "is no WAV file: it does not begin with RIFF or RF64 and WAVE; if it holds raw IQ, rename it to \
                       .raw and give --format and --rate";
        return Err(Error::malformed(path, problem));
    }
    let mut chunks = Chunks::default();
    let mut position = 12;
    for _ in 0..MAX_CHUNKS {
        if position + 8 > file_bytes {
            return Ok(chunks);
        }
        let mut header = [0; 8];
        file.seek(SeekFrom::Start(position)).map_err(fail)?;
        file.read_exact(&mut header).map_err(fail)?;
        let [a, b, c, d, size @ ..] = header;
        let mut num_bytes = u64::from(u32::from_le_bytes(size));
        let start = position + 8;
        let content = |file: &mut File| -> Result<Option<Vec<u8>>, Error> {
            let mut bytes = Vec::new();
            file.take(num_bytes.min(MAX_CHUNK_BYTES)).read_to_end(&mut bytes).map_err(fail)?;
            Ok(Some(bytes))
        };
        match &[a, b, c, d] {
            b"fmt " => chunks.fmt = content(file)?,
            b"auxi" => chunks.auxi = content(file)?,
            b"ds64" => chunks.ds64 = content(file)?,
            b"data" if chunks.data.is_none() => {
                if let Some(long) = chunks.ds64.as_deref().and_then(|ds64| ds64.get(8..16)?.try_into().ok())
                    && num_bytes == u64::from(u32::MAX)
                {
                    num_bytes = u64::from_le_bytes(long);
                }
                chunks.data = Some((start, num_bytes));
            }
            _ => {}
        }
        position = start.saturating_add(num_bytes.saturating_add(num_bytes % 2));
    }
    Err(Error::malformed(path, format!("has more than {MAX_CHUNKS} chunks; record it anew")))
}

/// The encoding of a sample, the columns of the data, and the rate.
fn read_fmt(path: &Path, fmt: &[u8]) -> Result<(SampleFormat, usize, f64), Error> {
    let two = |at: usize| fmt.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let (Some(mut tag), Some(num_columns), Some(low), Some(high), Some(block), Some(bits)) =
        (two(0), two(2), two(4), two(6), two(12), two(14))
    else {
        let problem = format!("its fmt chunk is {} bytes long instead of 16 at least; record it anew", fmt.len());
        return Err(Error::malformed(path, problem));
    };
    // The kind of an extensible format stands first in its GUID.
    if tag == EXTENSIBLE {
        tag = two(24).unwrap_or(tag);
    }
    let rate_hz = f64::from(u32::from(low) | u32::from(high) << 16);
    let little = Endian::Little;
    let format = match (tag, bits) {
        (PCM, 8) => SampleFormat::Cu8,
        (PCM, 16) => SampleFormat::Ci16(little),
        (PCM, 24) => SampleFormat::Ci24(little),
        (PCM, 32) => SampleFormat::Ci32(little),
        (IEEE_FLOAT, 32) => SampleFormat::Cf32(little),
        (IEEE_FLOAT, 64) => SampleFormat::Cf64(little),
        _ => {
            let problem = format!(
                "its samples are of format {tag} with {bits} bits; integers of 8, 16, 24 and 32 bits and floats of 32 \
                 and 64 are read: convert it"
            );
            return Err(Error::unsupported(path, problem));
        }
    };
    if num_columns == 0 || num_columns % 2 != 0 {
        let problem = format!("has {num_columns} columns; I and Q take two for each channel: convert it");
        return Err(Error::unsupported(path, problem));
    }
    let expected = format.bytes_per_sample() / 2 * usize::from(num_columns);
    if usize::from(block) != expected {
        let problem = format!(
            "its fmt chunk says {block} bytes a frame, but {num_columns} columns of {bits} bits take {expected}; correct it"
        );
        return Err(Error::malformed(path, problem));
    }
    Ok((format, usize::from(num_columns), rate_hz))
}

/// The chunk in which SDR programs say where they listened.
struct Auxi {
    datetime: Option<String>,
    center_frequency_hz: Option<f64>,
}

impl Auxi {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let two = |at: usize| bytes.get(at..at + 2).map(|bytes| i64::from(u16::from_le_bytes([bytes[0], bytes[1]])));
        let center = u32::from_le_bytes(bytes.get(32..36)?.try_into().ok()?);
        // SYSTEMTIME: year, month, day of the week, day, hour, minute, second, milliseconds.
        let parts = [two(0)?, two(2)?, two(6)?, two(8)?, two(10)?, two(12)?];
        Some(Self {
            datetime: Instant::from_parts(parts, two(14)?).map(|instant| instant.to_string()),
            center_frequency_hz: (center > 0).then_some(f64::from(center)),
        })
    }
}
