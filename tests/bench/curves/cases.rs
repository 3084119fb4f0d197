//! What is measured: one row per channel and length, with the bar it is held against.

use dsp::synth::random::Random;

/// One kind of transmission.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Random access preamble of NB-IoT.
    Nprach { format: u8, repetitions: u8 },
    /// Random access preamble of LTE.
    Prach { format: u8 },
    /// Data of NB-IoT.
    Npusch1 { spacing_hz: u32, tones: u16, resource_units: u16, repetitions: u16 },
    /// Acknowledgement of NB-IoT.
    Npusch2 { spacing_hz: u32, repetitions: u16 },
    /// Data of LTE.
    Pusch { resource_blocks: u16, subframes: u16 },
}

impl Kind {
    /// `channel` of the record that names it.
    pub(crate) fn channel(self) -> &'static str {
        match self {
            Self::Nprach { .. } => "nprach",
            Self::Prach { .. } => "prach",
            Self::Npusch1 { .. } => "npusch1",
            Self::Npusch2 { .. } => "npusch2",
            Self::Pusch { .. } => "pusch",
        }
    }

    /// Time it is on the air, gaps included.
    pub(crate) fn duration_s(self) -> f64 {
        match self {
            Self::Nprach { format: 2, repetitions } => {
                f64::from(repetitions) * 19.2e-3 + f64::from((repetitions - 1) / 16) * 40e-3
            }
            Self::Nprach { repetitions, .. } => {
                f64::from(repetitions) * 6.4e-3 + f64::from((repetitions - 1) / 64) * 40e-3
            }
            Self::Prach { format } => [0.903e-3, 1.484e-3, 1.803e-3, 2.284e-3][usize::from(format)],
            Self::Npusch1 { spacing_hz, tones, resource_units, repetitions } => {
                let unit_s = match (spacing_hz, tones) {
                    (3750, _) => 32e-3,
                    (_, 1) => 8e-3,
                    (_, 3) => 4e-3,
                    (_, 6) => 2e-3,
                    _ => 1e-3,
                };
                with_gaps(unit_s * f64::from(resource_units) * f64::from(repetitions))
            }
            Self::Npusch2 { spacing_hz, repetitions } => {
                with_gaps(f64::from(repetitions) * if spacing_hz == 3750 { 8e-3 } else { 2e-3 })
            }
            Self::Pusch { subframes, .. } => f64::from(subframes) * 1e-3,
        }
    }
}

/// 40 ms after every 256 ms (TS 36.211 §10.1.3.6).
fn with_gaps(on_s: f64) -> f64 {
    on_s + (on_s / 0.256).floor() * 0.04
}

/// One curve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// Curves of one family are drawn together.
    pub(crate) family: &'static str,
    /// What tells this one from its family.
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
    /// SNR in the band occupied at any instant at which it should be named: 99 % for preambles, 95 % for NPUSCH.
    pub(crate) bar_db: f64,
    pub(crate) sample_rate_hz: f64,
}

const NB_IOT_RATE_HZ: f64 = 480e3;
const LTE_RATE_HZ: f64 = 1.92e6;
const WIDE_RATE_HZ: f64 = 3.84e6;

const fn nprach(format: u8, label: &'static str, repetitions: u8, bar_db: f64) -> Case {
    let family = match format {
        0 => "NPRACH format 0",
        1 => "NPRACH format 1",
        _ => "NPRACH format 2",
    };
    Case { family, label, kind: Kind::Nprach { format, repetitions }, bar_db, sample_rate_hz: NB_IOT_RATE_HZ }
}

const fn prach(label: &'static str, format: u8, bar_db: f64) -> Case {
    Case { family: "LTE PRACH", label, kind: Kind::Prach { format }, bar_db, sample_rate_hz: WIDE_RATE_HZ }
}

const fn npusch1(label: &'static str, spacing_hz: u32, tones: u16, units: (u16, u16), bar_db: f64) -> Case {
    let kind = Kind::Npusch1 { spacing_hz, tones, resource_units: units.0, repetitions: units.1 };
    Case { family: "NPUSCH format 1", label, kind, bar_db, sample_rate_hz: NB_IOT_RATE_HZ }
}

