//! How often transmissions made for the purpose are recognised at the levels they should be.
//!
//! The generator here is written from the standard's clauses alone and shares nothing with the detector but `spec`.

use super::*;
use crate::spec::npusch::{
    SYMBOLS_PER_SLOT, multi_tone as tables, reference_symbols, single_tone as rows, symbol_phases_rad,
};
use num_complex::{Complex32, Complex64};
use std::f64::consts::{FRAC_PI_3, FRAC_PI_4, TAU};

/// A generator of pseudo-random numbers (xorshift).
pub(super) struct Draw(pub(super) u64);

impl Draw {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    pub(super) fn within(&mut self, reach: f64) -> f64 {
        (2.0 * self.bits() as f64 / (1u64 << 53) as f64 - 1.0) * reach
    }

    /// Complex Gaussian of unit power.
    pub(super) fn noise(&mut self) -> Complex32 {
        let radius = (-((self.bits() as f64 + 1.0) / (1u64 << 53) as f64).ln()).sqrt();
        let value = Complex64::from_polar(radius, self.within(TAU / 2.0));
        Complex32::new(value.re as f32, value.im as f32)
    }
}

/// One transmission to be made.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) format: Format,
    pub(super) spacing: Spacing,
    pub(super) tones: u16,
    pub(super) modulation: Modulation,
    pub(super) num_slots: usize,
    pub(super) snr_db: f64,
}

/// Values of the tones in one symbol, by the clauses of the standard.
fn symbol(sent: &Sent, u: u8, index: usize, draw: &mut Draw) -> Vec<Complex64> {
    let (slot, l) = (index / SYMBOLS_PER_SLOT, index % SYMBOLS_PER_SLOT);
    let wide = |z: Complex32| Complex64::new(z.re.into(), z.im.into());
    let references = reference_symbols(sent.format, sent.spacing);
    let tones = usize::from(sent.tones);
    let reference = references.iter().position(|&at| at == l);
    let mut point = || match sent.modulation {
        Modulation::Bpsk => Complex64::from_polar(1.0, FRAC_PI_4 + TAU / 2.0 * draw.below(2) as f64),
        Modulation::Qpsk => Complex64::from_polar(1.0, FRAC_PI_4 + TAU / 4.0 * draw.below(4) as f64),
    };
    match (reference, tones) {
        (Some(m), 1) => {
            let value = rows::reference(u).nth(slot).map_or(Complex64::ONE, wide);
            let spreading = rows::spreading_row(u16::from(u) + 16, slot);
            let turn = if sent.format == Format::Two { f64::from(rows::SPREADING[spreading][m]) } else { 0.0 };
            vec![value * Complex64::from_polar(1.0, turn * FRAC_PI_3)]
        }
        (None, 1) => vec![point()],
        (Some(_), _) => tables::reference(sent.tones, u, 0.0).map(wide).collect(),
        (None, _) => {
            let points: Vec<Complex64> = (0..tones).map(|_| point()).collect();
            let turn = |k: usize, i: usize| Complex64::from_polar(1.0, -TAU * (k * i) as f64 / tones as f64);
            let bin = |k| points.iter().enumerate().map(|(i, p)| p * turn(k, i)).sum::<Complex64>();
            (0..tones).map(|k| bin(k) / (tones as f64).sqrt()).collect()
        }
    }
}

