//! Matched filter for symbols that are one constant tone: running means over the useful part of a symbol.
//!
//! In: a [`Baseband`]. Out: the mean of the samples, turned down by an offset, over a window that starts anywhere.
//! Neighbouring tones of the same grid fall on the zeros of the window.

use num_complex::{Complex32, Complex64};

use crate::baseband::Baseband;

/// Samples at a rate that gives a symbol's useful part [`SAMPLES_PER_SYMBOL`] samples, centred near the tone.
pub(super) struct Narrowed {
    samples: Vec<Complex32>,
    rate_hz: f64,
    start_s: f64,
}

/// Samples in the useful part of a symbol, at either spacing.
pub(super) const SAMPLES_PER_SYMBOL: usize = 16;

impl Narrowed {
    /// Takes `baseband` between two instants down by `offset_hz` and by `decimation` in rate.
    pub(super) fn new(baseband: &Baseband, offset_hz: f64, span_s: (f64, f64), decimation: usize) -> Self {
        let rate_hz = baseband.sample_rate_hz;
        let index = |t_s: f64| (((t_s - baseband.start_s) * rate_hz).max(0.0) as usize).min(baseband.samples.len());
        let first = index(span_s.0);
        let piece = &baseband.samples[first..index(span_s.1).max(first)];
        let mut turn = Turn::new(-offset_hz / rate_hz);
        let samples = piece
            .chunks_exact(decimation)
            .map(|chunk| chunk.iter().map(|&x| x * turn.next()).sum::<Complex32>() / decimation as f32)
            .collect();
        Self {
            samples,
            rate_hz: rate_hz / decimation as f64,
            start_s: baseband.start_s + (first as f64 + (decimation - 1) as f64 / 2.0) / rate_hz,
        }
    }

    /// Running sums after a further turn down by `offset_hz`.
    pub(super) fn tone(&self, offset_hz: f64) -> Tone {
        let mut turn = Turn::new(-offset_hz / self.rate_hz);
        let mut sum = Complex64::ZERO;
        let sums = std::iter::once(sum).chain(self.samples.iter().map(|&x| {
            let turned = x * turn.next();
            sum += Complex64::new(turned.re.into(), turned.im.into());
            sum
        }));
        Tone { sums: sums.collect(), rate_hz: self.rate_hz, start_s: self.start_s }
    }
}

/// One frequency of a [`Narrowed`] stream.
pub(super) struct Tone {
    sums: Vec<Complex64>,
    rate_hz: f64,
    start_s: f64,
}

impl Tone {
    /// Mean over the symbol-long window that starts at `t_s`; zero outside the stream.
    pub(super) fn at(&self, t_s: f64) -> Complex32 {
        let first = ((t_s - self.start_s) * self.rate_hz + 0.5).round();
        if first < 0.0 {
            return Complex32::ZERO;
        }
        let first = first as usize;
        match self.sums.get(first..=first + SAMPLES_PER_SYMBOL) {
            Some(sums) => {
                let mean = (sums[SAMPLES_PER_SYMBOL] - sums[0]) / SAMPLES_PER_SYMBOL as f64;
                Complex32::new(mean.re as f32, mean.im as f32)
            }
            None => Complex32::ZERO,
        }
    }

    /// Time between samples.
    pub(super) fn step_s(&self) -> f64 {
        1.0 / self.rate_hz
    }
}

/// `e^{j2πft}` sample by sample.
struct Turn {
    cycles: f64,
    step_cycles: f64,
    value: Complex64,
    step: Complex64,
    count: u32,
}

impl Turn {
    fn new(step_cycles: f64) -> Self {
        let step = Complex64::from_polar(1.0, std::f64::consts::TAU * step_cycles);
        Self { cycles: 0.0, step_cycles, value: Complex64::ONE, step, count: 0 }
    }

    fn next(&mut self) -> Complex32 {
        let value = Complex32::new(self.value.re as f32, self.value.im as f32);
        self.count += 1;
        if self.count.is_multiple_of(1024) {
            self.cycles = (self.step_cycles * f64::from(self.count)).fract();
            self.value = Complex64::from_polar(1.0, std::f64::consts::TAU * self.cycles);
        } else {
            self.value *= self.step;
        }
        value
    }
}
