//! From a scene to what is on the air: every transmission as an emission for the generator and a burst for the truth.

use anyhow::{Context, Result, bail, ensure};
use dsp::spec::npusch::{Format, Modulation, Spacing, base_sequence};
use dsp::spec::prach;
use dsp::synth::emission::{Emission, Fading};
use dsp::synth::fsk::Fsk;
use dsp::synth::lte_preamble::LtePreamble;
use dsp::synth::npusch::Grant;
use dsp::synth::preamble::Preamble;
use dsp::synth::pusch::Allocation;
use dsp::synth::random::Random;
use dsp::synth::stream::LONGEST_RAMP_S;
use dsp::synth::tone::Tone;
use dsp::synth::{Receiver, Waveform};
use num_complex::Complex64;
use serde_json::{Value, json};

use super::scene::{self, Cell, Device, Scene, Starts, Technology};
use super::truth::Burst;

/// Everything on the air during a scene.
pub(super) struct Air {
    /// For the generator.
    pub(super) emissions: Vec<Emission>,
    /// For the truth, in order of start, numbered.
    pub(super) bursts: Vec<Burst>,
}

/// The receiver of a scene.
pub(super) fn receiver(scene: &Scene) -> Receiver {
    let faults = &scene.receiver;
    Receiver {
        lo_offset_hz: faults.lo_offset_hz,
        clock_error_ppm: faults.clock_error_ppm,
        dc: Complex64::new(faults.dc[0], faults.dc[1]),
        iq_gain_db: faults.iq_gain_db,
        iq_phase_deg: faults.iq_phase_deg,
        phase_noise_linewidth_hz: faults.phase_noise_linewidth_hz,
        gain_db: faults.gain_db,
        ..Receiver::ideal(scene.capture.sample_rate_hz, scene.capture.noise_dbfs)
    }
}

impl Air {
    /// What the devices of `scene` send.
    ///
    /// # Errors
    /// Where a device or transmission cannot be; the message names the device, the transmission, its key, what was
    /// found and what was expected.
    pub(super) fn of(scene: &Scene) -> Result<Self> {
        let mut air = Self { emissions: Vec::new(), bursts: Vec::new() };
        for (index, device) in scene.devices.iter().enumerate() {
            let random = Random::stream(scene.capture.seed, FIRST_DEVICE_STREAM + index as u64);
            Transmitter::new(scene, device, random)
                .and_then(|mut transmitter| transmitter.send_all(&mut air))
                .with_context(|| format!("device {:?}", device.name))?;
        }
        air.bursts.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
        for (id, burst) in air.bursts.iter_mut().enumerate() {
            (burst.id, burst.tx_id) = (id, id);
        }
        Ok(air)
    }
}

/// Streams of a seed below this one belong to the receiver.
const FIRST_DEVICE_STREAM: u64 = 16;

/// Starts that one series may have.
const MOST_STARTS: u32 = 1_000_000;

/// Length of a subframe.
const SUBFRAME_S: f64 = 1e-3;

/// A device at work.
struct Transmitter<'a> {
    scene: &'a Scene,
    device: &'a Device,
    cell: Option<&'a Cell>,
    carrier_hz: f64,
    receiver: Receiver,
    random: Random,
}

/// One transmission before it is put on the air.
struct Transmission {
    kind: &'static str,
    start_s: f64,
    waveform: Box<dyn Waveform>,
    blocks: Option<(u16, u16)>,
    params: Value,
}

impl<'a> Transmitter<'a> {
    fn new(scene: &'a Scene, device: &'a Device, random: Random) -> Result<Self> {
        let cell = device.cell.as_deref().map(|name| scene.cell(name)).transpose()?;
        let carrier_hz = match (cell, device.carrier_hz) {
            (Some(cell), None) => cell.carrier_hz,
            (None, Some(carrier_hz)) => carrier_hz,
            _ => bail!("cell and carrier_hz are both given or both missing; expected exactly one of them"),
        };
        ensure!(
            device.snr_db.is_some() != device.power_dbfs.is_some(),
            "snr_db and power_dbfs are both given or both missing; expected exactly one of them"
        );
        let longest_us = LONGEST_RAMP_S * 1e6;
        let ramp_us = device.ramp_us;
        ensure!((0.0..=longest_us).contains(&ramp_us), "ramp_us is {ramp_us}; expected 0 to {longest_us}");
        Ok(Self { scene, device, cell, carrier_hz, receiver: receiver(scene), random })
    }

