//! Findings as tables of an HDF5 file, with the samples of each burst (`analyze --hdf5`).
//!
//! | dataset | a row |
//! | --- | --- |
//! | `captures` | a stream that was analysed: `stream`, `path`, `channel`, `sample_rate_hz`, `center_frequency_hz` (NaN: unknown) |
//! | `bursts` | a burst, in the units of the records; `transmitter` -1 and `frequency_hz` NaN where unknown; where its samples stand |
//! | `transmitters` | a transmitter, once its stream is over |
//! | `iq` | a complex sample: `iq_samples` of them from `iq_start` on are a burst's, at `iq_sample_rate_hz` around `iq_center_hz` |
//!
//! The file is flushed a second after a burst at the latest, so that it opens whenever the program is ended.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use captures::Capture;
use dsp::zoom::Zoom;
use hdf5::types::{FixedAscii, VarLenUnicode};
use hdf5::{Dataset, H5Type};
use num_complex::Complex32;

use crate::pipeline::Listener;
use crate::pipeline::snapshot::{Burst, Transmitter};

/// The longest part of a burst that is kept, and the samples of the stream that may take.
const MAX_SNIPPET_S: f64 = 0.25;
const MAX_STREAM_SAMPLES: u64 = 4 << 20;
/// Time kept before and after a burst.
const MARGIN_S: f64 = 0.5e-3;
/// The lowest rate of a snippet; others are twice, four times … it.
const MIN_RATE_HZ: f64 = 240e3;
/// Share of a snippet's rate that a burst fills at the most, within the flat part of the filter.
const FILLED_SHARE: f64 = 0.7;
const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// Rows and samples of a chunk.
const CHUNK_ROWS: usize = 256;
const CHUNK_SAMPLES: usize = 1 << 14;

/// A word of the records.
type Word = FixedAscii<16>;

#[derive(Clone, H5Type)]
#[repr(C)]
struct StreamRow {
    stream: u32,
    channel: u32,
    sample_rate_hz: f64,
    center_frequency_hz: f64,
    samples: u64,
    path: VarLenUnicode,
}

#[derive(Clone, Copy, H5Type)]
#[repr(C)]
struct BurstRow {
    stream: u32,
    clipped: u32,
    id: u64,
    transmitter: i64,
    start_s: f64,
    end_s: f64,
    center_hz: f64,
    bandwidth_hz: f64,
    frequency_hz: f64,
    power_dbfs: f64,
    snr_db: f64,
    technology: Word,
    channel: Word,
    confidence: f64,
    iq_start: u64,
    iq_samples: u64,
    iq_sample_rate_hz: f64,
    iq_center_hz: f64,
    iq_start_s: f64,
}

#[derive(Clone, Copy, H5Type)]
#[repr(C)]
struct TransmitterRow {
    stream: u32,
    id: u32,
    technology: Word,
    confidence: f64,
    bursts: u64,
    first_s: f64,
    last_s: f64,
    center_hz: f64,
    bandwidth_hz: f64,
    power_dbfs_max: f64,
    period_s: f64,
}

/// The file.
pub(super) struct Results {
    path: PathBuf,
    file: hdf5::File,
    captures: Table,
    bursts: Table,
    transmitters: Table,
    iq: Table,
    num_streams: u32,
    unwritten_since: Option<Instant>,
}

/// A dataset that grows.
struct Table {
    dataset: Dataset,
    len: usize,
}

impl Table {
    fn create<T: H5Type>(file: &hdf5::File, name: &str, chunk: usize) -> hdf5::Result<Self> {
        Ok(Self { dataset: file.new_dataset::<T>().chunk((chunk,)).shape(0..).create(name)?, len: 0 })
    }

    fn append<T: H5Type>(&mut self, rows: &[T]) -> hdf5::Result<()> {
        let end = self.len + rows.len();
        self.dataset.resize((end,))?;
        self.dataset.write_slice(rows, self.len..end)?;
        self.len = end;
        Ok(())
    }
}

