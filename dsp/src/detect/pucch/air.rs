//! Random signals: what must be recognised at which level, and what must not be.

use std::f64::consts::TAU;

use num_complex::Complex64;

use super::*;
use crate::spec::lte::base_sequence::base_sequence;
use crate::spec::lte::pucch::{Format, NUM_SPREADINGS, base_sequences, cell_shifts, spreading_cycles};

/// A seeded draw (SplitMix64).
struct Draw(u64);

impl Draw {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.bits() % count
    }

    fn within(&mut self, reach: f64) -> f64 {
        reach * (self.bits() as f64 / 2f64.powi(63) - 1.0)
    }

    fn gaussian(&mut self) -> Complex64 {
        let uniform = (self.bits() >> 11) as f64 / (1u64 << 53) as f64;
        Complex64::from_polar((-(1.0 - uniform).ln()).sqrt(), self.within(TAU / 2.0))
    }

    fn quadrant(&mut self) -> Complex64 {
        Complex64::cis(TAU * (self.below(4) as f64 + 0.5) / 4.0)
    }
}

/// What the twelve subcarriers of one block carry.
#[derive(Clone, Copy)]
enum Content {
    Control(Format),
    /// Random data of SC-FDMA with a reference symbol in every slot: PUSCH, and NPUSCH of twelve tones.
    Shared,
}

/// Values of the symbols of `num_slots` slots, of power 1.
fn symbols(draw: &mut Draw, content: Content, prefix: CyclicPrefix, num_slots: usize) -> Vec<[Complex64; 12]> {
    let (cell_id, first_slot) = (draw.below(504) as u16, draw.below(20) as usize);
    let (us, shifts) = (base_sequences(cell_id, draw.below(2) == 1), cell_shifts(cell_id, prefix));
    let mut all = Vec::new();
    for slot in (0..num_slots).map(|slot| (first_slot + slot) % 20) {
        let (own, spreading, data) = (draw.below(12), draw.below(NUM_SPREADINGS.into()) as u8, draw.below(4));
        for l in 0..prefix.symbols_per_slot() {
            let r = base_sequence(us[slot], 0, 12);
            let shift = (u64::from(shifts[slot * prefix.symbols_per_slot() + l]) + own) as f64;
            let sequence = |turn: Complex64| -> [Complex64; 12] {
                std::array::from_fn(|k| {
                    let value = Complex64::new(r[k].re.into(), r[k].im.into());
                    turn * value * Complex64::cis(TAU * shift * k as f64 / 12.0) / 12f64.sqrt()
                })
            };
            all.push(match content {
                Content::Control(Format::One) => {
                    let (cycles, is_data) = spreading_cycles(prefix, spreading, l);
                    sequence(Complex64::cis(TAU * (cycles + if is_data { data as f64 / 4.0 } else { 0.0 })))
                }
                Content::Control(Format::Two) if Format::Two.reference_symbols(prefix).contains(&l) => {
                    sequence(Complex64::ONE)
                }
                Content::Control(Format::Two) => sequence(draw.quadrant()),
                Content::Shared if l == prefix.reference_symbol() => sequence(Complex64::ONE),
                Content::Shared => {
                    let data: [Complex64; 12] = std::array::from_fn(|_| draw.quadrant());
                    std::array::from_fn(|k| {
                        let turn = |m: usize| Complex64::cis(-TAU * (k * m % 12) as f64 / 12.0);
                        data.iter().enumerate().map(|(m, value)| value * turn(m)).sum::<Complex64>() / 12.0
                    })
                }
            });
        }
    }
    all
}

