//! Records read back into what they were made of.
//!
//! In: one line's JSON. Out: a burst, or an event. What a newer version wrote beside what is known here is passed over;
//! what a burst cannot do without makes it none.

use dsp::finding::Finding;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::pipeline::snapshot::Burst;
use crate::tracker::Alternative;
use crate::tracker::event::Event;
use crate::tracker::stimuli::{Kind, Stimulus};

/// The burst of a `burst` record.
pub fn burst(record: &Value) -> Option<Burst> {
    let finding = Finding {
        extent: read(record)?,
        segments: read(&record["segments"])?,
        power_dbfs: record["power_dbfs"].as_f64()? as f32,
        snr_db: record["snr_db"].as_f64()? as f32,
        technology: read(&record["technology"])?,
        channel: read(&record["channel"])?,
        confidence: record["confidence"].as_f64()?,
        clipped: record["clipped"].as_bool()?,
        parameters: read(&record["parameters"]).unwrap_or_default(),
    };
    let alternative = |other: &Value| {
        let probability = other["probability"].as_f64()?;
        Some(Alternative { transmitter: whole(&other["transmitter"]), probability })
    };
    let alternatives = record["alternatives"].as_array().into_iter().flatten().filter_map(alternative).collect();
    Some(Burst {
        id: record["id"].as_u64()?,
        transmitter: whole(&record["transmitter"]),
        attribution: record["attribution"].as_f64().unwrap_or(1.0),
        alternatives,
        finding,
    })
}

/// The event of a `gain`, `mark` or `stimulus` record.
pub fn event(record: &Value) -> Option<Event> {
    let time_s = record["time_s"].as_f64()?;
    let text = |key: &str| record[key].as_str().map(str::to_owned);
    match record["record"].as_str()? {
        "gain" => Some(Event::Gain { time_s, gain_db: record["gain_db"].as_f64() }),
        "mark" => Some(Event::Mark { time_s, zone: text("zone") }),
        "stimulus" => {
            Some(Event::Stimulus(Stimulus { time_s, kind: Kind::named(record["kind"].as_str()?), note: text("note") }))
        }
        _ => None,
    }
}

/// What JSON says it is, as records are written.
fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

fn whole<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    T::try_from(value.as_u64()?).ok()
}