impl Results {
    /// An empty file at `path`, in place of what is there.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let advice = || format!("{}: cannot be written; name another --hdf5", path.display());
        std::fs::File::create(path).with_context(advice)?;
        let make = || -> hdf5::Result<Self> {
            let file = hdf5::File::create(path)?;
            Ok(Self {
                path: path.to_owned(),
                captures: Table::create::<StreamRow>(&file, "captures", CHUNK_ROWS)?,
                bursts: Table::create::<BurstRow>(&file, "bursts", CHUNK_ROWS)?,
                transmitters: Table::create::<TransmitterRow>(&file, "transmitters", CHUNK_ROWS)?,
                iq: Table::create::<Complex32>(&file, "iq", CHUNK_SAMPLES)?,
                file,
                num_streams: 0,
                unwritten_since: None,
            })
        };
        make().map_err(|error| failed(path, &error))
    }

    /// Listens to a stream, of whose capture `samples` is another reader; afterwards it goes to `give_back`.
    pub(super) fn listen(mut self, samples: Capture, give_back: Sender<Self>) -> Result<Box<dyn Listener>> {
        let info = samples.info();
        let stream = self.num_streams;
        self.num_streams += 1;
        let path = info.path.display().to_string().replace('\0', " ");
        let row = StreamRow {
            stream,
            channel: info.channel as u32,
            sample_rate_hz: info.sample_rate_hz,
            center_frequency_hz: info.center_frequency_hz.unwrap_or(f64::NAN),
            samples: info.samples,
            path: path.parse().map_err(|error| anyhow!("{path}: {error}"))?,
        };
        let written = self.captures.append(&[row]).and_then(|()| self.file.flush());
        written.map_err(|error| failed(&self.path, &error))?;
        let recorder =
            Recorder { results: Some(self), give_back, stream, samples, zooms: Vec::new(), buffer: Vec::new() };
        Ok(Box::new(recorder))
    }
}

fn failed(path: &Path, error: &hdf5::Error) -> anyhow::Error {
    anyhow!("{}: the results cannot be written ({error}); make room or name another --hdf5", path.display())
}

fn word(text: &str) -> Word {
    Word::from_ascii(text).unwrap_or_default()
}

/// Writes the findings of one stream.
struct Recorder {
    results: Option<Results>,
    give_back: Sender<Results>,
    stream: u32,
    samples: Capture,
    /// By their rate, each with its plans.
    zooms: Vec<(f64, Zoom)>,
    buffer: Vec<Complex32>,
}

/// The samples of a burst.
struct Snippet {
    samples: Vec<Complex32>,
    sample_rate_hz: f64,
    center_hz: f64,
    start_s: f64,
}

impl Recorder {
    fn snippet(&mut self, burst: &Burst) -> Result<Snippet> {
        let info = self.samples.info();
        let extent = burst.finding.extent;
        let rate_hz = info.sample_rate_hz;
        let from = ((extent.start_s - MARGIN_S).max(0.0) * rate_hz) as u64;
        let end_s = extent.end_s.min(extent.start_s + MAX_SNIPPET_S) + MARGIN_S;
        let (begin, end) = (info.position_at(from), info.position_at((end_s * rate_hz) as u64));
        let count = end.saturating_sub(begin).min(MAX_STREAM_SAMPLES) as usize;
        self.buffer.resize(count, Complex32::ZERO);
        self.samples.seek(begin)?;
        let count = self.samples.read(&mut self.buffer)?;
        let around = &self.buffer[..count];
        let start_s = from as f64 / rate_hz;
        let mut out_rate_hz = MIN_RATE_HZ;
        while out_rate_hz * FILLED_SHARE < extent.bandwidth_hz {
            out_rate_hz *= 2.0;
        }
        if out_rate_hz >= rate_hz {
            return Ok(Snippet { samples: around.to_vec(), sample_rate_hz: rate_hz, center_hz: 0.0, start_s });
        }
        if !self.zooms.iter().any(|(known, _)| *known == out_rate_hz) {
            self.zooms.push((out_rate_hz, Zoom::new(rate_hz, out_rate_hz)));
        }
        let mut samples = Vec::new();
        let zoom = self.zooms.iter_mut().find(|(known, _)| *known == out_rate_hz);
        let zoomed = zoom.map(|(_, zoom)| zoom.extract(around, extent.center_hz, &mut samples));
        let (sample_rate_hz, center_hz) =
            zoomed.map_or((out_rate_hz, extent.center_hz), |zoomed| (zoomed.sample_rate_hz, zoomed.center_hz));
        Ok(Snippet { samples, sample_rate_hz, center_hz, start_s })
    }
}