    fn send_all(&mut self, air: &mut Air) -> Result<()> {
        let device = self.device;
        for session in &device.sessions {
            self.each("session", &session.start_s, air, |this, start_s| this.session(session, start_s))?;
        }
        for preamble in &device.nprach {
            self.each("nprach", &preamble.start_s, air, |this, start_s| {
                Ok(vec![this.preamble(preamble.subcarrier, preamble.repetitions, start_s)?])
            })?;
        }
        for preamble in &device.prach {
            self.each("prach", &preamble.start_s, air, |this, start_s| {
                Ok(vec![this.wide_preamble(preamble, start_s)?])
            })?;
        }
        for data in &device.npusch1 {
            self.each("npusch1", &data.start_s, air, |this, start_s| Ok(vec![this.data(data, start_s)?]))?;
        }
        for sent in &device.npusch2 {
            self.each("npusch2", &sent.start_s, air, |this, start_s| Ok(vec![this.acknowledgement(sent, start_s)?]))?;
        }
        for blocks in &device.pusch {
            self.each("pusch", &blocks.start_s, air, |this, start_s| Ok(vec![this.blocks(blocks, start_s)?]))?;
        }
        for telegram in &device.fsk {
            self.each("fsk", &telegram.start_s, air, |this, start_s| Ok(vec![this.telegram(telegram, start_s)?]))?;
        }
        for carrier in &device.tone {
            self.each("tone", &carrier.start_s, air, |_, start_s| Ok(vec![tone(carrier, start_s)?]))?;
        }
        Ok(())
    }

    /// Sends what `make` makes at each of `starts`.
    fn each(
        &mut self,
        what: &str,
        starts: &Starts,
        air: &mut Air,
        mut make: impl FnMut(&mut Self, f64) -> Result<Vec<Transmission>>,
    ) -> Result<()> {
        let starts_s: Vec<f64> = match starts {
            Starts::Once(start_s) => vec![*start_s],
            Starts::List(starts_s) => starts_s.clone(),
            Starts::Series(series) if series.count > MOST_STARTS => {
                bail!("{what}: count is {}; expected at most {MOST_STARTS}", series.count)
            }
            Starts::Series(series) => (0..series.count)
                .map(|i| series.first_s + f64::from(i) * series.every_s + self.random.uniform() * series.jitter_s)
                .collect(),
        };
        for start_s in starts_s {
            make(self, start_s)
                .and_then(|sent| sent.into_iter().try_for_each(|one| self.send(one, air)))
                .with_context(|| format!("{what} at {start_s} s"))?;
        }
        Ok(())
    }

    /// A whole attachment, each step as long after the last as the network takes to answer.
    fn session(&mut self, session: &scene::Session, start_s: f64) -> Result<Vec<Transmission>> {
        let report = self.grant(&scene::Data {
            start_s: Starts::Once(start_s),
            spacing_hz: session.spacing_hz,
            tones: session.tones,
            first_subcarrier: session.first_subcarrier,
            modulation: session.modulation,
            resource_units: session.resource_units,
            repetitions: session.repetitions,
        })?;
        let message_3 = Grant { resource_units: 1, ..report };
        let acknowledgement = Grant { format: Format::Two, tones: 1, modulation: Modulation::Bpsk, ..message_3 };
        let preamble = self.preamble(session.subcarrier, None, start_s)?;
        let mut next_s = preamble.end_s() + session.response_s;
        let mut sent = vec![preamble];
        let reports = std::iter::repeat_n(report, usize::from(session.reports));
        for grant in [message_3, acknowledgement].into_iter().chain(reports) {
            let end_s = self.scene.capture.duration_s;
            ensure!(next_s < end_s, "its step {} comes at {next_s} s; expected it within {end_s} s", sent.len() + 1);
            let step = self.granted(grant, next_s)?;
            next_s = step.end_s() + session.turnaround_s;
            sent.push(step);
        }
        Ok(sent)
    }

