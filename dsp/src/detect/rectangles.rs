//! A patch of time and frequency taken apart into rectangles of even power.
//!
//! In: whitened powers of a patch, `[row][bin]`. Out: disjoint rectangles, each brighter than the noise.
//! Method: of all straight cuts through the patch the one that makes exponential powers of one mean on each side most
//! likely, and again in each half, while a cut frees noise or parts levels 6 dB apart. Uplink bursts are rectangles,
//! so the edges that the likelihood finds are their edges.

/// Whitened mean up to which a part is held to be noise (1.1 dB).
const NOISE_MEAN: f64 = 1.3;
/// Two levels this far apart are two signals (6 dB).
const STEP_RATIO: f64 = 4.0;
/// Rows or bins a part must have to be a signal of another level, not an edge.
const MIN_STEP_CELLS: usize = 3;
/// Log likelihood a cut must gain, in independent cells (a chance of e^-10 at one place).
const MIN_CUT_GAIN: f64 = 10.0;
/// Strips across a cut, and what each costs for having a mean of its own.
const NUM_STRIPS: usize = 12;
const STRIP_PENALTY: f64 = 1.5;
/// Edges tried for a stripe along one side, and what the choice among their pairs costs.
const MAX_STRIPES: usize = 64;
const STRIPE_PENALTY: f64 = 4.0;
/// Log likelihood over noise that a part must have to be kept at all.
const MIN_EVIDENCE: f64 = 8.0;
/// Half-overlapped Hann cells are worth about half as many independent ones.
const INDEPENDENT_SHARE: f64 = 0.5;
/// Cuts made in one patch at the most.
const MAX_PARTS: usize = 4096;

/// Half-open ranges of rows and bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rectangle {
    /// First row.
    pub row: usize,
    /// One past the last row.
    pub row_end: usize,
    /// Lowest bin.
    pub bin: usize,
    /// One past the highest bin.
    pub bin_end: usize,
}

impl Rectangle {
    /// Cells in it.
    pub fn cells(&self) -> usize {
        (self.row_end - self.row) * (self.bin_end - self.bin)
    }
}

/// Sums over any rectangle of a patch in constant time, and the cutting; its buffers are kept from patch to patch.
pub struct Cutter {
    /// `[row][bin]` sums over all cells before, `(rows + 1) × (bins + 1)` of them.
    integral: Vec<f64>,
    width: usize,
    waiting: Vec<Rectangle>,
    profile: Vec<f64>,
    ordered: Vec<f64>,
}

impl Cutter {
    /// Room for patches of up to `max_cells`.
    pub fn new(max_rows: usize, max_bins: usize) -> Self {
        Self {
            integral: Vec::with_capacity((max_rows + 1) * (max_bins + 1)),
            width: 0,
            waiting: Vec::with_capacity(3 * MAX_PARTS),
            profile: Vec::with_capacity(max_rows.max(max_bins)),
            ordered: Vec::with_capacity(max_rows.max(max_bins)),
        }
    }

