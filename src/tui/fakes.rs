//! Made-up snapshots to draw in tests.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use dsp::finding::{Channel, Finding, Parameters, Rejection, Segment, Technology};

use crate::pipeline::snapshot::{Burst, Health, Snapshot, Spectrum, State, Stream, Transmitter, WaterfallRow};
use crate::tracker::Tracker;
use crate::tracker::event::Event;
use crate::tracker::stimuli::{Kind, Stimulus};
use crate::tracker::zones::ZoneList;

/// Seeded numbers (SplitMix64), so that a failing case can be had again.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// A number from 0 to 1.
    pub(super) fn share(&mut self) -> f64 {
        self.roll() as f64 / u64::MAX as f64
    }

    /// A number between two others, now and then something no number should be.
    fn wild(&mut self, low: f64, high: f64) -> f64 {
        match self.below(24) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => f64::MAX,
            4 => 0.0,
            _ => low + self.share() * (high - low),
        }
    }
}

const RATE_HZ: f64 = 640e3;
const NUM_BINS: usize = 512;
const ROW_S: f64 = 0.02;

/// What a transmitter of the made-up air does.
struct Part {
    technology: Technology,
    channel: Channel,
    center_hz: f64,
    bandwidth_hz: f64,
    power_dbfs: f32,
    length_s: f64,
    period_s: f64,
    hops: usize,
}

const COMPANY: [Part; 4] = [
    Part {
        technology: Technology::Lte,
        channel: Channel::Pusch,
        center_hz: -180e3,
        bandwidth_hz: 180e3,
        power_dbfs: -28.0,
        length_s: 0.3,
        period_s: 1.1,
        hops: 1,
    },
    Part {
        technology: Technology::NbIot,
        channel: Channel::Nprach,
        center_hz: 144e3,
        bandwidth_hz: 45e3,
        power_dbfs: -41.0,
        length_s: 0.64,
        period_s: 4.0,
        hops: 8,
    },
    Part {
        technology: Technology::Unknown,
        channel: Channel::Unknown,
        center_hz: 20e3,
        bandwidth_hz: 2e3,
        power_dbfs: -75.0,
        length_s: 0.05,
        period_s: 0.9,
        hops: 1,
    },
    Part {
        technology: Technology::LteM,
        channel: Channel::Prach,
        center_hz: 270e3,
        bandwidth_hz: 60e3,
        power_dbfs: -66.0,
        length_s: 0.01,
        period_s: 3.0,
        hops: 1,
    },
];

fn stream() -> Arc<Stream> {
    Arc::new(Stream {
        name: "/captures/van-rear-left.sigmf-meta".into(),
        sample_rate_hz: RATE_HZ,
        center_frequency_hz: Some(832.2e6),
        duration_s: Some(60.0),
    })
}

fn noise(dice: &mut Dice) -> Arc<[f32]> {
    (0..NUM_BINS).map(|_| -104.0 + 6.0 * dice.share() as f32).collect()
}

/// Samples have come, nothing was found.
pub(super) fn silence(position_s: f64) -> Snapshot {
    let mut dice = Dice(1);
    let num_rows = ((position_s / ROW_S) as usize).min(1000);
    let end_s = |index: usize| position_s - index as f64 * ROW_S;
    Snapshot {
        stream: stream(),
        state: State::Running,
        position_s,
        speed: Some(1.0),
        spectrum: Spectrum {
            mean_dbfs: noise(&mut dice).iter().map(|power| power / 20.0 - 101.0).collect(),
            peak_dbfs: noise(&mut dice),
            floor_dbfs: vec![-106.0; NUM_BINS].into(),
        },
        waterfall: Arc::new(
            (0..num_rows).map(|i| WaterfallRow { end_s: end_s(i), peak_dbfs: noise(&mut dice) }).collect(),
        ),
        bursts: Arc::default(),
        num_bursts: 0,
        transmitters: Arc::default(),
        walk: Arc::default(),
        stimuli: Arc::default(),
        health: Health {
            samples_processed: (position_s * RATE_HZ) as u64,
            realtime_factor: 14.2,
            load: vec![("read", 0.03), ("spectrum", 0.22), ("search", 0.41), ("track", 0.01)],
            backlog: (1, 64),
            ..Health::default()
        },
    }
}

