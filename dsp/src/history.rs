//! The last moments of the stream, in 32 bits a sample.
//!
//! In: samples as they come. Out: the ones asked for, 78 dB or more above their error.

use num_complex::Complex32;

/// Samples in a row, wherever they are kept.
pub trait Stretch {
    /// How many.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies as many as `out` holds, from index `from` on.
    ///
    /// # Panics
    /// if there are not so many.
    fn copy_to(&self, from: usize, out: &mut [Complex32]);
}

impl Stretch for [Complex32] {
    fn len(&self) -> usize {
        <[Complex32]>::len(self)
    }

    fn copy_to(&self, from: usize, out: &mut [Complex32]) {
        out.copy_from_slice(&self[from..from + out.len()]);
    }
}

impl Stretch for Vec<Complex32> {
    fn len(&self) -> usize {
        <[Complex32]>::len(self)
    }

    fn copy_to(&self, from: usize, out: &mut [Complex32]) {
        self.as_slice().copy_to(from, out);
    }
}

/// A sample whose components share the exponent of the greater one: 6 bits, and 13 for either of them.
///
/// The error is 78 dB below the sample, and zero for what has 12 bits and a sign. It spreads over the whole sampled
/// band, so that within a burst's own bandwidth it is lower still.
#[derive(Debug, Clone, Copy, Default)]
struct Packed(u32);

const MANTISSA_BITS: u32 = 13;
const MASK: u32 = (1 << MANTISSA_BITS) - 1;
/// Greatest mantissa, and the value of one of its steps.
const MAX_MANTISSA: f32 = 4095.0;
const STEP: f32 = 1.0 / 2048.0;
/// Exponents that are kept, biased as in a 32-bit float: 2⁻⁴⁰ to 2²³. Below is silence; above, and for what is no
/// number, stands the greatest.
const MIN_EXPONENT: u32 = 127 - 40;
const MAX_EXPONENT: u32 = MIN_EXPONENT + 63;
/// Added to a number and seen as bits, this leaves the number, rounded, in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

impl Packed {
    fn new(sample: Complex32) -> Self {
        let greater = if sample.re.abs() > sample.im.abs() { sample.re } else { sample.im };
        let exponent = ((greater.to_bits() >> 23) & 0xff).clamp(MIN_EXPONENT, MAX_EXPONENT);
        // The reciprocal of the exponent's power of two.
        let scale = f32::from_bits((254 - exponent) << 23) * (1.0 / STEP);
        let mantissa = |component: f32| {
            let steps = (component * scale).clamp(-MAX_MANTISSA, MAX_MANTISSA);
            (steps + ROUNDER).to_bits() & MASK
        };
        let exponent = exponent - MIN_EXPONENT;
        Self(exponent << (2 * MANTISSA_BITS) | mantissa(sample.re) << MANTISSA_BITS | mantissa(sample.im))
    }

    fn sample(self) -> Complex32 {
        let exponent = MIN_EXPONENT + (self.0 >> (2 * MANTISSA_BITS));
        let scale = f32::from_bits(exponent << 23) * STEP;
        // Shifts up and down again to extend the sign.
        let component = |bits: u32| ((bits << (32 - MANTISSA_BITS)) as i32 >> (32 - MANTISSA_BITS)) as f32 * scale;
        Complex32::new(component(self.0 >> MANTISSA_BITS), component(self.0))
    }
}

#[multiversion::multiversion(targets = "simd")]
fn pack(samples: &[Complex32], packed: &mut [Packed]) {
    for (packed, sample) in packed.iter_mut().zip(samples) {
        *packed = Packed::new(*sample);
    }
}

#[multiversion::multiversion(targets = "simd")]
fn unpack(packed: &[Packed], samples: &mut [Complex32]) {
    for (sample, packed) in samples.iter_mut().zip(packed) {
        *sample = packed.sample();
    }
}

/// Keeps the last samples; positions count from the stream's first sample.
///
/// Only what [`Self::first`] to [`Self::end`] names may be asked for: the same samples whatever the sizes of the blocks
/// that brought them.
pub struct History {
    /// A ring: the sample of position `p` stands at `p` modulo the length.
    ring: Box<[Packed]>,
    end: u64,
    begun: u64,
}

/// A part of a [`History`].
#[derive(Clone, Copy)]
pub struct Kept<'a> {
    parts: [&'a [Packed]; 2],
}

impl Stretch for Kept<'_> {
    fn len(&self) -> usize {
        self.parts[0].len() + self.parts[1].len()
    }

    fn copy_to(&self, from: usize, out: &mut [Complex32]) {
        let [early, late] = self.parts;
        let in_early = early.len().saturating_sub(from).min(out.len());
        let (first, second) = out.split_at_mut(in_early);
        let from_late = from.saturating_sub(early.len());
        unpack(&early[from.min(early.len())..][..first.len()], first);
        unpack(&late[from_late..][..second.len()], second);
    }
}