impl Listener for Recorder {
    fn burst(&mut self, burst: &Burst) -> Result<()> {
        let snippet = self.snippet(burst)?;
        let center_frequency_hz = self.samples.info().center_frequency_hz;
        let Some(results) = &mut self.results else { return Ok(()) };
        let finding = &burst.finding;
        let row = BurstRow {
            stream: self.stream,
            clipped: u32::from(finding.clipped),
            id: burst.id,
            transmitter: burst.transmitter.map_or(-1, i64::from),
            start_s: finding.extent.start_s,
            end_s: finding.extent.end_s,
            center_hz: finding.extent.center_hz,
            bandwidth_hz: finding.extent.bandwidth_hz,
            frequency_hz: center_frequency_hz.map_or(f64::NAN, |center_hz| center_hz + finding.extent.center_hz),
            power_dbfs: f64::from(finding.power_dbfs),
            snr_db: f64::from(finding.snr_db),
            technology: word(finding.technology.name()),
            channel: word(finding.channel.name()),
            confidence: finding.confidence,
            iq_start: results.iq.len as u64,
            iq_samples: snippet.samples.len() as u64,
            iq_sample_rate_hz: snippet.sample_rate_hz,
            iq_center_hz: snippet.center_hz,
            iq_start_s: snippet.start_s,
        };
        // The samples first: a row never speaks of what is not there.
        let written = results.iq.append(&snippet.samples).and_then(|()| results.bursts.append(&[row]));
        results.unwritten_since.get_or_insert_with(Instant::now);
        written.map_err(|error| failed(&results.path, &error))
    }

    fn tick(&mut self) -> Result<()> {
        let Some(results) = &mut self.results else { return Ok(()) };
        if results.unwritten_since.is_none_or(|since| since.elapsed() < FLUSH_AFTER) {
            return Ok(());
        }
        results.unwritten_since = None;
        results.file.flush().map_err(|error| failed(&results.path, &error))
    }

    fn end(&mut self, transmitters: &[Transmitter]) -> Result<()> {
        let Some(mut results) = self.results.take() else { return Ok(()) };
        let row = |transmitter: &Transmitter| TransmitterRow {
            stream: self.stream,
            id: transmitter.id,
            technology: word(transmitter.technology.name()),
            confidence: transmitter.confidence,
            bursts: transmitter.bursts,
            first_s: transmitter.first_s,
            last_s: transmitter.last_s,
            center_hz: transmitter.center_hz,
            bandwidth_hz: transmitter.bandwidth_hz,
            power_dbfs_max: f64::from(transmitter.power_dbfs_max),
            period_s: transmitter.period_s.unwrap_or(f64::NAN),
        };
        let rows: Vec<TransmitterRow> = transmitters.iter().map(row).collect();
        let written = results.transmitters.append(&rows).and_then(|()| results.file.flush());
        written.map_err(|error| failed(&results.path, &error))?;
        // Nobody receives where the analysis has been given up.
        let _ = self.give_back.send(results);
        Ok(())
    }
}
