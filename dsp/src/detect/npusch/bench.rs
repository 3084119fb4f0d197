//! How often transmissions made for the purpose are recognised at the levels they should be.

use super::*;
use crate::spec::npusch::{SYMBOLS_PER_SLOT, multi_tone as tables, reference_symbols, single_tone as rows, symbol_phases_rad};
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
    fn noise(&mut self) -> Complex32 {
        let radius = (-((self.bits() as f64 + 1.0) / (1u64 << 53) as f64).ln()).sqrt();
        let value = Complex64::from_polar(radius, self.within(TAU / 2.0));
        Complex32::new(value.re as f32, value.im as f32)
    }
}

/// One transmission to be made.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    format: Format,
    spacing: Spacing,
    tones: u16,
    modulation: Modulation,
    num_slots: usize,
    snr_db: f64,
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
    let middle_hz = (spacing.subcarrier_hz(spacing.k(first)) + spacing.subcarrier_hz(spacing.k(first + sent.tones - 1))) / 2.0;
    let noise = (RATE_HZ / (spacing.hz() * 10f64.powf(sent.snr_db / 10.0)) / 1.0).sqrt() as f32;
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
        for i in (from_s * RATE_HZ).ceil() as usize..(end_s * RATE_HZ).ceil() as usize {
            let t_s = i as f64 / RATE_HZ;
            let mut sum = Complex64::ZERO;
            for (k, value) in values.iter().enumerate() {
                let tone_hz = spacing.subcarrier_hz(spacing.k(first + k as u16));
                let turn = if tones == 1 { phase_rad } else { 0.0 };
                sum += value * Complex64::from_polar(scale, turn + TAU * tone_hz * (t_s - prefix_end_s));
            }
            // The block's middle, with the carrier's offset, stands at `offset_hz`.
            sum *= Complex64::from_polar(1.0, TAU * (offset_hz - middle_hz) * t_s);
            samples[i] += Complex32::new(sum.re as f32, sum.im as f32);
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

#[test]
fn bars() {
    let one = |spacing, tones, modulation, ms: f64, snr_db| {
        let num_slots = (ms * 1e-3 / f64::from(if spacing == Spacing::Wide { 0.5e-3 } else { 2e-3 })).round() as usize;
        Sent { format: Format::One, spacing, tones, modulation, num_slots, snr_db }
    };
    let two = |spacing, ms: f64, snr_db| Sent { format: Format::Two, ..one(spacing, 1, Modulation::Bpsk, ms, snr_db) };
    use Modulation::{Bpsk, Qpsk};
    use Spacing::{Narrow, Wide};
    let only = std::env::var("ONLY").unwrap_or_default();
    let trials = 60;
    for (name, sent) in [
        ("F1 wide  8 ms 10 dB qpsk", one(Wide, 1, Qpsk, 8.0, 10.0)),
        ("F1 wide 16 ms 7 dB qpsk", one(Wide, 1, Qpsk, 16.0, 7.0)),
        ("F1 wide 32 ms 2 dB qpsk", one(Wide, 1, Qpsk, 32.0, 2.0)),
        ("F1 wide 32 ms 0 dB qpsk", one(Wide, 1, Qpsk, 32.0, 0.0)),
        ("F1 wide 32 ms 0 dB bpsk", one(Wide, 1, Bpsk, 32.0, 0.0)),
        ("F1 wide 64 ms 0 dB qpsk", one(Wide, 1, Qpsk, 64.0, 0.0)),
        ("F1 wide 128 ms -2 dB qpsk", one(Wide, 1, Qpsk, 128.0, -2.0)),
        ("F1 narrow 32 ms 9 dB qpsk", one(Narrow, 1, Qpsk, 32.0, 9.0)),
        ("F1 narrow 64 ms 4 dB qpsk", one(Narrow, 1, Qpsk, 64.0, 4.0)),
        ("F1 narrow 64 ms 4 dB bpsk", one(Narrow, 1, Bpsk, 64.0, 4.0)),
        ("F1 narrow 128 ms 3 dB qpsk", one(Narrow, 1, Qpsk, 128.0, 3.0)),
        ("F1 narrow 256 ms 1 dB qpsk", one(Narrow, 1, Qpsk, 256.0, 1.0)),
        ("F1 3 tones 4 ms 3 dB", one(Wide, 3, Qpsk, 4.0, 3.0)),
        ("F1 6 tones 4 ms 3 dB", one(Wide, 6, Qpsk, 4.0, 3.0)),
        ("F1 12 tones 4 ms 3 dB", one(Wide, 12, Qpsk, 4.0, 3.0)),
        ("F1 6 tones 2 ms 5 dB", one(Wide, 6, Qpsk, 2.0, 5.0)),
        ("F1 12 tones 1 ms 7 dB", one(Wide, 12, Qpsk, 1.0, 7.0)),
        ("F1 3 tones 8 ms 1 dB", one(Wide, 3, Qpsk, 8.0, 1.0)),
        ("F1 3 tones 16 ms -1 dB", one(Wide, 3, Qpsk, 16.0, -1.0)),
        ("F1 6 tones 16 ms -1 dB", one(Wide, 6, Qpsk, 16.0, -1.0)),
        ("F2 wide 2 ms 9 dB", two(Wide, 2.0, 9.0)),
        ("F2 wide 4 ms 7 dB", two(Wide, 4.0, 7.0)),
        ("F2 wide 8 ms 4 dB", two(Wide, 8.0, 4.0)),
        ("F2 wide 16 ms 2 dB", two(Wide, 16.0, 2.0)),
        ("F2 wide 32 ms 0 dB", two(Wide, 32.0, 0.0)),
        ("F2 wide 64 ms -2 dB", two(Wide, 64.0, -2.0)),
        ("F2 narrow 8 ms 9 dB", two(Narrow, 8.0, 9.0)),
        ("F2 narrow 32 ms 4 dB", two(Narrow, 32.0, 4.0)),
    ] {
        if name.contains(&only) {
            eprintln!("{name:30} {:.3}", recognised(&sent, trials, 1));
        }
    }
}
