//! Records read back into what they were made of.
//!
//! In: one line's JSON. Out: a burst, or an event. What a newer version wrote beside what is known here is passed over;
//! what a burst cannot do without makes it none.

use dsp::finding::{Channel, Finding, Parameters, Segment, Technology};
use serde_json::Value;

use crate::pipeline::snapshot::Burst;
use crate::tracker::Alternative;
use crate::tracker::event::Event;
use crate::tracker::stimuli::{Kind, Stimulus};

const TECHNOLOGIES: [Technology; 6] =
    [Technology::NbIot, Technology::LteM, Technology::Lte, Technology::Gsm, Technology::Nr, Technology::Unknown];
const CHANNELS: [Channel; 10] = [
    Channel::Nprach,
    Channel::Npusch1,
    Channel::Npusch2,
    Channel::Prach,
    Channel::Pusch,
    Channel::Pucch,
    Channel::Srs,
    Channel::GsmNormal,
    Channel::GsmAccess,
    Channel::Unknown,
];
/// Words that parameters are told in.
const WORDS: [&str; 16] = [
    "pi/2-bpsk",
    "pi/4-qpsk",
    "qpsk",
    "16qam",
    "gmsk",
    "normal",
    "extended",
    "lte/pusch",
    "lte-m/pusch",
    "lte/prach",
    "lte-m/prach",
    "nr/prach",
    "nr/srs",
    "nb-iot/nprach",
    "nb-iot/npusch1",
    "nb-iot/npusch2",
];

/// The burst of a `burst` record.
pub fn burst(record: &Value) -> Option<Burst> {
    let technology = TECHNOLOGIES.into_iter().find(|t| record["technology"] == t.name())?;
    let channel = CHANNELS.into_iter().find(|c| record["channel"] == c.name())?;
    let finding = Finding {
        extent: segment(record)?,
        segments: record["segments"].as_array()?.iter().map(segment).collect::<Option<_>>()?,
        power_dbfs: record["power_dbfs"].as_f64()? as f32,
        snr_db: record["snr_db"].as_f64()? as f32,
        technology,
        channel,
        confidence: record["confidence"].as_f64()?,
        clipped: record["clipped"].as_bool()?,
        parameters: parameters(&record["parameters"]),
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

fn segment(value: &Value) -> Option<Segment> {
    Some(Segment {
        start_s: value["start_s"].as_f64()?,
        end_s: value["end_s"].as_f64()?,
        center_hz: value["center_hz"].as_f64()?,
        bandwidth_hz: value["bandwidth_hz"].as_f64()?,
    })
}

fn parameters(p: &Value) -> Parameters {
    let words = |key: &str| p[key].as_array().into_iter().flatten().filter_map(word).collect();
    Parameters {
        format: whole(&p["format"]),
        repetitions: whole(&p["repetitions"]),
        subcarrier_spacing_hz: p["subcarrier_spacing_hz"].as_f64(),
        tones: whole(&p["tones"]),
        modulation: word(&p["modulation"]),
        resource_units: whole(&p["resource_units"]),
        n_prb: whole(&p["n_prb"]),
        root: whole(&p["root"]),
        base_sequence: whole(&p["base_sequence"]),
        base_sequences: wholes(&p["base_sequences"]).unwrap_or_default(),
        cyclic_shift: whole(&p["cyclic_shift"]),
        cyclic_prefix: word(&p["cyclic_prefix"]),
        cell_ids: wholes(&p["cell_ids"]),
        hop_pattern: wholes(&p["hop_pattern"]),
        frequency_error_hz: p["frequency_error_hz"].as_f64(),
        frequency_sigma_hz: p["frequency_sigma_hz"].as_f64(),
        start_sigma_s: p["start_sigma_s"].as_f64(),
        metric: p["metric"].as_f64(),
        confidence_alone: p["confidence_alone"].as_f64(),
        supported_by: p["supported_by"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|line| line.as_str().map(str::to_owned))
            .collect(),
        alternatives: words("alternatives"),
        ..Parameters::default()
    }
}

fn word(value: &Value) -> Option<&'static str> {
    WORDS.into_iter().find(|word| *value == **word)
}

fn whole<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    T::try_from(value.as_u64()?).ok()
}

fn wholes<T: TryFrom<u64>>(value: &Value) -> Option<Vec<T>> {
    value.as_array()?.iter().map(whole).collect()
}
