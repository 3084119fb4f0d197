//! When a weak narrow burst begins and ends.
//!
//! In: a [`Candidate`] and the frames around its edges. Out: the same with its edges moved to where they are most
//! likely.
//! Method: of two levels, noise of mean 1 and the burst's own, the instant of change that makes the whitened powers of
//! its band most likely. Good to about one frame for every neper that the levels differ by in one frame.
//! Ignores: strong bursts, whose edges their power's crossing of the half places better.

use num_complex::Complex32;

use super::candidate::Candidate;
use crate::grid::Grid;
use crate::stft::Stft;

/// Bursts above this level have good edges already.
const MAX_SNR_DB: f32 = 10.0;
/// Wider bursts have enough cells in a row of frames.
const MAX_WIDTH_HZ: f64 = 60e3;
/// Frames looked at on either side of an edge, and those farthest inside, which tell the burst's level.
const REACH: u64 = 64;
const INSIDE: usize = 32;
/// Below this mean there is nothing to tell.
const MIN_MEAN: f64 = 1.15;
/// Powers this much above the burst's are another's.
const OTHERS_RATIO: f64 = 6.0;

/// Finds edges; allocates nothing after construction.
pub struct Edges {
    grid: Grid,
    stft: Stft,
    frame: Vec<Complex32>,
    series: Vec<f64>,
}

impl Edges {
    /// For one grid.
    pub fn new(grid: &Grid) -> Self {
        let frame = vec![Complex32::default(); grid.fft_len()];
        Self { grid: *grid, stft: Stft::new(grid), frame, series: Vec::with_capacity(2 * REACH as usize) }
    }

    /// Moves the edges of a candidate. `frame(index, samples)` brings the samples of a frame as long as they are
    /// kept; times count from frame 0's first sample. `floor` is the noise power of each bin.
    pub fn refine(&mut self, candidate: &mut Candidate, floor: &[f32], frame: impl Fn(u64, &mut [Complex32]) -> bool) {
        let (hop_s, extent) = (self.grid.hop_s(), candidate.extent);
        let inside = (INSIDE + 1) as f64 * hop_s;
        if candidate.snr_db > MAX_SNR_DB || extent.bandwidth_hz > MAX_WIDTH_HZ || extent.duration_s() < 2.0 * inside {
            return;
        }
        let reach = REACH.min((extent.duration_s() / hop_s / 2.0) as u64);
        let bin = |hz: f64| (self.grid.bin(hz).round().max(0.0) as usize).min(floor.len() - 1);
        let half_bin_hz = 0.5 * self.grid.bin_hz();
        let low = bin(extent.low_hz() + half_bin_hz);
        let bins = low..bin(extent.high_hz() - half_bin_hz).max(low) + 1;
        let nearest = |seconds: f64| (seconds / hop_s - 0.5).round().max(0.0) as u64;
        let (start, end) = (nearest(extent.start_s), nearest(extent.end_s));
        let first = start.saturating_sub(REACH);
        if self.load(first..start + reach, bins.clone(), floor, &frame)
            && let Some(change) = change(self.series.iter(), bins.len())
        {
            candidate.extent.start_s = ((first + change as u64) as f64 + 0.5) * hop_s;
        }
        let first = end.saturating_sub(reach);
        if self.load(first..end + REACH, bins.clone(), floor, &frame)
            && let Some(change) = change(self.series.iter().rev(), bins.len())
        {
            candidate.extent.end_s = ((first + (self.series.len() - change) as u64) as f64 + 0.5) * hop_s;
        }
    }

    /// Whitened power of a band in every frame there is.
    fn load(
        &mut self,
        frames: std::ops::Range<u64>,
        bins: std::ops::Range<usize>,
        floor: &[f32],
        frame: &impl Fn(u64, &mut [Complex32]) -> bool,
    ) -> bool {
        self.series.clear();
        for index in frames {
            if !frame(index, &mut self.frame) {
                break;
            }
            let spectrum = self.stft.transform(&self.frame);
            let whitened = bins.clone().map(|bin| f64::from(spectrum[bin].norm_sqr() / floor[bin]));
            self.series.push(whitened.sum());
        }
        self.series.len() >= 2 * INSIDE
    }
}

/// Where a series of sums over `width` powers changes from noise to a signal, whose level its last values tell.
fn change<'a>(
    series: impl DoubleEndedIterator<Item = &'a f64> + ExactSizeIterator + Clone,
    width: usize,
) -> Option<usize> {
    let width = width as f64;
    let level = series.clone().rev().take(INSIDE).sum::<f64>() / (INSIDE as f64 * width);
    if level.is_nan() || level < MIN_MEAN {
        return None;
    }
    let length = series.len();
    let (mut sum, mut most, mut best) = (0.0, 0.0, None);
    for (back, power) in series.rev().enumerate() {
        let own = if *power < OTHERS_RATIO * level * width { *power } else { 0.0 };
        sum += own * (1.0 - 1.0 / level) - width * level.ln();
        if sum > most {
            most = sum;
            best = Some(length - back - 1);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Segment;

    #[test]
    fn edges_five_milliseconds_off_are_put_right() {
        let grid = Grid::new(240e3).unwrap();
        let mut state = 3u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 3.46
        };
        // A tone keyed at random every 67 µs at -1 dB in 15 kHz, from 50 to 150 ms.
        let mut sign = 1.0;
        let samples: Vec<Complex32> = (0..48_000)
            .map(|n| {
                let noise = Complex32::new(next(), next()) * 0.707;
                if n % 16 == 0 {
                    sign = next().signum();
                }
                let on = (12_000..36_000).contains(&n);
                noise + if on { Complex32::new(sign * 0.22, 0.0) } else { Complex32::default() }
            })
            .collect();
        let floor = vec![1.5 / 64.0; 64];
        let extent = Segment { start_s: 0.0547, end_s: 0.1462, center_hz: 0.0, bandwidth_hz: 16e3 };
        let mut candidate = Candidate { extent, power_dbfs: -13.0, snr_db: -1.0 };
        Edges::new(&grid).refine(&mut candidate, &floor, |index, frame| {
            let kept = samples.get(index as usize * 32..index as usize * 32 + 64);
            kept.iter().for_each(|kept| frame.copy_from_slice(kept));
            kept.is_some()
        });
        let extent = candidate.extent;
        assert!((extent.start_s - 0.05).abs() < 1e-3 && (extent.end_s - 0.15).abs() < 1e-3, "{extent:?}");
    }
}