    fn preamble(&mut self, subcarrier: Option<u8>, repetitions: Option<u8>, start_s: f64) -> Result<Transmission> {
        let cell = self.cell_of(Technology::NbIot)?;
        let resource = &cell.nprach;
        let format = *dsp::spec::nprach::Format::ALL
            .get(usize::from(resource.format))
            .with_context(|| format!("nprach format is {}; expected 0, 1 or 2", resource.format))?;
        ensure!(
            resource.subcarriers > 0 && resource.subcarriers.is_multiple_of(format.subcarriers()),
            "nprach subcarriers is {}; expected a multiple of {}",
            resource.subcarriers,
            format.subcarriers()
        );
        let drawn = self.random.below(u64::from(resource.subcarriers)) as u8;
        let subcarrier = subcarrier.unwrap_or(drawn);
        ensure!(
            subcarrier < resource.subcarriers,
            "subcarrier is {subcarrier}; expected one of the resource's {}",
            resource.subcarriers
        );
        let repetitions = repetitions.unwrap_or(resource.repetitions);
        let waveform = Preamble::new(format, cell.cell_id, resource.subcarrier_offset, subcarrier, repetitions)?;
        let params = json!({
            "format": format.number(),
            "repetitions": repetitions,
            "n_init": subcarrier,
            "cell_id": cell.cell_id,
            "sc_offset": resource.subcarrier_offset,
            "n_sc": resource.subcarriers,
            "n_start": waveform.block() - resource.subcarrier_offset,
            "hops": waveform.tones(),
            "group_starts_s": waveform.group_starts_s(),
            "group_s": format.group_s(),
            "cp_s": format.cyclic_prefix_s(),
            "scs_hz": format.spacing_hz(),
        });
        let (start_s, _) = aligned(cell, start_s, SUBFRAME_S)?;
        Ok(Transmission { kind: "nprach", start_s, waveform: Box::new(waveform), blocks: None, params })
    }

    fn wide_preamble(&mut self, sent: &scene::WidePreamble, start_s: f64) -> Result<Transmission> {
        let format = prach::Format::ALL.into_iter().find(|format| format.number() == sent.format);
        let format = format.with_context(|| format!("format is {}; expected 0 to 3", sent.format))?;
        let (start_s, middle_hz) = match self.cell {
            None => (start_s, 0.0),
            Some(_) => {
                let cell = self.cell_of(Technology::Lte)?;
                let last = cell.resource_blocks.saturating_sub(6);
                ensure!(sent.first_prb <= last, "first_prb is {}; expected 0 to {last}", sent.first_prb);
                let below = f64::from(cell.resource_blocks) / 2.0 - f64::from(sent.first_prb);
                (aligned(cell, start_s, SUBFRAME_S)?.0, prach::BANDWIDTH_HZ * (0.5 - below / 6.0))
            }
        };
        let root = sent.root.unwrap_or_else(|| 1 + self.random.below(prach::N_ZC as u64 - 1) as u16);
        let shift = sent.cyclic_shift.unwrap_or_else(|| self.random.below(prach::N_ZC as u64) as u16);
        let waveform = LtePreamble::new(format, root, shift, middle_hz)?;
        let params = json!({ "format": sent.format, "u": root, "c_v": shift, "prb_start": sent.first_prb });
        Ok(Transmission { kind: "lte-prach", start_s, waveform: Box::new(waveform), blocks: None, params })
    }

    fn data(&mut self, data: &scene::Data, start_s: f64) -> Result<Transmission> {
        self.granted(self.grant(data)?, start_s)
    }

    fn acknowledgement(&mut self, sent: &scene::Acknowledgement, start_s: f64) -> Result<Transmission> {
        let data = self.grant(&scene::Data {
            start_s: Starts::Once(start_s),
            spacing_hz: sent.spacing_hz,
            tones: 1,
            first_subcarrier: sent.first_subcarrier,
            modulation: scene::Modulation::Bpsk,
            resource_units: 1,
            repetitions: sent.repetitions,
        })?;
        self.granted(Grant { format: Format::Two, ..data }, start_s)
    }

    /// The grant that orders `data`.
    fn grant(&self, data: &scene::Data) -> Result<Grant> {
        Ok(Grant {
            format: Format::One,
            spacing: spacing(data.spacing_hz)?,
            tones: data.tones,
            first_subcarrier: data.first_subcarrier,
            modulation: match data.modulation {
                scene::Modulation::Bpsk => Modulation::Bpsk,
                scene::Modulation::Qpsk => Modulation::Qpsk,
            },
            resource_units: data.resource_units,
            repetitions: data.repetitions,
            cell_id: self.cell_of(Technology::NbIot)?.cell_id,
            rnti: self.device.rnti,
            first_slot: 0,
        })
    }

