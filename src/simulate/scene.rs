//! What a scene file says: TOML, units in the names of its keys, nothing unknown tolerated.
//!
//! Frequencies are offsets in hertz from the capture's centre, times are seconds from its first sample. Every
//! `[[device.…]]` table is a transmission, or several where `start_s` is a list or a series.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// A whole scene file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// `[scene]`: the capture.
    #[serde(rename = "scene")]
    pub capture: Capture,
    /// `[receiver]`: its faults.
    #[serde(default)]
    pub receiver: Faults,
    /// `[[cell]]`: carriers with an identity and a clock.
    #[serde(default, rename = "cell")]
    pub cells: Vec<Cell>,
    /// `[[device]]`: transmitters.
    #[serde(default, rename = "device")]
    pub devices: Vec<Device>,
}

/// The capture to make.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// One line for the metadata.
    #[serde(default)]
    pub description: String,
    /// Length.
    pub duration_s: f64,
    /// Sample rate.
    pub sample_rate_hz: f64,
    /// Radio frequency of offset 0.
    pub center_frequency_hz: f64,
    /// Everything random follows from it.
    pub seed: u64,
    /// Noise power within the whole sampled band; 0 dBFS is a tone of amplitude 1.
    pub noise_dbfs: f64,
    /// Sample format as SigMF names it: `ci8`, `cu8`, `ci16_le`, `cf32_le`.
    pub format: String,
}

/// Faults of the receiver, none by default; see [`dsp::synth::Receiver`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// How much too high the oscillator is.
    pub lo_offset_hz: f64,
    /// How much too fast the sample clock is.
    pub clock_error_ppm: f64,
    /// Offset of I and Q, full scale 1.
    pub dc: [f64; 2],
    /// Gain of Q over that of I.
    pub iq_gain_db: f64,
    /// Departure of Q from a right angle to I.
    pub iq_phase_deg: f64,
    /// Full width at half maximum of the oscillator's line.
    pub phase_noise_linewidth_hz: f64,
    /// Gain over the level that `noise_dbfs` and `power_dbfs` are said for; what exceeds full scale is clipped.
    pub gain_db: f64,
}

/// Which radio technology a cell speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Technology {
    /// One NB-IoT carrier of 180 kHz.
    #[default]
    NbIot,
    /// An LTE carrier.
    Lte,
}

/// A carrier.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// What devices call it by.
    pub name: String,
    /// NB-IoT where it does not say.
    #[serde(default)]
    pub technology: Technology,
    /// Physical identity.
    pub cell_id: u16,
    /// Middle of the uplink carrier.
    pub carrier_hz: f64,
    /// Instant at which frame 0 begins.
    #[serde(default)]
    pub frame_start_s: f64,
    /// Resource blocks of an LTE carrier.
    #[serde(default = "default_resource_blocks")]
    pub resource_blocks: u16,
    /// Random access of an NB-IoT carrier.
    #[serde(default)]
    pub nprach: Nprach,
}

fn default_resource_blocks() -> u16 {
    50
}

/// `[cell.nprach]`: one random access resource.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nprach {
    /// Preamble format 0, 1 or 2.
    pub format: u8,
    /// First subcarrier of the resource.
    pub subcarrier_offset: u8,
    /// Subcarriers of the resource.
    pub subcarriers: u8,
    /// Repetitions of a preamble.
    pub repetitions: u8,
}

impl Default for Nprach {
    fn default() -> Self {
        Self { format: 0, subcarrier_offset: 0, subcarriers: 12, repetitions: 1 }
    }
}

/// How a device's bursts fade, each on its own.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fading {
    /// Not at all.
    #[default]
    None,
    /// Without a line of sight.
    Rayleigh,
    /// With a line of sight.
    Rice {
        /// Power of the line of sight over everything scattered.
        k_db: f64,
    },
}

/// A transmitter: exactly one of `cell` and `carrier_hz`, exactly one of `snr_db` and `power_dbfs`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Who it is in the truth.
    pub name: String,
    /// Name of its cell.
    pub cell: Option<String>,
    /// Its carrier, where it has no cell.
    pub carrier_hz: Option<f64>,
    /// Signal over noise within the band each of its bursts occupies at any instant.
    pub snr_db: Option<f64>,
    /// Mean power of its bursts, whatever their band.
    pub power_dbfs: Option<f64>,
    /// Error of its carrier.
    #[serde(default)]
    pub cfo_hz: f64,
    /// How late everything of it arrives.
    #[serde(default)]
    pub delay_us: f64,
    /// Power ramp before and after each burst.
    #[serde(default = "default_ramp_us")]
    pub ramp_us: f64,
    /// Radio identity in its cell.
    #[serde(default = "default_rnti")]
    pub rnti: u16,
    /// Block fading.
    #[serde(default)]
    pub fading: Fading,
    /// Whole attachments.
    #[serde(default, rename = "session")]
    pub sessions: Vec<Session>,
    /// Random access preambles.
    #[serde(default)]
    pub nprach: Vec<Preamble>,
    /// LTE and LTE-M random access preambles.
    #[serde(default)]
    pub prach: Vec<WidePreamble>,
    /// NB-IoT data.
    #[serde(default)]
    pub npusch1: Vec<Data>,
    /// NB-IoT acknowledgements.
    #[serde(default)]
    pub npusch2: Vec<Acknowledgement>,
    /// LTE data.
    #[serde(default)]
    pub pusch: Vec<Blocks>,
    /// Telegrams that are no cellular uplink.
    #[serde(default)]
    pub fsk: Vec<Telegram>,
    /// Unmodulated carriers.
    #[serde(default)]
    pub tone: Vec<Carrier>,
}

