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
    /// Zones to be written down after what is listened to.
    zones: Option<ZoneList>,
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
        let zones = (!zones.zones.is_empty()).then(|| zones.clone());
        Ok(Self { zones, ..Self::on(file, &path, 0.0)? })
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
        Ok(Self { records, _lock: lock, offset_s, center_frequency_hz: None, zones: None, listened, written_s: 0.0 })
    }

    /// Writes down what is listened to, and when that began, seconds since 1970, where known.
    ///
    /// # Errors
    /// where it cannot be written.
    pub fn stream(&mut self, stream: &Stream, format: SampleFormat, begun_unix_s: Option<f64>) -> Result<()> {
        self.center_frequency_hz = stream.center_frequency_hz;
        self.records.stream(stream, format, self.offset_s, begun_unix_s)?;
        if let Some(zones) = self.zones.take() {
            self.records.zones(&zones)?;
        }
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

#[cfg(test)]
mod tests {
    use dsp::finding::Channel;

    use super::*;
    use crate::report::{self, Language};
    use crate::tracker::stimuli::{Kind, Stimulus};
    use crate::tracker::testing::burst;

    #[test]
    fn what_was_marked_and_done_comes_back_and_into_the_report() {
        let folder = tempfile::tempdir().expect("a folder");
        let directory = folder.path().join("sweep");
        let list = ZoneList::named(Path::new("vehicle")).expect("a template");
        let stream =
            Stream { name: "a radio".into(), sample_rate_hz: 1e6, center_frequency_hz: Some(842e6), duration_s: None };
        let format: SampleFormat = "ci16_le".parse().expect("a format");
        let events = [
            Event::Gain { time_s: 0.0, gain_db: Some(20.0) },
            Event::Mark { time_s: 1.0, zone: Some("rear left".into()) },
            Event::Stimulus(Stimulus { time_s: 2.0, kind: Kind::Ignition, note: Some("on".into()) }),
        ];
        let mut logbook = Logbook::begin(&directory, &list).expect("a directory");
        assert!(Logbook::begin(&directory, &list).is_err(), "it holds a sweep");
        logbook.stream(&stream, format, None).expect("it is written");
        events.iter().for_each(|event| logbook.event(event).expect("it is written"));
        let (id, transmitter, attribution, alternatives) = (0, Some(0), 1.0, Vec::new());
        let mut finding = burst(Channel::Npusch1, 5.0, 7500.0, 15e3);
        finding.parameters.training_sequence = Some(3);
        finding.parameters.modulation = Some("gmsk".into());
        finding.parameters.alternatives = vec!["lte/pucch".into()];
        let heard = Burst { id, transmitter, attribution, alternatives, finding };
        logbook.burst(&heard).expect("it is written");
        // The program is gone without an end.
        drop(logbook);
        let sweep = Sweep::open(&directory).expect("a sweep");
        let mut expected: Vec<Entry> = events.into_iter().map(Entry::Event).collect();
        expected.push(Entry::Burst(Box::new(heard)));
        assert_eq!((&sweep.entries, sweep.zones.as_ref(), sweep.is_whole), (&expected, &list, false));
        let html = directory.join("report.html");
        report::make(&directory, None, &html, Language::En).expect("a report");
        let page = fs::read_to_string(html).expect("a page");
        for told in ["rear left", "ignition: on", "0 (3.0 s)", "1 / 1"] {
            assert!(page.contains(told), "the report does not tell {told}");
        }
    }
}