    /// The transmission of `grant` at the slot of its cell that begins at `start_s` or next.
    fn granted(&mut self, grant: Grant, start_s: f64) -> Result<Transmission> {
        let cell = self.cell_of(Technology::NbIot)?;
        let unit_s = grant.spacing.slot_s().max(SUBFRAME_S);
        let (start_s, units) = aligned(cell, start_s, unit_s)?;
        let slots_per_unit = (unit_s / grant.spacing.slot_s()).round() as u64;
        let grant = Grant { first_slot: units * slots_per_unit, ..grant };
        let waveform = grant.waveform(&mut self.random)?;
        let slots_per_frame = (0.010 / grant.spacing.slot_s()).round() as u64;
        let (kind, number) = match grant.format {
            Format::One => ("npusch1", 1),
            Format::Two => ("npusch2", 2),
        };
        let modulation = match (grant.modulation, grant.tones) {
            (Modulation::Bpsk, _) => "pi/2-BPSK",
            (Modulation::Qpsk, 1) => "pi/4-QPSK",
            (Modulation::Qpsk, _) => "QPSK",
        };
        let params = json!({
            "npusch_format": number,
            "spacing_hz": grant.spacing.hz(),
            "n_tones": grant.tones,
            "first_subcarrier": grant.first_subcarrier,
            "n_ru": grant.resource_units,
            "repetitions": grant.repetitions,
            "modulation": modulation,
            "cell_id": grant.cell_id,
            "rnti": grant.rnti,
            "n_f": grant.first_slot / slots_per_frame,
            "n_s": grant.first_slot % slots_per_frame,
            "base_seq": base_sequence(grant.cell_id, grant.tones),
            "m_identical": grant.identical(),
            "n_slots": grant.num_slots(),
            "slot_s": grant.spacing.slot_s(),
        });
        Ok(Transmission { kind, start_s, waveform: Box::new(waveform), blocks: None, params })
    }

    fn blocks(&mut self, blocks: &scene::Blocks, start_s: f64) -> Result<Transmission> {
        let cell = self.cell_of(Technology::Lte)?;
        let (start_s, first_subframe) = aligned(cell, start_s, SUBFRAME_S)?;
        let allocation = Allocation {
            cell_id: cell.cell_id,
            carrier_prb: cell.resource_blocks,
            first_prb: blocks.first_prb,
            num_prb: blocks.num_prb,
            subframes: blocks.subframes,
            first_subframe,
            cyclic_shift: blocks.cyclic_shift,
        };
        let waveform = allocation.waveform(&mut self.random)?;
        let params = json!({
            "cell_id": cell.cell_id,
            "prb_start": blocks.first_prb,
            "n_prb": blocks.num_prb,
            "subframes": blocks.subframes,
            "modulation": "QPSK",
            "base_seq": cell.cell_id % 30,
            "cyclic_shift": blocks.cyclic_shift,
            "tti": first_subframe,
        });
        let blocks = Some((blocks.num_prb, blocks.subframes));
        Ok(Transmission { kind: "lte-pusch", start_s, waveform: Box::new(waveform), blocks, params })
    }

    fn telegram(&mut self, sent: &scene::Telegram, start_s: f64) -> Result<Transmission> {
        let waveform = Fsk::new(sent.duration_s, sent.symbol_rate_hz, sent.deviation_hz, &mut self.random)?;
        let params = json!({ "symbol_rate_hz": sent.symbol_rate_hz, "deviation_hz": sent.deviation_hz });
        Ok(Transmission { kind: "confounder:fsk", start_s, waveform: Box::new(waveform), blocks: None, params })
    }