    /// Loads a patch: `rows` rows that `power(row)` gives as slices of `bins` whitened powers.
    pub fn load<'a>(&mut self, rows: usize, bins: usize, power: impl Fn(usize) -> &'a [f32]) {
        self.width = bins + 1;
        self.integral.clear();
        self.integral.resize((rows + 1) * self.width, 0.0);
        for row in 0..rows {
            let (above, below) = self.integral[row * self.width..].split_at_mut(self.width);
            let mut total = 0.0;
            for (bin, p) in power(row).iter().enumerate() {
                total += f64::from(*p);
                below[bin + 1] = above[bin + 1] + total;
            }
        }
    }

    /// Sum of whitened powers over a rectangle of the loaded patch.
    pub fn sum(&self, r: &Rectangle) -> f64 {
        let at = |row: usize, bin: usize| self.integral[row * self.width + bin];
        at(r.row_end, r.bin_end) - at(r.row, r.bin_end) - at(r.row_end, r.bin) + at(r.row, r.bin)
    }

    /// Mean whitened power of a rectangle.
    pub fn mean(&self, r: &Rectangle) -> f64 {
        self.sum(r) / r.cells() as f64
    }

    /// Log likelihood of a rectangle as one level, over noise of mean 1, in independent cells; at least 0.
    pub fn evidence(&self, r: &Rectangle) -> f64 {
        evidence(r.cells() as f64, self.sum(r))
    }

    /// Takes `whole` apart; rectangles go to `out`.
    pub fn cut(&mut self, whole: Rectangle, out: &mut Vec<Rectangle>) {
        self.waiting.clear();
        self.waiting.push(whole);
        let mut parts = 0;
        while let Some(part) = self.waiting.pop() {
            parts += 1;
            match self.best_cut(&part).or_else(|| self.best_stripe(&part)).or_else(|| self.best_ridge(&part)) {
                Some(cut) if parts < MAX_PARTS => self.waiting.extend(cut.into_iter().flatten()),
                _ if self.mean(&part) > NOISE_MEAN && self.evidence(&part) > MIN_EVIDENCE => out.push(part),
                _ => {}
            }
        }
    }

    /// A weak stripe between noise gains little from either of the two cuts that free it: both at once, over all
    /// stripes of bins or of rows.
    fn best_stripe(&self, part: &Rectangle) -> Option<Cut> {
        let whole = likelihood(part.cells() as f64, self.sum(part));
        let mut best_gain = (MIN_CUT_GAIN + STRIPE_PENALTY) / INDEPENDENT_SHARE;
        let mut best = None;
        let mut consider = |parts: [Rectangle; 3]| {
            // One of the parts must be noise: sums are cheap, logarithms are not.
            let sums = parts.map(|part| if part.cells() > 0 { self.sum(&part) } else { 0.0 });
            let cells = parts.map(|part| part.cells() as f64);
            if !sums.iter().zip(&cells).any(|(sum, cells)| sum < &(NOISE_MEAN * cells)) {
                return;
            }
            let levels = sums.iter().zip(&cells).filter(|(_, cells)| **cells > 0.0);
            let gain = levels.map(|(sum, cells)| likelihood(*cells, *sum)).sum::<f64>() - whole;
            if gain > best_gain {
                best_gain = gain;
                best = Some(parts.map(|part| (part.cells() > 0).then_some(part)));
            }
        };
        for (from, to) in stripes(part.bin, part.bin_end) {
            consider([
                Rectangle { bin_end: from, ..*part },
                Rectangle { bin: from, bin_end: to, ..*part },
                Rectangle { bin: to, ..*part },
            ]);
        }
        for (from, to) in stripes(part.row, part.row_end) {
            consider([
                Rectangle { row_end: from, ..*part },
                Rectangle { row: from, row_end: to, ..*part },
                Rectangle { row: to, ..*part },
            ]);
        }
        best
    }

    /// A narrow signal upon a wide one changes the mean on neither side of a cut: the run of bins that stands above
    /// the typical one as another level does, with the largest sum.
    fn best_ridge(&mut self, part: &Rectangle) -> Option<Cut> {
        let (mut profile, mut ordered) = (std::mem::take(&mut self.profile), std::mem::take(&mut self.ordered));
        profile.clear();
        let bins = part.bin..part.bin_end;
        profile.extend(bins.map(|bin| self.mean(&Rectangle { bin, bin_end: bin + 1, ..*part })));
        ordered.clear();
        ordered.extend_from_slice(&profile);
        let middle = ordered.len() / 2;
        let typical = *ordered.select_nth_unstable_by(middle, f64::total_cmp).1;
        let mut best: Option<(f64, usize, usize)> = None;
        let mut from = 0;
        for run in profile.chunk_by(|a, b| (*a > STEP_RATIO * typical) == (*b > STEP_RATIO * typical)) {
            let sum = run.iter().sum::<f64>();
            if run[0] > STEP_RATIO * typical && run.len() < profile.len() && best.is_none_or(|(most, ..)| sum > most) {
                best = Some((sum, part.bin + from, part.bin + from + run.len()));
            }
            from += run.len();
        }
        (self.profile, self.ordered) = (profile, ordered);
        let (_, from, to) = best?;
        let parts = [
            Rectangle { bin_end: from, ..*part },
            Rectangle { bin: from, bin_end: to, ..*part },
            Rectangle { bin: to, ..*part },
        ];
        let likelihood_of = |part: &Rectangle| likelihood(part.cells() as f64, self.sum(part));
        let gain: f64 = parts.iter().filter(|part| part.cells() > 0).map(likelihood_of).sum();
        let gain = gain - likelihood_of(part);
        (gain > (MIN_CUT_GAIN + STRIPE_PENALTY) / INDEPENDENT_SHARE)
            .then(|| parts.map(|part| (part.cells() > 0).then_some(part)))
    }

    fn best_cut(&self, part: &Rectangle) -> Option<Cut> {
        let mut best: Option<(f64, Rectangle, Rectangle)> = None;
        let mut consider = |gain: f64, a: Rectangle, b: Rectangle| {
            if best.is_none_or(|(best_gain, ..)| gain > best_gain) {
                best = Some((gain, a, b));
            }
        };
        for row in part.row + 1..part.row_end {
            let (a, b) = (Rectangle { row_end: row, ..*part }, Rectangle { row, ..*part });
            let strips = strips(part.bin, part.bin_end)
                .map(|(bin, bin_end)| (Rectangle { bin, bin_end, ..a }, Rectangle { bin, bin_end, ..b }));
            if let Some(gain) = self.cut_gain(&a, &b, strips, (row - part.row).min(part.row_end - row)) {
                consider(gain, a, b);
            }
        }
        for bin in part.bin + 1..part.bin_end {
            let (a, b) = (Rectangle { bin_end: bin, ..*part }, Rectangle { bin, ..*part });
            let strips = strips(part.row, part.row_end)
                .map(|(row, row_end)| (Rectangle { row, row_end, ..a }, Rectangle { row, row_end, ..b }));
            if let Some(gain) = self.cut_gain(&a, &b, strips, (bin - part.bin).min(part.bin_end - bin)) {
                consider(gain, a, b);
            }
        }
        best.map(|(_, a, b)| [Some(a), Some(b), None])
    }

    /// What a cut into `a` and `b` gains, either as two levels or as two profiles over strips across the cut: a hop
    /// leaves the mean on both sides the same. `depth` is the smaller extent of the two.
    fn cut_gain(
        &self,
        a: &Rectangle,
        b: &Rectangle,
        strips: impl Iterator<Item = (Rectangle, Rectangle)> + Clone,
        depth: usize,
    ) -> Option<f64> {
        let parted = |a: &Rectangle, b: &Rectangle| Parted {
            cells: (a.cells() as f64, b.cells() as f64),
            sums: (self.sum(a), self.sum(b)),
        };
        let deep = depth >= MIN_STEP_CELLS;
        let whole = parted(a, b);
        let mut best = None;
        if whole.has_noise() || deep && whole.is_step() {
            best = Some(whole.gain()).filter(|gain| *gain > MIN_CUT_GAIN);
        }
        // Most cuts have no step in any strip: sums are cheap, logarithms are not.
        if deep && strips.clone().any(|(a, b)| parted(&a, &b).is_step()) {
            let (mut total, mut steps) = (0.0, 0);
            for (a, b) in strips {
                let strip = parted(&a, &b);
                let gain = strip.gain();
                total += gain - STRIP_PENALTY;
                steps += usize::from(gain > MIN_CUT_GAIN && strip.is_step());
            }
            if steps >= 1 && total > MIN_CUT_GAIN && best.is_none_or(|best| total > best) {
                best = Some(total);
            }
        }
        best
    }
}

