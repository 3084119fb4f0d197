//! How near, where and how provoked: what transmitter records tell beside identity, and the records of events.

use serde::Serialize;

use super::{centi, probability, seconds};
use crate::pipeline::snapshot::{Listened, Transmitter};
use crate::tracker::baseline::Standing;
use crate::tracker::event::Event;
use crate::tracker::proximity::{Proximity, Verdict};
use crate::tracker::stimuli::Response;
use crate::tracker::whereabouts::Whereabouts;
use crate::tracker::zones::ZoneList;

#[derive(Serialize)]
pub(super) struct ProximityRecord {
    /// Of the strongest burst, referred to the antenna; of an overloaded one a lower bound.
    peak_db: f64,
    peak_s: f64,
    latest_db: f64,
    trend: &'static str,
    probability_hotter: f64,
    over_crowd_db: Option<f64>,
}

impl ProximityRecord {
    pub(super) fn of(proximity: &Proximity) -> Self {
        Self {
            peak_db: centi(proximity.peak.level_db),
            peak_s: seconds(proximity.peak.start_s),
            latest_db: centi(proximity.latest.level_db),
            trend: match proximity.trend.verdict {
                Verdict::Hotter => "hotter",
                Verdict::Colder => "colder",
                Verdict::Unsure => "unsure",
                Verdict::Overloaded => "overloaded",
            },
            probability_hotter: probability(proximity.trend.probability_hotter),
            over_crowd_db: proximity.over_crowd_db.map(centi),
        }
    }
}

#[derive(Serialize)]
pub(super) struct WhereaboutsRecord<'a> {
    zones: Vec<ZoneRecord<'a>>,
    next: Option<&'a str>,
    outside: Option<f64>,
}

#[derive(Serialize)]
struct ZoneRecord<'a> {
    zone: &'a str,
    probability: f64,
    best_db: Option<f64>,
    median_db: Option<f64>,
    looks: u64,
}

impl<'a> WhereaboutsRecord<'a> {
    pub(super) fn of(whereabouts: &'a Whereabouts) -> Self {
        let name = |zone: usize| whereabouts.list.zones.get(zone).map(|zone| zone.name.as_str());
        let record = |zone: usize| {
            let level = &whereabouts.zones[zone];
            Some(ZoneRecord {
                zone: name(zone)?,
                probability: probability(level.probability),
                best_db: level.best_db.map(centi),
                median_db: level.median_db.map(centi),
                looks: level.looks,
            })
        };
        Self {
            zones: whereabouts.ranking().into_iter().filter_map(record).collect(),
            next: whereabouts.next.and_then(name),
            outside: whereabouts.outside.map(probability),
        }
    }
}

#[derive(Serialize)]
pub(super) struct ResponseRecord<'a> {
    kind: &'a str,
    stimuli: usize,
    answered: usize,
    median_after_s: f64,
    chance: f64,
    chance_of_any: f64,
}

impl<'a> ResponseRecord<'a> {
    pub(super) fn all_of(transmitter: &'a Transmitter) -> Vec<Self> {
        let record = |response: &'a Response| Self {
            kind: response.kind.name(),
            stimuli: response.stimuli,
            answered: response.answered,
            median_after_s: centi(response.median_after_s),
            chance: significant(response.chance),
            chance_of_any: significant(response.chance_of_any),
        };
        transmitter.responses.iter().map(record).collect()
    }
}

pub(super) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::New => "new",
        Standing::Stronger(_) => "stronger",
        Standing::Like => "like",
    }
}

pub(super) fn stronger_by_db(standing: Standing) -> Option<f64> {
    match standing {
        Standing::Stronger(by_db) => Some(centi(by_db)),
        Standing::New | Standing::Like => None,
    }
}

/// Three digits, wherever they stand: small chances are not nothing.
fn significant(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 0.0;
    }
    let scale = 10f64.powf(2.0 - value.log10().floor());
    (value * scale).round() / scale
}

#[derive(Serialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub(super) enum EventRecord<'a> {
    Gain { time_s: f64, gain_db: Option<f64> },
    Mark { time_s: f64, zone: Option<&'a str> },
    Stimulus { time_s: f64, kind: &'a str, note: Option<&'a str> },
    Listened { position_s: f64, samples_processed: u64, samples_dropped: u64, clipped_s: f64 },
    Zones(&'a ZoneList),
}

impl<'a> EventRecord<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        match event {
            Event::Gain { time_s, gain_db } => Self::Gain { time_s: seconds(*time_s), gain_db: *gain_db },
            Event::Mark { time_s, zone } => Self::Mark { time_s: seconds(*time_s), zone: zone.as_deref() },
            Event::Stimulus(stimulus) => Self::Stimulus {
                time_s: seconds(stimulus.time_s),
                kind: stimulus.kind.name(),
                note: stimulus.note.as_deref(),
            },
        }
    }

    pub(super) fn listened(listened: &Listened) -> Self {
        Self::Listened {
            position_s: seconds(listened.position_s),
            samples_processed: listened.samples,
            samples_dropped: listened.lost,
            clipped_s: seconds(listened.clipped_s),
        }
    }
}