const fn npusch2(label: &'static str, spacing_hz: u32, repetitions: u16, bar_db: f64) -> Case {
    let kind = Kind::Npusch2 { spacing_hz, repetitions };
    Case { family: "NPUSCH format 2", label, kind, bar_db, sample_rate_hz: NB_IOT_RATE_HZ }
}

const fn pusch(label: &'static str, resource_blocks: u16, subframes: u16, bar_db: f64) -> Case {
    let kind = Kind::Pusch { resource_blocks, subframes };
    Case { family: "LTE PUSCH", label, kind, bar_db, sample_rate_hz: LTE_RATE_HZ }
}

/// Every curve.
pub(crate) const CASES: [Case; 28] = [
    nprach(0, "1 repetition", 1, 4.5),
    nprach(0, "2 repetitions", 2, 2.5),
    nprach(0, "4 repetitions", 4, 0.5),
    nprach(0, "8 repetitions", 8, -1.7),
    nprach(0, "32 repetitions", 32, -5.7),
    nprach(0, "128 repetitions", 128, -9.4),
    nprach(1, "1 repetition", 1, 4.0),
    nprach(1, "8 repetitions", 8, -2.2),
    nprach(2, "1 repetition", 1, 4.0),
    nprach(2, "8 repetitions", 8, -2.2),
    prach("format 0", 0, -7.5),
    prach("format 3", 3, -7.5),
    npusch1("1 tone of 15 kHz, 8 ms", 15_000, 1, (1, 1), 10.0),
    npusch1("1 tone of 15 kHz, 32 ms", 15_000, 1, (4, 1), 0.0),
    npusch1("1 tone of 15 kHz, 128 ms", 15_000, 1, (4, 4), -2.0),
    npusch1("1 tone of 3.75 kHz, 64 ms", 3750, 1, (2, 1), 4.0),
    npusch1("3 tones, 4 ms", 15_000, 3, (1, 1), 3.0),
    npusch1("6 tones, 4 ms", 15_000, 6, (2, 1), 3.0),
    npusch1("12 tones, 4 ms", 15_000, 12, (4, 1), 3.0),
    npusch1("12 tones, 32 ms", 15_000, 12, (4, 8), -1.0),
    npusch2("15 kHz, 2 ms", 15_000, 1, 9.0),
    npusch2("15 kHz, 16 ms", 15_000, 8, 2.0),
    npusch2("3.75 kHz, 8 ms", 3750, 1, 9.0),
    pusch("1 block, 1 ms", 1, 1, 6.0),
    pusch("1 block, 4 ms", 1, 4, 1.0),
    pusch("1 block, 16 ms", 1, 16, -2.5),
    pusch("3 blocks, 1 ms", 3, 1, -1.5),
    pusch("6 blocks, 1 ms", 6, 1, -5.0),
];

/// Quiet between transmissions.
const REST_S: f64 = 0.1;

/// Receiver faults all at once, but for clipping and the stronger neighbour.
pub(crate) const IMPAIRED: &str = "[receiver]\nlo_offset_hz = 2000.0\nclock_error_ppm = 20.0\ndc = [0.01, -0.008]\n\
                            iq_gain_db = 0.7\niq_phase_deg = 4.5\nphase_noise_linewidth_hz = 0.2\n";

