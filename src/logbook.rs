//! The directory a sweep leaves on disk: records of everything, as it happens.
//!
//! `records.jsonl` grows a line at a time: what was listened to, bursts, gain, marks and stimuli, every half second how far
//! was listened, and in the end the transmitters. Every line is handed to the system at once, so a program that is killed
//! at any instant leaves a directory that opens: a torn last line is passed over, and what the end would have told is
//! computed from the bursts. A sweep is continued by another stream whose times go on from the first one's. Recordings
//! of IQ lie beside, in `iq`.
//!
//! In: what the pipeline tells its listeners. Out: the directory, and what was in it. Ignores: a machine that loses power,
//! which may lose what the system had not written to its disk.

mod reading;

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use captures::SampleFormat;

use crate::pipeline::Listener;
use crate::pipeline::snapshot::{Burst, Listened, Stream, Transmitter};
use crate::records::{RecordWriter, Summary};
use crate::tracker::event::Event;
use crate::tracker::zones::ZoneList;

pub use reading::{Entry, Sweep};

/// The file of records in the directory.
const RECORDS: &str = "records.jsonl";
/// Time between two records of how far was listened.
const LISTENED_EVERY_S: f64 = 0.5;

/// Where the records of a sweep's directory are.
pub fn records_of(directory: &Path) -> PathBuf {
    directory.join(RECORDS)
}

/// Writes a sweep's directory while the sweep goes on.
pub struct Logbook {
    records: RecordWriter,
    /// Held while the sweep goes on; the system lets go of it however the program ends.
    _lock: File,
    /// Where its stream begins in the time of the whole sweep.
    offset_s: f64,
    center_frequency_hz: Option<f64>,
    listened: Listened,
    written_s: f64,
}

impl Logbook {
    /// Begins a sweep in a directory that holds none yet.
    ///
    /// # Errors
    /// where it cannot be written or holds a sweep.
    pub fn begin(directory: &Path, zones: &ZoneList) -> Result<Self> {
        fs::create_dir_all(directory)
            .with_context(|| format!("{}: cannot be made; name another --keep", directory.display()))?;
        let path = records_of(directory);
        if path.exists() {
            bail!("{}: holds a sweep already; continue it with --resume, or name another", directory.display());
        }
        let file = OpenOptions::new().create_new(true).append(true).open(&path);
        let file = file.with_context(|| format!("{}: cannot be written; name another --keep", path.display()))?;
        let mut logbook = Self::on(file, &path, 0.0)?;
        if !zones.zones.is_empty() {
            logbook.records.zones(zones)?;
        }
        Ok(logbook)
    }

    /// Continues the sweep in a directory, from `offset_s` on; what is left of a torn last line is cut off.
    ///
    /// # Errors
    /// where the directory cannot be written or another program writes it.
    pub fn resume(directory: &Path, sweep: &Sweep, offset_s: f64) -> Result<Self> {
        let path = records_of(directory);
        let mut file = OpenOptions::new().write(true).open(&path);
        if let Ok(file) = &mut file {
            lock(file, &path)?;
            file.set_len(sweep.whole_bytes)?;
            file.seek(SeekFrom::End(0))?;
        }
        let file = file.with_context(|| format!("{}: cannot be written; name another --keep", path.display()))?;
        Self::on(file, &path, offset_s)
    }

    fn on(file: File, path: &Path, offset_s: f64) -> Result<Self> {
        lock(&file, path)?;
        let lock = file.try_clone()?;
        let mut records = RecordWriter::new(Box::new(file), path.display().to_string());
        records.set_live();
        let listened = Listened { position_s: offset_s, ..Listened::default() };
        Ok(Self { records, _lock: lock, offset_s, center_frequency_hz: None, listened, written_s: 0.0 })
    }

    /// Writes down what is listened to, and when that began, seconds since 1970, where known.
    ///
    /// # Errors
    /// where it cannot be written.
    pub fn stream(&mut self, stream: &Stream, format: SampleFormat, begun_unix_s: Option<f64>) -> Result<()> {
        self.center_frequency_hz = stream.center_frequency_hz;
        self.records.stream(stream, format, self.offset_s, begun_unix_s)?;
        Ok(())
    }
}

fn lock(file: &File, path: &Path) -> Result<()> {
    // A file system without locks is no reason not to sweep.
    if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
        bail!("{}: another program writes it; end that, or name another --keep", path.display());
    }
    Ok(())
}

impl Listener for Logbook {
    fn burst(&mut self, burst: &Burst) -> Result<()> {
        self.records.burst(&burst.later(self.offset_s), self.center_frequency_hz)?;
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        self.records.event(&event.later(self.offset_s))?;
        Ok(())
    }

    fn listened(&mut self, listened: &Listened) -> Result<()> {
        self.listened = Listened { position_s: listened.position_s + self.offset_s, ..*listened };
        if listened.position_s >= self.written_s + LISTENED_EVERY_S {
            self.written_s = listened.position_s;
            self.records.listened(&self.listened)?;
        }
        Ok(())
    }

    fn end(&mut self, transmitters: &[Transmitter]) -> Result<()> {
        self.records.listened(&self.listened)?;
        let later: Vec<Transmitter> = transmitters.iter().map(|t| t.later(self.offset_s)).collect();
        self.records.transmitters(&later)?;
        Ok(())
    }

    fn summary(&mut self, summary: &Summary) -> Result<()> {
        self.records.summary(summary)?;
        Ok(())
    }
}