/// One tracker among a phone, a car's beacon and unknown energy.
pub(super) fn company(position_s: f64) -> Snapshot {
    let mut snapshot = silence(position_s);
    let mut findings: Vec<(u32, Finding)> = Vec::new();
    for (index, part) in COMPANY.iter().enumerate() {
        let mut start_s = 0.37 * index as f64;
        let mut number = 0;
        while start_s + part.length_s < position_s {
            let power_dbfs = part.power_dbfs + [0.0, -3.0, -9.0, -1.0, -6.0][number % 5];
            findings.push((index as u32 + 1, finding(part, start_s, power_dbfs)));
            start_s += part.period_s;
            number += 1;
        }
    }
    findings.sort_by(|a, b| a.1.extent.start_s.total_cmp(&b.1.extent.start_s));
    let bursts: VecDeque<Burst> = (1..)
        .zip(findings)
        .map(|(id, (transmitter, finding))| Burst {
            id,
            transmitter: Some(transmitter),
            attribution: 1.0,
            alternatives: Vec::new(),
            finding,
        })
        .collect();
    snapshot.transmitters =
        Arc::new((1..).zip(&COMPANY).filter_map(|(id, part)| transmitter(id, part, &bursts)).collect());
    paint(&mut snapshot, &bursts);
    snapshot.num_bursts = bursts.len() as u64;
    snapshot.bursts = Arc::new(bursts);
    snapshot.health.rejections = vec![
        (Rejection { detector: "nprach", reason: "phase does not repeat over the symbol group" }, 12),
        (Rejection { detector: "energy", reason: "shorter than any channel" }, 13_417),
    ];
    snapshot
}

fn finding(part: &Part, start_s: f64, power_dbfs: f32) -> Finding {
    let extent =
        Segment { start_s, end_s: start_s + part.length_s, center_hz: part.center_hz, bandwidth_hz: part.bandwidth_hz };
    let hop_s = part.length_s / part.hops as f64;
    let tone_hz = part.bandwidth_hz / 12.0;
    let hop = |index: usize| Segment {
        start_s: start_s + index as f64 * hop_s,
        end_s: start_s + (index + 1) as f64 * hop_s,
        center_hz: extent.low_hz() + ([3, 4, 10, 9, 2, 3, 11, 10][index % 8] as f64 + 0.5) * tone_hz,
        bandwidth_hz: tone_hz,
    };
    Finding {
        extent,
        segments: if part.hops > 1 { (0..part.hops).map(hop).collect() } else { Vec::new() },
        power_dbfs,
        snr_db: power_dbfs + 101.0,
        technology: part.technology,
        channel: part.channel,
        confidence: 0.97,
        clipped: false,
        parameters: Parameters::default(),
    }
}

fn transmitter(id: u32, part: &Part, bursts: &VecDeque<Burst>) -> Option<Transmitter> {
    let own: Vec<&Finding> =
        bursts.iter().filter(|burst| burst.transmitter == Some(id)).map(|burst| &burst.finding).collect();
    let known = part.technology != Technology::Unknown;
    Some(Transmitter {
        id,
        technology: part.technology,
        confidence: if known { 0.97 } else { 0.4 },
        bursts: own.len() as u64,
        sessions: own.len() as u64,
        first_s: own.first()?.extent.start_s,
        last_s: own.last()?.extent.end_s,
        center_hz: part.center_hz,
        bandwidth_hz: part.bandwidth_hz,
        power_dbfs_max: part.power_dbfs,
        frequency_error_hz: known.then_some(-312.4),
        period_s: known.then_some(part.period_s),
        cadence: None,
        carrier: None,
        cell_ids: (part.technology == Technology::NbIot).then(|| vec![17, 113, 209]),
        levels: own.iter().map(|finding| (finding.extent.start_s, finding.power_dbfs)).collect(),
        channels: vec![(part.channel, own.len() as u64)],
        known: None,
        alternatives: Vec::new(),
        evidence: vec![
            "All its bursts have the same frequency error to within 4 Hz.".into(),
            format!("Its sessions begin every {} s, to within 0.1 s.", part.period_s),
        ],
        clipped: false,
        ..Transmitter::of(own.first()?)
    })
}

