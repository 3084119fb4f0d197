//! Facts about the band: what was transmitted, when, where and how sure that is.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Radio technology a burst belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Technology {
    /// Narrowband IoT.
    NbIot,
    /// LTE for machines (category M).
    LteM,
    /// LTE.
    Lte,
    /// GSM.
    Gsm,
    /// 5G new radio.
    Nr,
    /// Energy that is no known cellular uplink.
    Unknown,
}

impl Technology {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::NbIot, Self::LteM, Self::Lte, Self::Gsm, Self::Nr, Self::Unknown];

    /// The name scripts read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NbIot => "nb-iot",
            Self::LteM => "lte-m",
            Self::Lte => "lte",
            Self::Gsm => "gsm",
            Self::Nr => "nr",
            Self::Unknown => "unknown",
        }
    }
}

/// Physical channel of a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// NB-IoT random access preamble.
    Nprach,
    /// NB-IoT data (NPUSCH format 1).
    Npusch1,
    /// NB-IoT acknowledgement (NPUSCH format 2).
    Npusch2,
    /// LTE, LTE-M or NR random access preamble.
    Prach,
    /// LTE or LTE-M data.
    Pusch,
    /// LTE or LTE-M control.
    Pucch,
    /// LTE sounding.
    Srs,
    /// GSM normal burst.
    GsmNormal,
    /// GSM access burst.
    GsmAccess,
    /// Not known.
    Unknown,
}

impl Channel {
    /// The name scripts read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nprach => "nprach",
            Self::Npusch1 => "npusch1",
            Self::Npusch2 => "npusch2",
            Self::Prach => "prach",
            Self::Pusch => "pusch",
            Self::Pucch => "pucch",
            Self::Srs => "srs",
            Self::GsmNormal => "gsm-normal",
            Self::GsmAccess => "gsm-access",
            Self::Unknown => "unknown",
        }
    }
}

/// One rectangle of time and frequency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// First instant, seconds from the stream's first sample.
    pub start_s: f64,
    /// Last instant.
    pub end_s: f64,
    /// Middle of the band it occupied, hertz from the stream's centre.
    pub center_hz: f64,
    /// Width of that band.
    pub bandwidth_hz: f64,
}

impl Segment {
    /// Length in time.
    pub fn duration_s(&self) -> f64 {
        self.end_s - self.start_s
    }

    /// Lower edge of the band.
    pub fn low_hz(&self) -> f64 {
        self.center_hz - self.bandwidth_hz / 2.0
    }

    /// Upper edge of the band.
    pub fn high_hz(&self) -> f64 {
        self.center_hz + self.bandwidth_hz / 2.0
    }

    /// Length of time both are on, zero where they do not meet.
    pub fn shared_s(&self, other: &Self) -> f64 {
        (self.end_s.min(other.end_s) - self.start_s.max(other.start_s)).max(0.0)
    }

    /// Width of band both occupy, zero where they do not meet.
    pub fn shared_hz(&self, other: &Self) -> f64 {
        (self.high_hz().min(other.high_hz()) - self.low_hz().max(other.low_hz())).max(0.0)
    }
}

/// What was measured of a burst; a field is absent where its channel has no such thing or it was not found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parameters {
    /// Preamble or control format, the standard's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<u8>,
    /// Repetitions seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repetitions: Option<u16>,
    /// Subcarrier spacing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subcarrier_spacing_hz: Option<f64>,
    /// Number of subcarriers occupied at any instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tones: Option<u16>,
    /// Modulation of the data symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modulation: Option<Cow<'static, str>>,
    /// Duration in resource units (NPUSCH), over all repetitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_units: Option<u16>,
    /// Resource blocks (LTE).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_prb: Option<u16>,
    /// Zadoff-Chu root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<u16>,
    /// Base sequence group `u`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_sequence: Option<u8>,
    /// Base sequence group of each slot, where slots were told apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub base_sequences: Vec<u8>,
    /// Cyclic shift of the reference signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cyclic_shift: Option<u16>,
    /// Number of the training sequence (GSM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training_sequence: Option<u8>,
    /// Length of the guard before every symbol: `normal` or `extended` (LTE).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cyclic_prefix: Option<Cow<'static, str>>,
    /// Cell identities consistent with what was seen: the exact set, never one picked from many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell_ids: Option<Vec<u16>>,
    /// Tones of the successive symbol groups, counted from the lowest of the block they hop over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hop_pattern: Option<Vec<u8>>,
    /// Frequency error against the grid the transmission defines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_error_hz: Option<f64>,
    /// One standard deviation of the frequency measurement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_sigma_hz: Option<f64>,
    /// One standard deviation of the start's measurement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_sigma_s: Option<f64>,
    /// Detection metric; 1.0 is at threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<f64>,
    /// How sure the detector alone was, where the confidence was weighed with other bursts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence_alone: Option<f64>,
    /// Other bursts that speak for this one, a phrase each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_by: Vec<String>,
    /// What else this may be where physics leaves it open, as `technology/channel`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Cow<'static, str>>,
}

/// One uplink transmission: a burst as the records know it, without its number and transmitter.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Extent over its whole life, hops included.
    pub extent: Segment,
    /// One rectangle per hop where it hops, else empty.
    pub segments: Vec<Segment>,
    /// Mean power while it was on.
    pub power_dbfs: f32,
    /// Mean signal power over noise power within the bandwidth occupied at any instant.
    pub snr_db: f32,
    /// What it is.
    pub technology: Technology,
    /// Which channel it is.
    pub channel: Channel,
    /// Probability that `technology` and `channel` are right.
    pub confidence: f64,
    /// The receiver was overloaded during it.
    pub clipped: bool,
    /// What was measured.
    pub parameters: Parameters,
}

impl Finding {
    /// Takes its name away; what it was taken for comes first among the alternatives.
    pub fn unname(&mut self, confidence: f64) {
        let name = format!("{}/{}", self.technology.name(), self.channel.name());
        let mut alternatives = vec![name.into()];
        alternatives.append(&mut self.parameters.alternatives);
        self.technology = Technology::Unknown;
        self.channel = Channel::Unknown;
        self.confidence = confidence;
        let confidence_alone = self.parameters.confidence_alone;
        self.parameters = Parameters { alternatives, confidence_alone, ..Parameters::default() };
    }

    /// Counts its offsets from a frequency that is lower by this.
    pub fn shift(&mut self, by_hz: f64) {
        self.extent.center_hz += by_hz;
        self.segments.iter_mut().for_each(|segment| segment.center_hz += by_hz);
    }
}

/// Why a detector or the energy stage did not make a finding of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Rejection {
    /// Who said no.
    pub detector: &'static str,
    /// Which test failed.
    pub reason: &'static str,
}
