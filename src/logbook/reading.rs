//! A sweep's directory opened again.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::records_of;
use crate::pipeline::snapshot::{Burst, Listened, Stream};
use crate::records::reading;
use crate::tracker::Tracker;
use crate::tracker::event::Event;
use crate::tracker::known::Known;
use crate::tracker::zones::ZoneList;

/// One thing of a sweep, in the order it was written down.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A burst.
    Burst(Box<Burst>),
    /// Something beside bursts.
    Event(Event),
}

/// What a sweep's directory holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// What was listened to, its length as far as it was heard.
    pub stream: Stream,
    /// When it began, seconds since 1970, where known.
    pub begun_unix_s: Option<f64>,
    /// The zones to be walked.
    pub zones: Arc<ZoneList>,
    /// Bursts and events.
    pub entries: Vec<Entry>,
    /// How far was listened, over all its parts.
    pub listened: Listened,
    /// Its last part came to an orderly end.
    pub is_whole: bool,
    /// Bytes of whole lines.
    pub(super) whole_bytes: u64,
}

impl Sweep {
    /// Opens a sweep's directory; a last line that is torn is passed over.
    ///
    /// # Errors
    /// where it cannot be read or is no sweep; the message names the line.
    pub fn open(directory: &Path) -> Result<Self> {
        let path = records_of(directory);
        let bytes = fs::read(&path).with_context(|| {
            format!("{}: cannot be read; name a directory made with: cellsweep sweep --keep", path.display())
        })?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let mut reader = Reader::default();
        let lines = bytes[..whole].split(|byte| *byte == b'\n').enumerate();
        for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
            reader.take(line).with_context(|| format!("{}, line {}", path.display(), index + 1))?;
        }
        let Some(stream) = reader.stream else {
            bail!("{}: the sweep ended before it began; remove the directory", directory.display());
        };
        let listened = reader.before.plus(&reader.part);
        Ok(Self {
            stream: Stream { duration_s: Some(listened.position_s), ..stream },
            begun_unix_s: reader.begun_unix_s,
            zones: Arc::new(reader.zones),
            entries: reader.entries,
            listened,
            is_whole: reader.is_whole,
            whole_bytes: whole as u64,
        })
    }

    /// A tracker that has heard all of it, its times less `offset_s`.
    pub fn tracker(&self, known: Arc<Known>, offset_s: f64) -> Tracker {
        let tracker = Tracker::new(self.stream.center_frequency_hz, known).with_zones(Arc::clone(&self.zones));
        self.entries.iter().fold(tracker, |mut tracker, entry| {
            match entry {
                Entry::Burst(burst) => tracker.recall(&burst.later(-offset_s)),
                Entry::Event(event) => tracker.hear(&event.later(-offset_s)),
            }
            tracker
        })
    }

    /// How many bursts were heard.
    pub fn num_bursts(&self) -> u64 {
        self.entries.iter().filter(|entry| matches!(entry, Entry::Burst(_))).count() as u64
    }
}

#[derive(Default)]
struct Reader {
    stream: Option<Stream>,
    begun_unix_s: Option<f64>,
    zones: ZoneList,
    entries: Vec<Entry>,
    /// Parts that are over, and the one that is read.
    before: Listened,
    part: Listened,
    is_whole: bool,
}

impl Reader {
    fn take(&mut self, line: &[u8]) -> Result<()> {
        let record: Value = serde_json::from_slice(line).context("is no JSON: the file is damaged")?;
        match record["record"].as_str().unwrap_or_default() {
            "capture" => self.begin(&record)?,
            "burst" => {
                let burst = reading::burst(&record).context("is no burst record")?;
                self.entries.push(Entry::Burst(Box::new(burst)));
            }
            "gain" | "mark" | "stimulus" => {
                self.entries.push(Entry::Event(reading::event(&record).context("is no record of an event")?));
            }
            "zones" => {
                let mut list = record;
                if let Some(fields) = list.as_object_mut() {
                    fields.remove("record");
                }
                self.zones = serde_json::from_value(list).context("is no list of zones")?;
            }
            "listened" => {
                let count = |key: &str| record[key].as_u64().unwrap_or(0);
                self.part = Listened {
                    position_s: record["position_s"].as_f64().unwrap_or(0.0),
                    samples: count("samples_processed"),
                    lost: count("samples_dropped"),
                    clipped_s: record["clipped_s"].as_f64().unwrap_or(0.0),
                };
            }
            "summary" => self.is_whole = true,
            // Transmitters follow from the bursts; other records may be added.
            _ => (),
        }
        Ok(())
    }

    fn begin(&mut self, record: &Value) -> Result<()> {
        self.before = self.before.plus(&self.part);
        self.part = Listened::default();
        self.is_whole = false;
        if self.stream.is_none() {
            self.begun_unix_s = record["begun_unix_s"].as_f64();
            self.stream = Some(Stream {
                name: record["path"].as_str().context("names no capture")?.to_owned(),
                sample_rate_hz: record["sample_rate_hz"].as_f64().context("tells no sample rate")?,
                center_frequency_hz: record["center_frequency_hz"].as_f64(),
                duration_s: None,
            });
        }
        Ok(())
    }
}

impl Listened {
    /// Two parts of a sweep; positions are those of the whole.
    fn plus(&self, later: &Self) -> Self {
        Self {
            position_s: self.position_s.max(later.position_s),
            samples: self.samples + later.samples,
            lost: self.lost + later.lost,
            clipped_s: self.clipped_s + later.clipped_s,
        }
    }
}