/// Samples of a transmission in noise, and where it lies in them.
pub(super) fn transmit(sent: &Sent, u: u8, draw: &mut Draw) -> (Vec<Complex32>, Segment) {
    let spacing = sent.spacing;
    let tones = usize::from(sent.tones);
    let length_s = sent.num_slots as f64 * spacing.slot_s();
    let (start_s, offset_hz) = (MARGIN_S + draw.within(1e-3), draw.within(1500.0));
    let first = draw.below(usize::from(spacing.subcarriers()) - tones + 1) as u16;
    let middle_hz =
        (spacing.subcarrier_hz(spacing.k(first)) + spacing.subcarrier_hz(spacing.k(first + sent.tones - 1))) / 2.0;
    let noise = (RATE_HZ / (spacing.hz() * 10f64.powf(sent.snr_db / 10.0))).sqrt() as f32;
    let scale = 1.0 / (tones as f64).sqrt();
    let mut samples: Vec<Complex32> =
        (0..((length_s + 2.0 * MARGIN_S) * RATE_HZ) as usize).map(|_| draw.noise() * noise * scale as f32).collect();
    let phases: Vec<f64> =
        symbol_phases_rad(spacing, spacing.k(first), sent.modulation).take(sent.num_slots * SYMBOLS_PER_SLOT).collect();
    for (index, &phase_rad) in phases.iter().enumerate() {
        let values = symbol(sent, u, index, draw);
        let from_s = start_s + spacing.symbol_start_s(index);
        let prefix_end_s = from_s + spacing.cyclic_prefix_s(index);
        let end_s = prefix_end_s + spacing.useful_s();
        let span = (from_s * RATE_HZ).ceil() as usize..(end_s * RATE_HZ).ceil() as usize;
        for (i, sample) in span.clone().zip(&mut samples[span]) {
            let t_s = i as f64 / RATE_HZ;
            let mut sum = Complex64::ZERO;
            for (k, value) in values.iter().enumerate() {
                let tone_hz = spacing.subcarrier_hz(spacing.k(first + k as u16));
                let turn = if tones == 1 { phase_rad } else { 0.0 };
                sum += value * Complex64::from_polar(scale, turn + TAU * tone_hz * (t_s - prefix_end_s));
            }
            // The block's middle, with the carrier's offset, stands at `offset_hz`.
            sum *= Complex64::from_polar(1.0, TAU * (offset_hz - middle_hz) * t_s);
            *sample += Complex32::new(sum.re as f32, sum.im as f32);
        }
    }
    let bandwidth_hz = tones as f64 * spacing.hz();
    let end_s = start_s + length_s - spacing.guard_s();
    (samples, Segment { start_s, end_s, center_hz: offset_hz, bandwidth_hz })
}

/// Share of `trials` transmissions recognised, seen through edges that are a little wrong.
pub(super) fn recognised(sent: &Sent, trials: usize, seed: u64) -> f64 {
    let mut draw = Draw(seed);
    let mut right = 0;
    for _ in 0..trials {
        let u = draw.below(num_base_sequences(sent.tones).into()) as u8;
        let (samples, truth) = transmit(sent, u, &mut draw);
        let extent = Segment {
            start_s: truth.start_s + draw.within(0.15e-3),
            end_s: truth.end_s + draw.within(0.15e-3),
            center_hz: truth.center_hz + draw.within(1500.0),
            bandwidth_hz: truth.bandwidth_hz + draw.within(0.1 * truth.bandwidth_hz),
        };
        let snr_db = sent.snr_db as f32 + draw.within(0.5) as f32;
        let candidate = Candidate { extent, power_dbfs: 0.0, snr_db };
        let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz: 0.0, start_s: 0.0 };
        let channel = if sent.format == Format::One { Channel::Npusch1 } else { Channel::Npusch2 };
        if classify(&baseband, &candidate).is_ok_and(|finding| finding.channel == channel) {
            right += 1;
        }
    }
    right as f64 / trials as f64
}

pub(super) const WIDE: Sent = Sent {
    format: Format::One,
    spacing: Spacing::Wide,
    tones: 1,
    modulation: Modulation::Qpsk,
    num_slots: 64,
    snr_db: 0.0,
};
pub(super) const NARROW: Sent = Sent { spacing: Spacing::Narrow, num_slots: 32, snr_db: 4.0, ..WIDE };
pub(super) const ANSWER: Sent = Sent { format: Format::Two, modulation: Modulation::Bpsk, ..WIDE };

#[track_caller]
fn assert_recognised(sent: Sent) {
    let share = recognised(&sent, 20, 7);
    assert!(share >= 0.9, "{share} of {:?} at {} dB over {} slots", sent.tones, sent.snr_db, sent.num_slots);
}

#[test]
fn single_tones_at_their_bars() {
    assert_recognised(WIDE);
    assert_recognised(Sent { modulation: Modulation::Bpsk, ..WIDE });
    assert_recognised(Sent { num_slots: 16, snr_db: 10.0, ..WIDE });
    assert_recognised(NARROW);
    assert_recognised(Sent { modulation: Modulation::Bpsk, ..NARROW });
    assert_recognised(Sent { num_slots: 16, snr_db: 9.0, ..NARROW });
}

#[test]
fn several_tones_at_their_bars() {
    for tones in [3, 6, 12] {
        assert_recognised(Sent { tones, num_slots: 8, snr_db: 3.0, ..WIDE });
    }
}

