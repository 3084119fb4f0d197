//! Do the seven symbols of the slots hold the same power, as those of one transmission do?
//!
//! Symbols of constant-modulus data, precoded or not, and of the reference signal all have the same energy, so the mean
//! over the slots of each of the seven differs by noise alone. Other signals with a like period do not: downlink pilots,
//! control symbols and keyed bursts fall on some of the seven.

use crate::spec::npusch::SYMBOLS_PER_SLOT;
use crate::statistics::ln_gamma_tail;

/// Spread, relative to the mean, that fading within slots, filters and converters may add.
const OWN_SPREAD: f64 = 0.1;

/// `-ln P` that the symbols of one transmission differ in power as much as `powers`.
///
/// `powers` are means over `num_values` values each, of which `noise` is the noise's share. With `a` the signal's power a
/// mean has the variance `(noise² + 2 a noise) / num_values`; the sum of the squares over it is χ² with six degrees of
/// freedom.
pub(super) fn unevenness_nats(powers: &[f64; SYMBOLS_PER_SLOT], num_values: usize, noise: f64) -> f64 {
    let mean = powers.iter().sum::<f64>() / SYMBOLS_PER_SLOT as f64;
    let noise = noise.clamp(0.0, mean);
    let variance = noise * (2.0 * mean - noise) / num_values.max(1) as f64 + (OWN_SPREAD * mean).powi(2);
    let squares: f64 = powers.iter().map(|power| (power - mean).powi(2)).sum();
    -ln_gamma_tail((SYMBOLS_PER_SLOT - 1) as f64 / 2.0, squares / (2.0 * variance.max(f64::MIN_POSITIVE)))
}

/// `-ln P` that the seven symbols of every slot differ in power from each other as much as `powers` do, slot by slot.
///
/// Each is a mean over `num_values` values. Fading changes little within half a millisecond; what goes on and off, such as
/// pulses and keyed bursts, does.
pub(super) fn flicker_nats(powers: &[[f64; SYMBOLS_PER_SLOT]], num_values: usize, noise: f64) -> f64 {
    let sum: f64 = powers
        .iter()
        .map(|slot| {
            let mean = slot.iter().sum::<f64>() / SYMBOLS_PER_SLOT as f64;
            let noise = noise.clamp(0.0, mean);
            let variance = noise * (2.0 * mean - noise) / num_values.max(1) as f64 + (OWN_SPREAD * mean).powi(2);
            slot.iter().map(|power| (power - mean).powi(2)).sum::<f64>() / variance.max(f64::MIN_POSITIVE)
        })
        .sum();
    -ln_gamma_tail((powers.len().max(1) * (SYMBOLS_PER_SLOT - 1)) as f64 / 2.0, sum / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::npusch::generated::Draw;

    /// Means of noisy symbols of equal power exceed the threshold for 1 in e² about as often.
    #[test]
    fn equal_symbols_differ_as_reckoned() {
        let mut draw = Draw(11);
        let trials = 2000;
        let uneven = (0..trials)
            .filter(|_| {
                let powers = [0; SYMBOLS_PER_SLOT]
                    .map(|_| (0..8).map(|_| f64::from((1.0 + draw.noise()).norm_sqr())).sum::<f64>() / 8.0);
                unevenness_nats(&powers, 8, 1.0) > 2.0
            })
            .count();
        assert!((0.08..0.19).contains(&(uneven as f64 / f64::from(trials))), "{uneven}");
    }

    /// Noisy symbols of a level that fades from slot to slot exceed the threshold for 1 in e² no oftener; pulses always do.
    #[test]
    fn fading_is_no_flicker_and_pulses_are() {
        let mut draw = Draw(12);
        let trials = 1000;
        let mut slots = |level: &dyn Fn(usize) -> f32| -> Vec<[f64; SYMBOLS_PER_SLOT]> {
            let power = |i: usize, draw: &mut Draw| {
                let values = (0..6).map(|_| f64::from((level(i) + draw.noise()).norm_sqr()));
                values.sum::<f64>() / 6.0
            };
            (0..8).map(|n| std::array::from_fn(|l| power(n * SYMBOLS_PER_SLOT + l, &mut draw))).collect()
        };
        let fading = |i: usize| 1.0 + (i / SYMBOLS_PER_SLOT) as f32 / 3.0;
        let uneven = (0..trials).filter(|_| flicker_nats(&slots(&fading), 6, 1.0) > 2.0).count();
        assert!(f64::from(uneven as u32) < 0.19 * f64::from(trials), "{uneven}");
        let pulses = |i: usize| if i.is_multiple_of(3) { 3.0 } else { 0.3 };
        assert!((0..50).all(|_| flicker_nats(&slots(&pulses), 6, 1.0) > 15.0));
    }

    #[test]
    fn pilots_on_some_symbols_stand_out() {
        assert!(unevenness_nats(&[2.3, 0.6, 0.2, 2.9, 0.5, 0.2, 0.2], 21, 0.5) > 15.0);
        assert!(unevenness_nats(&[0.95, 1.02, 1.06, 1.01, 0.96, 1.01, 0.99], 48, 0.05) < 1.0);
        assert_eq!(unevenness_nats(&[0.0; SYMBOLS_PER_SLOT], 0, f64::MAX), 0.0);
    }
}