    /// The device's cell, which has to speak `technology`.
    fn cell_of(&self, technology: Technology) -> Result<&'a Cell> {
        let cell = self.cell.context("carrier_hz is given; expected a cell, which this transmission needs")?;
        ensure!(
            cell.technology == technology,
            "cell {:?} speaks {:?}; expected one of {technology:?}",
            cell.name,
            cell.technology
        );
        Ok(cell)
    }

    /// Puts `sent` on the air and into the truth.
    fn send(&mut self, sent: Transmission, air: &mut Air) -> Result<()> {
        let (device, capture, receiver) = (self.device, &self.scene.capture, &self.receiver);
        let occupied_hz = sent.waveform.occupied_hz();
        let mean_power = match (device.snr_db, device.power_dbfs) {
            (Some(snr_db), _) => receiver.power_for(snr_db, occupied_hz),
            (None, power_dbfs) => 10f64.powf(power_dbfs.unwrap_or_default() / 10.0),
        };
        let fading = match device.fading {
            scene::Fading::None => Fading::None,
            scene::Fading::Rayleigh => Fading::Rayleigh,
            scene::Fading::Rice { k_db } => Fading::Rice { k_db },
        };
        let gain = fading.gain(&mut self.random) * mean_power.sqrt();
        let power = gain.norm_sqr();
        ensure!(power.is_finite(), "snr_db, power_dbfs or k_db gives a power of {power}; expected a finite one");
        let (low_hz, high_hz) = sent.waveform.band_hz();
        let on_air_hz = self.carrier_hz + device.cfo_hz;
        let (low_hz, high_hz) = (receiver.capture_hz(on_air_hz + low_hz), receiver.capture_hz(on_air_hz + high_hz));
        let half_hz = capture.sample_rate_hz / 2.0;
        ensure!(
            low_hz >= -half_hz && high_hz <= half_hz,
            "it occupies {low_hz:.0} to {high_hz:.0} Hz; expected a band within {half_hz:.0} Hz either way"
        );
        let emission = Emission {
            start_s: sent.start_s + device.delay_us * 1e-6,
            carrier_hz: on_air_hz,
            gain,
            ramp_s: device.ramp_us * 1e-6,
            waveform: sent.waveform,
        };
        let (start_s, end_s) = (receiver.capture_s(emission.start_s), receiver.capture_s(emission.end_s()));
        ensure!(
            start_s < capture.duration_s && end_s > 0.0,
            "it lasts from {start_s:.6} to {end_s:.6} s; expected some of it within the scene's {} s",
            capture.duration_s
        );
        air.bursts.push(Burst {
            id: 0,
            tx_id: 0,
            kind: sent.kind,
            transmitter: device.name.clone(),
            start_s,
            end_s,
            start_sample: start_s * capture.sample_rate_hz,
            end_sample: end_s * capture.sample_rate_hz,
            truncated: start_s < 0.0 || end_s > capture.duration_s,
            on_time_s: receiver.capture_s(emission.waveform.on_s()),
            center_hz: (low_hz + high_hz) / 2.0,
            bandwidth_hz: high_hz - low_hz,
            f_low_hz: low_hz,
            f_high_hz: high_hz,
            carrier_hz: self.carrier_hz,
            cfo_hz: device.cfo_hz,
            delay_us: device.delay_us,
            power_dbfs: emission.power_dbfs(),
            snr_db: receiver.snr_db(power, occupied_hz),
            snr_bw_hz: occupied_hz,
            cn0_dbhz: receiver.snr_db(power, 1.0),
            n_prb: sent.blocks.map(|(num_prb, _)| num_prb),
            subframes: sent.blocks.map(|(_, subframes)| subframes),
            params: sent.params,
        });
        air.emissions.push(emission);
        Ok(())
    }
}

impl Transmission {
    fn end_s(&self) -> f64 {
        self.start_s + self.waveform.duration_s()
    }
}

/// An unmodulated carrier.
fn tone(sent: &scene::Carrier, start_s: f64) -> Result<Transmission> {
    let duration_s = sent.duration_s;
    ensure!(duration_s > 0.0 && duration_s.is_finite(), "duration_s is {duration_s}; expected more than 0");
    let waveform = Box::new(Tone { duration_s });
    Ok(Transmission { kind: "confounder:cw", start_s, waveform, blocks: None, params: json!({}) })
}

/// The first start of a unit of `unit_s` of the cell's clock that is not before `start_s`, and its number.
fn aligned(cell: &Cell, start_s: f64, unit_s: f64) -> Result<(f64, u64)> {
    let units = ((start_s - cell.frame_start_s) / unit_s - 1e-9).ceil();
    ensure!(
        (0.0..1e15).contains(&units),
        "start_s is {start_s}; expected no less than the frame_start_s of {} that its cell has",
        cell.frame_start_s
    );
    Ok((cell.frame_start_s + units * unit_s, units as u64))
}

fn spacing(spacing_hz: f64) -> Result<Spacing> {
    Spacing::ALL
        .into_iter()
        .find(|spacing| spacing.hz() == spacing_hz)
        .with_context(|| format!("spacing_hz is {spacing_hz}; expected 3750 or 15000"))
}