fn default_ramp_us() -> f64 {
    10.0
}

fn default_rnti() -> u16 {
    61
}

/// When something starts: once, at several instants, or in a series. In a cell, starts move on to the next subframe
/// (slot of 2 ms where the spacing is 3.75 kHz).
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected seconds, a list of seconds, or { first_s, every_s, count, jitter_s }")]
pub enum Starts {
    /// One start.
    Once(f64),
    /// Several.
    List(Vec<f64>),
    /// A series.
    Series(Series),
}

/// `start_s = { first_s = …, every_s = …, count = …, jitter_s = … }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// The first start.
    pub first_s: f64,
    /// From one to the next.
    pub every_s: f64,
    /// How many.
    pub count: u32,
    /// Each comes up to this much later than its turn.
    #[serde(default)]
    pub jitter_s: f64,
}

/// `[[device.session]]`: preamble, message 3, acknowledgement, then reports, at the spacing of a real attachment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Start of the preamble.
    pub start_s: Starts,
    /// Subcarrier of the NPRACH resource it draws; random where it does not say.
    pub subcarrier: Option<u8>,
    /// Data transmissions after the acknowledgement.
    #[serde(default = "one")]
    pub reports: u16,
    /// From the preamble's end to message 3: response window, response, and the 12 ms of TS 36.213 §16.3.3.
    #[serde(default = "default_response_s")]
    pub response_s: f64,
    /// From the end of one later transmission to the start of the next: downlink control, data, and scheduling delay.
    #[serde(default = "default_turnaround_s")]
    pub turnaround_s: f64,
    /// Spacing of its data.
    #[serde(default = "wide_hz")]
    pub spacing_hz: f64,
    /// Tones of its data.
    #[serde(default = "one")]
    pub tones: u16,
    /// First subcarrier of its data.
    #[serde(default)]
    pub first_subcarrier: u16,
    /// Modulation of its data.
    #[serde(default)]
    pub modulation: Modulation,
    /// Resource units of one report; message 3 has one.
    #[serde(default = "four")]
    pub resource_units: u16,
    /// Repetitions of everything after the preamble.
    #[serde(default = "one")]
    pub repetitions: u16,
}

fn one() -> u16 {
    1
}

fn four() -> u16 {
    4
}

fn wide_hz() -> f64 {
    15e3
}

fn default_response_s() -> f64 {
    0.040
}

fn default_turnaround_s() -> f64 {
    0.045
}

/// Modulation of single-tone data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modulation {
    /// π/2-BPSK.
    Bpsk,
    /// π/4-QPSK on a single tone, QPSK on several.
    #[default]
    Qpsk,
}

/// `[[device.nprach]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preamble {
    /// When.
    pub start_s: Starts,
    /// Subcarrier of the NPRACH resource it draws; random where it does not say.
    pub subcarrier: Option<u8>,
    /// Instead of the cell's.
    pub repetitions: Option<u8>,
}

/// `[[device.prach]]`: in an LTE cell, or about the device's own carrier.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WidePreamble {
    /// When.
    pub start_s: Starts,
    /// 0 to 3.
    #[serde(default)]
    pub format: u8,
    /// Zadoff-Chu root `u`; random where it does not say.
    pub root: Option<u16>,
    /// Cyclic shift `C_v`; random where it does not say.
    pub cyclic_shift: Option<u16>,
    /// First of its six resource blocks in the cell's carrier.
    #[serde(default)]
    pub first_prb: u16,
}

/// `[[device.npusch1]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// When.
    pub start_s: Starts,
    /// 3750 or 15000.
    #[serde(default = "wide_hz")]
    pub spacing_hz: f64,
    /// 1, 3, 6 or 12.
    #[serde(default = "one")]
    pub tones: u16,
    /// Lowest of them.
    #[serde(default)]
    pub first_subcarrier: u16,
    /// Of a single tone.
    #[serde(default)]
    pub modulation: Modulation,
    /// Resource units.
    #[serde(default = "one")]
    pub resource_units: u16,
    /// Repetitions.
    #[serde(default = "one")]
    pub repetitions: u16,
}

/// `[[device.npusch2]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// When.
    pub start_s: Starts,
    /// 3750 or 15000.
    #[serde(default = "wide_hz")]
    pub spacing_hz: f64,
    /// Its tone.
    #[serde(default)]
    pub first_subcarrier: u16,
    /// Repetitions.
    #[serde(default = "one")]
    pub repetitions: u16,
}