impl History {
    /// Room for `len` samples, one at the least, of a stream that begins at position `begin`.
    pub fn new(len: usize, begin: u64) -> Self {
        Self { ring: vec![Packed::default(); len.max(1)].into_boxed_slice(), end: begin, begun: begin }
    }

    /// Forgets everything and begins anew at `begin`.
    pub fn restart(&mut self, begin: u64) {
        self.end = begin;
        self.begun = begin;
    }

    /// Appends.
    pub fn push(&mut self, samples: &[Complex32]) {
        let mut rest = samples;
        while !rest.is_empty() {
            let at = self.index(self.end);
            let (head, tail) = rest.split_at(rest.len().min(self.ring.len() - at));
            pack(head, &mut self.ring[at..at + head.len()]);
            self.end += head.len() as u64;
            rest = tail;
        }
    }

    /// Position of the oldest sample kept.
    pub fn first(&self) -> u64 {
        self.begun.max(self.end.saturating_sub(self.ring.len() as u64))
    }

    /// Position after the newest sample.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The samples from `from` to `to`, as far as they are kept; with the position of the first.
    pub fn between(&self, from: u64, to: u64) -> (u64, Kept<'_>) {
        let from = from.clamp(self.first(), self.end);
        let len = (to.clamp(from, self.end) - from) as usize;
        let at = self.index(from);
        let in_early = len.min(self.ring.len() - at);
        (from, Kept { parts: [&self.ring[at..at + in_early], &self.ring[..len - in_early]] })
    }

    fn index(&self, position: u64) -> usize {
        (position % self.ring.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(kept: Kept<'_>) -> Vec<Complex32> {
        let mut samples = vec![Complex32::default(); kept.len()];
        kept.copy_to(0, &mut samples);
        samples
    }

    #[test]
    fn the_last_samples_are_there_whatever_the_blocks() {
        for block in [1usize, 3, 7, 25, 130] {
            let mut history = History::new(100, 1000);
            let mut next = 1000u64;
            while next < 2000 {
                let samples: Vec<Complex32> =
                    (0..block as u64).map(|i| Complex32::new((next + i) as f32, 0.0)).collect();
                history.push(&samples);
                next += block as u64;
                let (from, kept) = history.between(0, u64::MAX);
                assert_eq!(from, history.first());
                assert_eq!(kept.len() as u64, (next - 1000).min(100));
                let kept = all(kept);
                assert!(kept.iter().enumerate().all(|(i, s)| (s.re - (from + i as u64) as f32).abs() <= 0.5));
            }
            let (from, kept) = history.between(history.end() - 10, history.end() - 5);
            assert_eq!((from, kept.len()), (history.end() - 10, 5));
            let mut two = [Complex32::default(); 2];
            kept.copy_to(3, &mut two);
            assert_eq!(two[..], all(kept)[3..]);
        }
    }

    #[test]
    fn what_has_twelve_bits_is_kept_exactly() {
        for power_of_two in [-30, -11, 0, 11] {
            for value in -2048..=2048i32 {
                let sample = Complex32::new(value as f32, (7 * value % 2048) as f32) * 2f32.powi(power_of_two);
                assert_eq!(Packed::new(sample).sample(), sample);
            }
        }
    }

    #[test]
    fn the_error_is_78_db_down_at_any_level() {
        for level in [1e-9f32, 1e-6, 0.3, 1.0, 77.0, 1e6] {
            for turn in 0..1000 {
                let sample = Complex32::cis(turn as f32) * level * (1.0 + turn as f32 / 1000.0);
                let error = (Packed::new(sample).sample() - sample) / sample.norm();
                assert!(error.norm() < 1.0 / 2048.0, "{sample}");
            }
        }
        let power: f64 = (0..100_000)
            .map(|n| Complex32::cis(n as f32 * 0.37))
            .map(|sample| f64::from((Packed::new(sample).sample() - sample).norm_sqr()))
            .sum();
        assert!(power / 1e5 < 10f64.powf(-7.8), "{power}");
    }

    #[test]
    fn what_is_no_number_is_kept_as_some_number() {
        for bad in [f32::NAN, f32::INFINITY, -f32::INFINITY, f32::MAX] {
            for sample in [Complex32::new(bad, 1.0), Complex32::new(1.0, bad), Complex32::new(bad, bad)] {
                assert!(Packed::new(sample).sample().is_finite(), "{sample}");
            }
        }
        assert_eq!(Packed::new(Complex32::new(0.0, -0.0)).sample(), Complex32::new(0.0, 0.0));
        assert_eq!(Packed::new(Complex32::new(1e-40, 0.0)).sample().re, 0.0);
    }
}