/// What the detector says of such a block at `snr_db`, seen through edges that are a little wrong.
fn outcome(draw: &mut Draw, content: Option<Content>, num_slots: usize, snr_db: f64) -> Result<Finding, Rejection> {
    let prefix = CyclicPrefix::ALL[usize::from(draw.below(4) == 0)];
    let (start_s, center_hz) = (2e-3 + draw.within(0.1e-3), draw.within(1.5e3));
    let values = content.map(|content| symbols(draw, content, prefix, num_slots)).unwrap_or_default();
    let noise = (10f64.powf(-snr_db / 10.0) * RATE_HZ / BLOCK_HZ).sqrt();
    let num_samples = ((4e-3 + num_slots as f64 * SLOT_S) * RATE_HZ) as usize;
    let samples: Vec<Complex32> = (0..num_samples)
        .map(|i| {
            let time_s = i as f64 / RATE_HZ - start_s;
            let slot = (time_s / SLOT_S).floor();
            let within_s = time_s - slot * SLOT_S;
            let num_symbols = prefix.symbols_per_slot();
            let begun = |l: &usize| f64::from(prefix.symbol_start_ts(*l)) * T_S <= within_s;
            let l = (0..num_symbols).rev().find(begun).unwrap_or(0);
            let since_s = within_s - prefix.useful_start_s(l);
            let own = (slot >= 0.0).then(|| values.get(slot as usize * num_symbols + l)).flatten();
            let tone = |(k, value): (usize, &Complex64)| {
                value * Complex64::cis(TAU * (k as f64 - 5.5) * SUBCARRIER_HZ * since_s)
            };
            let signal: Complex64 = own.map_or(Complex64::ZERO, |own| own.iter().enumerate().map(tone).sum());
            let sample = signal * Complex64::cis(TAU * center_hz * time_s) + draw.gaussian() * noise;
            Complex32::new(sample.re as f32, sample.im as f32)
        })
        .collect();
    let extent = Segment {
        start_s: start_s + draw.within(0.06e-3),
        end_s: start_s + num_slots as f64 * SLOT_S + draw.within(0.06e-3),
        center_hz: center_hz + draw.within(1.5e3),
        bandwidth_hz: 180e3 + draw.within(15e3),
    };
    let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz: 0.0, start_s: 0.0 };
    let candidate = Candidate { extent, power_dbfs: 0.0, snr_db: snr_db as f32 };
    DETECTOR.with_borrow_mut(|detector| detector.classify(&baseband, &candidate))
}

thread_local! {
    static DETECTOR: std::cell::RefCell<Detector> = std::cell::RefCell::default();
}

/// One slot at the level from which it must be told, in any cell, format and prefix.
#[test]
fn one_slot_at_two_decibels_is_enough() {
    let mut draw = Draw(1);
    let (mut right, mut named, mut of_format) = (0, 0, [0; 2]);
    for i in 0..200 {
        let format = Format::ALL[i % 2];
        if let Ok(found) = outcome(&mut draw, Some(Content::Control(format)), 1, 2.0) {
            right += usize::from(found.channel == Channel::Pucch && found.technology == Technology::Lte);
            named += usize::from(found.parameters.format.is_some());
            of_format[i % 2] += usize::from(found.parameters.format == Some(format.number()));
        }
    }
    assert!(right >= 194, "{right} of 200");
    assert!(of_format[0] + of_format[1] >= 98 * named / 100, "{of_format:?} of {named}");
}

#[test]
fn many_slots_are_told_below_the_noise() {
    let mut draw = Draw(2);
    let found = |_| outcome(&mut draw, Some(Content::Control(Format::One)), 8, -2.0);
    let right = (0..40).map(found).filter(|o| o.as_ref().is_ok_and(|f| f.technology == Technology::LteM)).count();
    assert!(right >= 38, "{right} of 40");
}

/// Data of one block, a reference symbol in each slot, at any level and length; and noise.
#[test]
fn nothing_else_is_a_control_channel() {
    let mut draw = Draw(3);
    for i in 0..300 {
        let content = if i % 4 == 3 { None } else { Some(Content::Shared) };
        let snr_db = [0.0, 10.0, 30.0][i % 3];
        let num_slots = [1, 2, 2, 4, 12][i % 5];
        assert!(outcome(&mut draw, content, num_slots, snr_db).is_err(), "{i}");
    }
}

#[test]
fn garbage_is_turned_down() {
    let mut detector = Detector::default();
    let extent = Segment { start_s: 1e-3, end_s: 2e-3, center_hz: 0.0, bandwidth_hz: 180e3 };
    let mut ask = |samples: &[Complex32], extent, rate_hz| {
        let baseband = Baseband { samples, sample_rate_hz: rate_hz, center_hz: 0.0, start_s: 0.0 };
        detector.classify(&baseband, &Candidate { extent, power_dbfs: -30.0, snr_db: 10.0 })
    };
    let nan = [Complex32::new(f32::NAN, f32::INFINITY); 2400];
    assert!(ask(&nan, extent, RATE_HZ).is_err());
    assert!(ask(&[Complex32::ZERO; 2400], extent, RATE_HZ).is_err());
    assert!(ask(&[], extent, RATE_HZ).is_err());
    assert!(ask(&[Complex32::ZERO; 400], extent, RATE_HZ).is_err());
    assert!(ask(&[Complex32::ZERO; 2400], extent, 1.92e6).is_err());
    assert!(ask(&[Complex32::ZERO; 2400], Segment { end_s: f64::NAN, ..extent }, RATE_HZ).is_err());
}