/// Raises the waterfall and the spectrum where bursts are.
fn paint(snapshot: &mut Snapshot, bursts: &VecDeque<Burst>) {
    let bin = |offset_hz: f64| ((offset_hz / RATE_HZ + 0.5) * NUM_BINS as f64) as usize;
    let mut peak = snapshot.spectrum.peak_dbfs.to_vec();
    let mut mean = snapshot.spectrum.mean_dbfs.to_vec();
    let mut rows: Vec<(f64, Vec<f32>)> =
        snapshot.waterfall.iter().map(|row| (row.end_s, row.peak_dbfs.to_vec())).collect();
    for burst in bursts {
        let extent = [burst.finding.extent];
        let parts = if burst.finding.segments.is_empty() { &extent[..] } else { &burst.finding.segments[..] };
        for part in parts {
            let bins = bin(part.low_hz())..bin(part.high_hz()).max(bin(part.low_hz()) + 1).min(NUM_BINS);
            for (end_s, powers) in &mut rows {
                if *end_s > part.start_s && *end_s - ROW_S < part.end_s {
                    powers[bins.clone()].fill(burst.finding.power_dbfs - 12.0);
                }
            }
            if snapshot.position_s - part.end_s < 1.0 {
                peak[bins.clone()].fill(burst.finding.power_dbfs - 12.0);
                mean[bins].iter_mut().for_each(|power| *power = power.max(burst.finding.power_dbfs - 25.0));
            }
        }
    }
    snapshot.spectrum.peak_dbfs = peak.into();
    snapshot.spectrum.mean_dbfs = mean.into();
    snapshot.waterfall =
        Arc::new(rows.into_iter().map(|(end_s, powers)| WaterfallRow { end_s, peak_dbfs: powers.into() }).collect());
}

/// A walk around a car with a tracker in its rear left: two minutes, a zone every twenty seconds, a stimulus.
pub(super) fn walk() -> Snapshot {
    const LEVELS_DBFS: [f32; 6] = [-61.0, -63.0, -52.0, -54.0, -38.0, -44.0];
    let mut snapshot = silence(119.0);
    let list = Arc::new(ZoneList::named(Path::new("vehicle")).unwrap());
    let names: Vec<String> = list.zones.iter().map(|zone| zone.name.clone()).collect();
    let mut tracker = Tracker::new(Some(832.2e6), Arc::default()).with_zones(list);
    tracker.hear(&Event::Gain { time_s: 0.0, gain_db: Some(0.0) });
    let mut bursts = VecDeque::new();
    for (zone, level_dbfs) in LEVELS_DBFS.into_iter().enumerate() {
        let begin_s = 20.0 * zone as f64;
        tracker.hear(&Event::Mark { time_s: begin_s, zone: Some(names[zone].clone()) });
        if zone == 3 {
            let kind = Kind::Ignition;
            tracker.hear(&Event::Stimulus(Stimulus { time_s: begin_s + 4.0, kind, note: None }));
        }
        for look in 0..6 {
            let power_dbfs = level_dbfs + [0.0, -4.0, 2.0, -1.0, -7.0, 1.0][look];
            let part = Part { channel: Channel::Npusch1, hops: 1, length_s: 0.03, ..COMPANY[1] };
            let finding = finding(&part, begin_s + 1.0 + 3.0 * look as f64, power_dbfs);
            let attribution = tracker.attribute(&finding);
            bursts.push_back(Burst {
                id: bursts.len() as u64,
                transmitter: Some(attribution.transmitter),
                attribution: attribution.probability,
                alternatives: attribution.alternatives,
                finding,
            });
        }
    }
    snapshot.walk = Arc::clone(tracker.walk());
    snapshot.stimuli = Arc::new(tracker.stimuli());
    snapshot.transmitters = Arc::new(tracker.transmitters());
    snapshot.num_bursts = bursts.len() as u64;
    snapshot.bursts = Arc::new(bursts);
    snapshot
}

/// Two hundred phones.
pub(super) fn crowd() -> Snapshot {
    let mut snapshot = company(9.6);
    let one = snapshot.transmitters[0].clone();
    let phone = |id: u32| Transmitter { id, power_dbfs_max: -40.0 - (id % 50) as f32, ..one.clone() };
    snapshot.transmitters = Arc::new((1..=200).map(phone).collect());
    snapshot
}

/// Losses, and a receiver driven too hard.
pub(super) fn trouble(position_s: f64) -> Snapshot {
    let mut snapshot = company(position_s);
    snapshot.health.overloaded = true;
    snapshot.health.clipped_s = 2.4;
    snapshot.health.samples_dropped = 1_234_567;
    snapshot.health.blind_s = 1.93;
    snapshot.health.backlog = (62, 64);
    snapshot.health.realtime_factor = 0.8;
    snapshot.health.load[2].1 = 0.99;
    snapshot
}