#[test]
fn answers_at_their_bars() {
    for (num_slots, snr_db) in [(4, 10.0), (8, 7.0), (32, 2.0)] {
        assert_recognised(Sent { num_slots, snr_db, ..ANSWER });
    }
    assert_recognised(Sent { spacing: Spacing::Narrow, num_slots: 16, snr_db: 4.0, ..ANSWER });
}

/// What is measured of a clean transmission is what was sent.
#[test]
fn measures_what_was_sent() {
    let sent = Sent { num_slots: 32, snr_db: 20.0, ..WIDE };
    let (samples, truth) = transmit(&sent, 9, &mut Draw(3));
    let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz: 0.0, start_s: 0.0 };
    let candidate = Candidate { extent: truth, power_dbfs: 0.0, snr_db: 20.0 };
    let finding = classify(&baseband, &candidate).unwrap();
    assert!((finding.extent.start_s - truth.start_s).abs() < 10e-6);
    assert!((finding.extent.end_s - truth.end_s).abs() < 10e-6);
    assert!((finding.extent.center_hz - truth.center_hz).abs() < 20.0);
    assert!((finding.snr_db - 20.0).abs() < 1.0 && finding.power_dbfs.abs() < 1.0);
    assert_eq!(finding.parameters.resource_units, Some(2));
    assert_eq!(finding.parameters.modulation.as_deref(), Some("pi/4-qpsk"));
    assert_eq!(finding.parameters.base_sequence, Some(9));
    assert!(finding.parameters.cell_ids.unwrap().iter().all(|id| id % 16 == 9));
}

/// A candidate that lacks the first slots still tells when the transmission began, and with which row.
#[test]
fn a_lost_beginning_is_found() {
    const BPSK: Sent = Sent { modulation: Modulation::Bpsk, ..WIDE };
    for (sent, lost) in [(Sent { num_slots: 128, ..BPSK }, 23), (Sent { num_slots: 64, ..NARROW }, 18)] {
        let (samples, truth) = transmit(&sent, 10, &mut Draw(17));
        let start_s = truth.start_s + (lost as f64 + 0.2) * sent.spacing.slot_s();
        let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz: 0.0, start_s: 0.0 };
        let extent = Segment { start_s, ..truth };
        let found = classify(&baseband, &Candidate { extent, power_dbfs: 0.0, snr_db: sent.snr_db as f32 }).unwrap();
        assert!((found.extent.start_s - truth.start_s).abs() < 30e-6, "{:?}", found.extent);
        assert!((found.extent.end_s - truth.end_s).abs() < 30e-6, "{:?}", found.extent);
        assert!(found.parameters.cell_ids.unwrap().contains(&10));
    }
}

/// Noise and a bare tone are nothing, whatever width is claimed for them.
#[test]
fn noise_and_tones_are_rejected() {
    let mut draw = Draw(5);
    for tone in [0.0, 1.0] {
        let samples: Vec<Complex32> = (0..12_000).map(|_| draw.noise() * 0.3 + Complex32::new(tone, 0.0)).collect();
        let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz: 0.0, start_s: 0.0 };
        for bandwidth_hz in [3750.0, 15e3, 45e3, 90e3, 180e3] {
            for length_s in [2e-3, 8e-3, 32e-3] {
                let extent = Segment { start_s: 8e-3, end_s: 8e-3 + length_s, center_hz: 400.0, bandwidth_hz };
                let candidate = Candidate { extent, power_dbfs: 0.0, snr_db: 10.0 };
                assert!(classify(&baseband, &candidate).is_err(), "{bandwidth_hz} Hz, {length_s} s, tone {tone}");
            }
        }
    }
}

/// Whatever is asked, the answer is an answer.
#[test]
fn no_input_is_too_strange() {
    let samples = vec![Complex32::ZERO; 100];
    for rate_hz in [RATE_HZ, 0.0, f64::NAN] {
        let baseband = Baseband { samples: &samples, sample_rate_hz: rate_hz, center_hz: 0.0, start_s: 0.0 };
        for (start_s, end_s) in [(0.0, 1.0), (-5.0, 20.0), (1.0, 0.0), (0.0, f64::NAN), (0.0, f64::INFINITY)] {
            for bandwidth_hz in [0.0, 3750.0, 15e3, 45e3, 180e3, f64::NAN, 1e9] {
                let extent = Segment { start_s, end_s, center_hz: 0.0, bandwidth_hz };
                let candidate = Candidate { extent, power_dbfs: -10.0, snr_db: 10.0 };
                assert!(classify(&baseband, &candidate).is_err());
            }
        }
    }
}
