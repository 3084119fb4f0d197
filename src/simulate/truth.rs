//! What really was on the air: the answer a detector is held against.

use serde::Serialize;
use serde_json::Value;

/// `NAME.truth.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    /// Stem of the capture's name.
    pub name: String,
    /// The scene's line.
    pub description: String,
    /// Length in samples.
    pub n_samples: u64,
    /// Length in seconds of the capture's clock.
    pub duration_s: f64,
    /// Nominal sample rate.
    pub sample_rate_hz: f64,
    /// Sample format.
    pub datatype: String,
    /// Radio frequency of offset 0.
    pub center_frequency_hz: f64,
    /// The scene's seed.
    pub seed: u64,
    /// What made it.
    pub generator: &'static str,
    /// What the figures mean.
    pub conventions: Conventions,
    /// Noise.
    pub noise: Noise,
    /// Receiver faults that were applied.
    pub impairments: Value,
    /// Carriers.
    pub cells: Vec<Value>,
    /// Transmissions in order of start.
    pub bursts: Vec<Burst>,
    /// What a detector may see that nobody sent.
    pub artifacts: Vec<Artifact>,
}

/// What the figures of a [`Truth`] mean.
#[derive(Debug, Clone, Serialize)]
pub struct Conventions {
    time: &'static str,
    frequency: &'static str,
    snr: &'static str,
}

impl Default for Conventions {
    fn default() -> Self {
        Self {
            time: "start_s, end_s: sample index / nominal sample rate, delay and clock error included, ramps not",
            frequency: "offsets from the capture's centre as observed, oscillator, device and clock errors included; \
                        carrier_hz without any of them",
            snr: "snr_db within snr_bw_hz, the band occupied at any instant, over the time it was on, before clipping \
                  and quantisation",
        }
    }
}

/// Noise of the capture.
#[derive(Debug, Clone, Serialize)]
pub struct Noise {
    /// Within the whole sampled band.
    pub dbfs: f64,
    /// Per hertz.
    pub dbfs_per_hz: f64,
}

/// One transmission.
#[derive(Debug, Clone, Serialize)]
pub struct Burst {
    /// Number in order of start.
    pub id: usize,
    /// The same: every transmission is one piece.
    pub tx_id: usize,
    /// `nprach`, `npusch1`, `npusch2`, `lte-prach`, `lte-pusch`, or `confounder:…` for what is no cellular uplink.
    pub kind: &'static str,
    /// Name of the device.
    pub transmitter: String,
    /// First instant.
    pub start_s: f64,
    /// Last instant.
    pub end_s: f64,
    /// First instant in samples.
    pub start_sample: f64,
    /// Last instant in samples.
    pub end_sample: f64,
    /// Whether the capture misses a part of it.
    pub truncated: bool,
    /// Time it was on, gaps excluded.
    pub on_time_s: f64,
    /// Middle of the band it occupied over its life.
    pub center_hz: f64,
    /// Width of that band.
    pub bandwidth_hz: f64,
    /// Lower edge.
    pub f_low_hz: f64,
    /// Upper edge.
    pub f_high_hz: f64,
    /// Carrier of its cell or device, without errors.
    pub carrier_hz: f64,
    /// Error of the device's carrier.
    pub cfo_hz: f64,
    /// How late the device's signals arrive.
    pub delay_us: f64,
    /// Mean power while on.
    pub power_dbfs: f64,
    /// Signal over noise within `snr_bw_hz`, fading included.
    pub snr_db: f64,
    /// Band occupied at any instant.
    pub snr_bw_hz: f64,
    /// Signal over noise density.
    pub cn0_dbhz: f64,
    /// Resource blocks of LTE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_prb: Option<u16>,
    /// Subframes of LTE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subframes: Option<u16>,
    /// Everything else of its kind.
    pub params: Value,
}

/// Something visible that nobody sent.
#[derive(Debug, Clone, Serialize)]
pub struct Artifact {
    /// `dc-offset`, `iq-image` or `clipping`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// First instant.
    pub start_s: f64,
    /// Last instant.
    pub end_s: f64,
    /// Where.
    pub center_hz: f64,
    /// How wide.
    pub bandwidth_hz: f64,
    /// The burst it comes of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_burst: Option<usize>,
    /// Level over the noise within the band of the burst.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snr_db: Option<f64>,
    /// Share of samples clipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clipped_fraction: Option<f64>,
}