impl Case {
    /// A scene of `trials` transmissions at one SNR. Each has a cell, carrier, timing and frequency error of its own, so
    /// nothing learnt from one helps with another.
    pub(crate) fn scene(&self, snr_db: f64, trials: usize, seed: u64, impaired: bool) -> String {
        let mut random = Random::new(seed);
        let every_s = self.kind.duration_s() + REST_S;
        let (format, receiver) = if impaired { ("ci8", IMPAIRED) } else { ("cf32_le", "") };
        let mut text = format!(
            "[scene]\nduration_s = {:.4}\nsample_rate_hz = {:.1}\ncenter_frequency_hz = 842_500_000\nseed = {seed}\n\
             noise_dbfs = -20.0\nformat = \"{format}\"\n{receiver}",
            every_s * (trials as f64 + 0.5),
            self.sample_rate_hz,
        );
        for trial in 0..trials {
            let start_s = every_s * (trial as f64 + 0.3 + 0.3 * random.uniform() * REST_S / every_s);
            text += &self.transmission(trial, start_s, snr_db, &mut random);
        }
        text
    }

    fn transmission(&self, trial: usize, start_s: f64, snr_db: f64, random: &mut Random) -> String {
        let lte = matches!(self.kind, Kind::Prach { .. } | Kind::Pusch { .. });
        let reach_hz = if lte { 200e3 } else { self.sample_rate_hz / 2.0 - 115e3 };
        let carrier_hz = reach_hz * (2.0 * random.uniform() - 1.0);
        let (cell_id, frame_s) = (random.below(504), random.uniform() * 0.01);
        let (cfo_hz, delay_us) = (500.0 * (2.0 * random.uniform() - 1.0), 20.0 * random.uniform());
        let cell = if lte { "technology = \"lte\"\nresource_blocks = 6\n" } else { "" };
        let nprach = match self.kind {
            Kind::Nprach { format, repetitions } => {
                let subcarriers = if format == 2 { 36 } else { 12 };
                let offset = if format == 2 { 0 } else { 12 * random.below(4) };
                format!(
                    "[cell.nprach]\nformat = {format}\nrepetitions = {repetitions}\nsubcarriers = {subcarriers}\n\
                     subcarrier_offset = {offset}\n"
                )
            }
            _ => String::new(),
        };
        let burst = match self.kind {
            Kind::Nprach { .. } => format!("[[device.nprach]]\nstart_s = {start_s:.6}\n"),
            Kind::Prach { format } => format!("[[device.prach]]\nstart_s = {start_s:.6}\nformat = {format}\n"),
            Kind::Npusch1 { spacing_hz, tones, resource_units, repetitions } => {
                let places = match (spacing_hz, tones) {
                    (3750, _) => 48,
                    (_, 1) => 12,
                    _ => u64::from(12 / tones),
                };
                let modulation = if tones == 1 && random.bit() { "bpsk" } else { "qpsk" };
                format!(
                    "[[device.npusch1]]\nstart_s = {start_s:.6}\nspacing_hz = {spacing_hz}\ntones = {tones}\n\
                     first_subcarrier = {}\nmodulation = \"{modulation}\"\nresource_units = {resource_units}\n\
                     repetitions = {repetitions}\n",
                    random.below(places) * u64::from(tones)
                )
            }
            Kind::Npusch2 { spacing_hz, repetitions } => format!(
                "[[device.npusch2]]\nstart_s = {start_s:.6}\nspacing_hz = {spacing_hz}\nfirst_subcarrier = {}\n\
                 repetitions = {repetitions}\n",
                if spacing_hz == 3750 { 38 + random.below(8) } else { random.below(4) }
            ),
            Kind::Pusch { resource_blocks, subframes } => format!(
                "[[device.pusch]]\nstart_s = {start_s:.6}\nfirst_prb = {}\nnum_prb = {resource_blocks}\n\
                 subframes = {subframes}\ncyclic_shift = {}\n",
                random.below(u64::from(7 - resource_blocks)),
                random.below(12)
            ),
        };
        format!(
            "[[cell]]\nname = \"{trial}\"\n{cell}cell_id = {cell_id}\ncarrier_hz = {carrier_hz:.3}\n\
             frame_start_s = {frame_s:.7}\n{nprach}[[device]]\nname = \"{trial}\"\ncell = \"{trial}\"\n\
             snr_db = {snr_db:.2}\ncfo_hz = {cfo_hz:.2}\ndelay_us = {delay_us:.3}\n{burst}"
        )
    }
}