/// Anything at all, sense or nonsense.
pub(super) fn anything(dice: &mut Dice) -> Snapshot {
    let mut snapshot = if dice.below(3) == 0 { walk() } else { company(dice.below(12) as f64) };
    let powers = |dice: &mut Dice| {
        let num = [0, 1, 7, 300][dice.below(4) as usize];
        (0..num).map(|_| dice.wild(-140.0, 10.0) as f32).collect::<Arc<[f32]>>()
    };
    snapshot.stream = Arc::new(Stream {
        name: ["", "rtlsdr", "/a/very/long/path/to/日本語/with\u{1b}[31mcontrol.cu8"][dice.below(3) as usize].into(),
        sample_rate_hz: dice.wild(1e5, 6e7),
        center_frequency_hz: (dice.below(2) == 0).then(|| dice.wild(0.0, 6e9)),
        duration_s: (dice.below(2) == 0).then(|| dice.wild(0.0, 1e5)),
    });
    snapshot.state = match dice.below(4) {
        0 => State::Running,
        1 => State::Paused,
        2 => State::Finished,
        _ => State::Failed("the device is gone ".repeat(dice.below(30) as usize)),
    };
    snapshot.position_s = dice.wild(0.0, 1e6);
    snapshot.speed = (dice.below(2) == 0).then(|| dice.wild(0.0, 100.0));
    snapshot.spectrum = Spectrum { mean_dbfs: powers(dice), peak_dbfs: powers(dice), floor_dbfs: powers(dice) };
    snapshot.waterfall = Arc::new(
        (0..dice.below(40)).map(|_| WaterfallRow { end_s: dice.wild(-1.0, 10.0), peak_dbfs: powers(dice) }).collect(),
    );
    let wild_segment = |dice: &mut Dice| Segment {
        start_s: dice.wild(0.0, 10.0),
        end_s: dice.wild(0.0, 10.0),
        center_hz: dice.wild(-5e5, 5e5),
        bandwidth_hz: dice.wild(0.0, 5e5),
    };
    for burst in Arc::make_mut(&mut snapshot.bursts) {
        burst.transmitter = (dice.below(3) > 0).then(|| dice.below(6) as u32);
        burst.finding.extent = wild_segment(dice);
        burst.finding.segments = (0..dice.below(4)).map(|_| wild_segment(dice)).collect();
        burst.finding.technology = Technology::ALL[dice.below(6) as usize];
    }
    for row in Arc::make_mut(&mut snapshot.transmitters) {
        row.technology = Technology::ALL[dice.below(6) as usize];
        row.confidence = dice.wild(0.0, 1.0);
        row.last_s = dice.wild(0.0, 10.0);
        row.center_hz = dice.wild(-1e6, 1e6);
        row.bandwidth_hz = dice.wild(0.0, 1e6);
        row.power_dbfs_max = dice.wild(-120.0, 0.0) as f32;
        row.period_s = (dice.below(2) == 0).then(|| dice.wild(0.0, 1e6));
        row.cell_ids = (dice.below(2) == 0).then(|| (0..dice.below(20) as u16).collect());
        row.levels = (0..dice.below(40)).map(|_| (dice.wild(0.0, 9.0), dice.wild(-120.0, 0.0) as f32)).collect();
        row.clipped = dice.below(2) == 0;
        if let Some(proximity) = &mut row.proximity {
            proximity.latest.level_db = dice.wild(-120.0, 0.0);
            proximity.peak.level_db = dice.wild(-120.0, 0.0);
            proximity.trend.change_db = dice.wild(-20.0, 20.0);
            proximity.trend.change_sigma_db = dice.wild(0.0, 20.0);
            proximity.trend.probability_hotter = dice.wild(0.0, 1.0);
            proximity.over_crowd_db = (dice.below(2) == 0).then(|| dice.wild(-20.0, 20.0));
        }
        if let Some(whereabouts) = &mut row.whereabouts {
            whereabouts.next = (dice.below(2) == 0).then(|| dice.below(9) as usize);
            whereabouts.outside = (dice.below(2) == 0).then(|| dice.wild(0.0, 1.0));
            whereabouts.zones.truncate(dice.below(9) as usize);
            for zone in &mut whereabouts.zones {
                zone.probability = dice.wild(0.0, 1.0);
                zone.best_db = (dice.below(2) == 0).then(|| dice.wild(-120.0, 0.0));
            }
        }
    }
    snapshot.health.blind_s = dice.wild(0.0, 10.0);
    snapshot.health.clipped_s = dice.wild(0.0, 10.0);
    snapshot.health.overloaded = dice.below(2) == 0;
    snapshot.health.samples_dropped = dice.below(2) * dice.roll();
    snapshot.health.realtime_factor = dice.wild(0.0, 50.0);
    snapshot.health.backlog = (dice.below(80) as usize, dice.below(64) as usize);
    snapshot.health.load = vec![("read", dice.wild(0.0, 1.0)), ("a stage with a very long name indeed", 0.5)];
    snapshot
}