/// `[[device.pusch]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocks {
    /// When.
    pub start_s: Starts,
    /// First resource block of the carrier.
    pub first_prb: u16,
    /// Resource blocks.
    pub num_prb: u16,
    /// Subframes of 1 ms.
    #[serde(default = "one")]
    pub subframes: u16,
    /// Cyclic shift of the reference signal that its grant orders.
    #[serde(default)]
    pub cyclic_shift: u8,
}

/// `[[device.fsk]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telegram {
    /// When.
    pub start_s: Starts,
    /// Length.
    pub duration_s: f64,
    /// Symbols a second.
    pub symbol_rate_hz: f64,
    /// Either way from the carrier.
    pub deviation_hz: f64,
}

/// `[[device.tone]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// When.
    pub start_s: Starts,
    /// Length.
    pub duration_s: f64,
}

impl Scene {
    /// Reads a scene file.
    ///
    /// # Errors
    /// Where it cannot be read, is no TOML, or has a key or value that no scene has; the message names the place.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the scene {}; name an existing TOML file", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no scene", path.display()))
    }

    /// Reads a scene from TOML.
    ///
    /// # Errors
    /// As [`Scene::read`].
    pub fn parse(text: &str) -> Result<Self> {
        let scene: Self = toml::from_str(text)?;
        let duration_s = scene.capture.duration_s;
        if !(duration_s > 0.0 && duration_s <= 1e6) {
            bail!("[scene] duration_s is {duration_s}; expected more than 0 and at most 1000000");
        }
        for (i, cell) in scene.cells.iter().enumerate() {
            if scene.cells[..i].iter().any(|other| other.name == cell.name) {
                bail!("two cells are named {:?}; give each [[cell]] a name of its own", cell.name);
            }
        }
        Ok(scene)
    }

    /// The cell named `name`.
    ///
    /// # Errors
    /// Where there is none; the message names those there are.
    pub fn cell(&self, name: &str) -> Result<&Cell> {
        self.cells.iter().find(|cell| cell.name == name).with_context(|| {
            let names: Vec<&str> = self.cells.iter().map(|cell| cell.name.as_str()).collect();
            format!("cell is {name:?}; expected one of {names:?}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTURE: &str = "[scene]\nduration_s = 1\nsample_rate_hz = 1e6\ncenter_frequency_hz = 9e8\nseed = 1\n\
                           noise_dbfs = -30\nformat = \"ci8\"\n";

    fn error(text: &str) -> String {
        format!("{:#}", Scene::parse(text).unwrap_err())
    }

    #[test]
    fn the_shortest_scene_is_noise() {
        let scene = Scene::parse(CAPTURE).unwrap();
        assert!(scene.cells.is_empty() && scene.devices.is_empty());
        assert_eq!(scene.receiver.iq_gain_db, 0.0);
    }

    #[test]
    fn starts_are_a_number_a_list_or_a_series() {
        let device = "[[device]]\nname = \"a\"\ncarrier_hz = 0\nsnr_db = 20\n";
        for starts in ["0.1", "[0.1, 0.2]", "{ first_s = 0.1, every_s = 0.2, count = 3 }"] {
            Scene::parse(&format!("{CAPTURE}{device}[[device.tone]]\nstart_s = {starts}\nduration_s = 0.1\n")).unwrap();
        }
        let wrong = format!("{CAPTURE}{device}[[device.tone]]\nstart_s = \"now\"\nduration_s = 0.1\n");
        assert!(error(&wrong).contains("expected seconds, a list of seconds"), "{}", error(&wrong));
    }

    #[test]
    fn fading_is_a_word_or_has_a_factor() {
        for (fading, rice) in [("\"rayleigh\"", false), ("\"none\"", false), ("{ rice = { k_db = 3 } }", true)] {
            let device = format!("[[device]]\nname = \"a\"\ncarrier_hz = 0\nsnr_db = 20\nfading = {fading}\n");
            let scene = Scene::parse(&format!("{CAPTURE}{device}")).unwrap();
            assert_eq!(matches!(scene.devices[0].fading, Fading::Rice { k_db: 3.0 }), rice);
        }
    }

    #[test]
    fn mistakes_are_told_with_key_and_place() {
        let unknown = error(&format!("{CAPTURE}[receiver]\niq_gian_db = 1\n"));
        assert!(unknown.contains("iq_gian_db") && unknown.contains("iq_gain_db") && unknown.contains("line 9"));
        let missing = error("[scene]\nduration_s = 1\n");
        assert!(missing.contains("missing field `sample_rate_hz`"), "{missing}");
        let typed = error(&CAPTURE.replace("seed = 1", "seed = \"one\""));
        assert!(typed.contains("seed") && typed.contains("invalid type: string"), "{typed}");
        let long = error(&CAPTURE.replace("duration_s = 1", "duration_s = -1"));
        assert_eq!(long, "[scene] duration_s is -1; expected more than 0 and at most 1000000");
        let cell = "[[cell]]\nname = \"a\"\ncell_id = 1\ncarrier_hz = 0\n";
        assert!(error(&format!("{CAPTURE}{cell}{cell}")).contains("two cells are named \"a\""));
    }
}