/// Two neighbours as levels of their own.
struct Parted {
    cells: (f64, f64),
    sums: (f64, f64),
}

impl Parted {
    fn has_noise(&self) -> bool {
        self.sums.0 < NOISE_MEAN * self.cells.0 || self.sums.1 < NOISE_MEAN * self.cells.1
    }

    fn is_step(&self) -> bool {
        let (a, b) = (self.sums.0 * self.cells.1, self.sums.1 * self.cells.0);
        a > STEP_RATIO * b || b > STEP_RATIO * a
    }

    /// Log likelihood that they gain over one level for both.
    fn gain(&self) -> f64 {
        let ((na, nb), (sa, sb)) = (self.cells, self.sums);
        (likelihood(na, sa) + likelihood(nb, sb) - likelihood(na + nb, sa + sb)) * INDEPENDENT_SHARE
    }
}

/// Parts that a cut leaves.
type Cut = [Option<Rectangle>; 3];

/// Ranges within a range, but not the whole; in steps that keep their number near [`MAX_STRIPES`].
fn stripes(from: usize, to: usize) -> impl Iterator<Item = (usize, usize)> {
    let step = (to - from).div_ceil(MAX_STRIPES);
    let edges = move || (from..to).step_by(step).chain([to]);
    edges().flat_map(move |a| edges().filter(move |&b| b > a && b - a < to - from).map(move |b| (a, b)))
}

