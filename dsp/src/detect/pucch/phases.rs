//! Which format the phases of a control channel's symbols follow.
//!
//! In: amplitudes of the symbols of some slots, base sequence and shift taken off. Out: the format whose phases say
//! more. Format 1 spreads one value over a slot by one of three sequences (TS 36.211 §5.4.1); format 2 has a value of
//! four phases in every symbol that is no reference (§5.4.2). An even turn from symbol to symbol is the frequency's
//! and free.

use std::f64::consts::TAU;

use num_complex::Complex32;

use super::law::MAX_SYMBOLS;
use crate::detect::evidence::surprise_nats;
use crate::spec::lte::CyclicPrefix;
use crate::spec::lte::pucch::{Format, NUM_SPREADINGS, spreading_cycles};

/// Turns from symbol to symbol that are tried.
const NUM_TURNS: usize = 128;
/// Surprise by which one format must say more than the other.
const MARGIN_NATS: f64 = 3.0;

/// Amplitudes of the symbols of one slot.
pub(super) type Amplitudes = [Complex32; MAX_SYMBOLS];

/// The format of `slots`, where it can be told.
pub(super) fn format(prefix: CyclicPrefix, slots: &[Amplitudes]) -> Option<Format> {
    let num_symbols = prefix.symbols_per_slot();
    let [one, two] = Format::ALL.map(|format| {
        let surprise = |turn: usize| -> f64 {
            let turned = |slot: &Amplitudes| -> Amplitudes {
                std::array::from_fn(|l| slot[l] * cis(-((turn * l % NUM_TURNS) as f64) / NUM_TURNS as f64))
            };
            slots
                .iter()
                .map(|slot| {
                    let energy: f32 = slot.iter().map(Complex32::norm_sqr).sum();
                    let (sum, num_choices) = match format {
                        Format::One => (spread(prefix, &turned(slot)), f64::from(4 * NUM_SPREADINGS)),
                        Format::Two => {
                            let num_data = num_symbols - format.reference_symbols(prefix).len();
                            (quadrants(prefix, &turned(slot)), 4f64.powi(num_data as i32))
                        }
                    };
                    let share = sum * sum / (energy * num_symbols as f32).max(f32::MIN_POSITIVE);
                    surprise_nats(share.into(), 1, num_symbols) - num_choices.ln()
                })
                .sum()
        };
        (0..NUM_TURNS).map(surprise).fold(f64::NEG_INFINITY, f64::max)
    });
    match one - two {
        margin if margin > MARGIN_NATS => Some(Format::One),
        margin if margin < -MARGIN_NATS => Some(Format::Two),
        _ => None,
    }
}

/// Sum of a slot's amplitudes by the best spreading sequence and the best of four data values.
fn spread(prefix: CyclicPrefix, slot: &Amplitudes) -> f32 {
    let sums = (0..NUM_SPREADINGS).map(|spreading| {
        let (mut data, mut reference) = (Complex32::ZERO, Complex32::ZERO);
        for (l, value) in slot.iter().enumerate().take(prefix.symbols_per_slot()) {
            let (cycles, is_data) = spreading_cycles(prefix, spreading, l);
            let sum = if is_data { &mut data } else { &mut reference };
            *sum += value * cis(-cycles);
        }
        quarter(data, reference)
    });
    sums.fold(0.0, f32::max)
}

/// Sum of a slot's amplitudes where all but the reference symbols may take any of four phases.
fn quadrants(prefix: CyclicPrefix, slot: &Amplitudes) -> f32 {
    let references = Format::Two.reference_symbols(prefix);
    let reference: Complex32 = references.iter().map(|&l| slot[l]).sum();
    // Values of QPSK stand between the axes, the reference on one.
    let of_data = |l: usize| quarter(slot[l] * cis(0.125), reference) - reference.norm();
    let data = (0..prefix.symbols_per_slot()).filter(|l| !references.contains(l)).map(of_data);
    reference.norm() + data.sum::<f32>()
}

/// Length of `reference` and what of `value` lies along it after the best of four turns.
fn quarter(value: Complex32, reference: Complex32) -> f32 {
    let along = value * reference.conj() / reference.norm().max(f32::MIN_POSITIVE);
    reference.norm() + along.re.abs().max(along.im.abs())
}

fn cis(cycles: f64) -> Complex32 {
    Complex32::cis((TAU * cycles) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_told_from_the_other() {
        for prefix in CyclicPrefix::ALL {
            for spreading in 0..NUM_SPREADINGS {
                for data in 0..4 {
                    let one: Amplitudes = std::array::from_fn(|l| {
                        let (cycles, is_data) = spreading_cycles(prefix, spreading, l);
                        let own = if is_data { f64::from(data) / 4.0 } else { 0.0 };
                        if l < prefix.symbols_per_slot() {
                            cis(cycles + own + 0.21 * l as f64)
                        } else {
                            Complex32::ZERO
                        }
                    });
                    assert_ne!(format(prefix, &[one]), Some(Format::Two), "{prefix:?} {spreading} {data}");
                    assert_eq!(format(prefix, &[one, one]), Some(Format::One), "{prefix:?} {spreading} {data}");
                }
            }
            let quadrants = [2, 0, 1, 3, 3, 0, 1];
            let two: Amplitudes = std::array::from_fn(|l| {
                let is_data = !Format::Two.reference_symbols(prefix).contains(&l);
                let own = if is_data { f64::from(quadrants[l]) / 4.0 + 0.125 } else { 0.0 };
                if l < prefix.symbols_per_slot() { cis(0.4 + own - 0.13 * l as f64) } else { Complex32::ZERO }
            });
            assert_eq!(format(prefix, &[two, two]), Some(Format::Two), "{prefix:?}");
        }
    }
}