/// Up to [`NUM_STRIPS`] even parts of a range.
fn strips(from: usize, to: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let count = NUM_STRIPS.min(to - from);
    (0..count).map(move |i| (from + (to - from) * i / count, from + (to - from) * (i + 1) / count))
}

/// Log likelihood of `cells` exponential powers that sum to `sum`, as noise of mean 1 or as a signal of their own mean.
fn likelihood(cells: f64, sum: f64) -> f64 {
    let mean = sum / cells;
    if mean <= 1.0 { -sum } else { -cells * (mean.ln() + 1.0) }
}

/// What one level of its own gains over noise of mean 1, in independent cells.
pub fn evidence(cells: f64, sum: f64) -> f64 {
    (likelihood(cells, sum) + sum) * INDEPENDENT_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(rows: usize, bins: usize, mean: impl Fn(usize, usize) -> f32) -> Vec<Rectangle> {
        let mut state = 11u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            -((((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64).ln() as f32)
        };
        let cells: Vec<f32> = (0..rows * bins).map(|i| next() * mean(i / bins, i % bins)).collect();
        let mut cutter = Cutter::new(rows, bins);
        cutter.load(rows, bins, |row| &cells[row * bins..(row + 1) * bins]);
        let mut out = Vec::new();
        cutter.cut(Rectangle { row: 0, row_end: rows, bin: 0, bin_end: bins }, &mut out);
        out.sort_by_key(|r| (r.row, r.bin));
        out
    }

    #[test]
    fn noise_is_taken_away_and_one_burst_left() {
        let parts = cut(60, 80, |t, k| if (20..40).contains(&t) && (16..64).contains(&k) { 6.0 } else { 1.0 });
        assert_eq!(parts, [Rectangle { row: 20, row_end: 40, bin: 16, bin_end: 64 }]);
    }

    #[test]
    fn neighbours_of_other_strength_are_parted() {
        let parts = cut(30, 96, |_, k| if k < 48 { 100.0 } else { 5.0 });
        assert_eq!(parts.len(), 2, "{parts:?}");
        assert!(parts[0].bin_end.abs_diff(48) <= 1);
    }

    #[test]
    fn a_narrow_signal_upon_a_wide_one_is_parted_from_it() {
        let parts = cut(12, 800, |_, k| if (301..305).contains(&k) { 80.0 } else { 5.0 });
        assert!(parts.iter().any(|r| r.bin == 301 && r.bin_end == 305 && r.cells() == 48), "{parts:?}");
        assert_eq!(parts.len(), 3, "{parts:?}");
    }

    #[test]
    fn hops_are_one_rectangle_each() {
        let parts = cut(40, 60, |t, k| if (k / 12) * 8 == (t / 8) * 8 { 50.0 } else { 1.0 });
        assert_eq!(parts.len(), 5, "{parts:?}");
        assert!(parts.iter().all(|r| r.cells() == 96), "{parts:?}");
    }

    #[test]
    fn weak_neighbours_are_freed_of_the_noise_between_them() {
        let parts = cut(60, 46, |_, k| match k {
            2..14 => 2.0,
            38..42 => 2.6,
            _ => 1.0,
        });
        assert_eq!(parts.len(), 2, "{parts:?}");
        assert!(parts[0].bin_end.abs_diff(14) <= 2 && parts[1].bin.abs_diff(38) <= 1, "{parts:?}");
    }

    #[test]
    fn noise_alone_leaves_nothing() {
        assert!(cut(100, 100, |_, _| 1.0).is_empty());
    }
}
