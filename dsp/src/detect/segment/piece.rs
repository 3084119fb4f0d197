//! One rectangle of even power with what was measured of it, and which of them are one symbol.

use super::CONTINUES_RATIO;
use crate::detect::candidate::Doubt;

/// Frames that a symbol of LTE touches at the most, by how many edges of its pieces may differ, and the widest dip that
/// a part of a Zadoff-Chu sequence leaves in its spectrum.
const SYMBOL_FRAMES: f64 = 3.0;
const SYMBOL_EDGE_FRAMES: f64 = 0.5;
const SYMBOL_GAP_HZ: f64 = 50e3;

/// One rectangle of the chunk with what was measured of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) start_s: f64,
    pub(super) end_s: f64,
    pub(super) low_hz: f64,
    pub(super) high_hz: f64,
    pub(super) cells: f64,
    pub(super) sum: f64,
    pub(super) mean: f64,
    /// Means of the lower and the upper half of its bins, noise taken off.
    pub(super) halves: (f64, f64),
    /// Touches the chunk's end: its end is not its own yet.
    pub(super) cut_off: bool,
    pub(super) shadow: Option<&'static str>,
    pub(super) doubt: Doubt,
    /// Noise power of a bin in its band.
    pub(super) floor: f64,
}

impl Piece {
    /// Whether `above`, which begins no lower, is on with this for the time of a symbol, right beside it and as strong.
    pub(super) fn is_one_symbol_with(&self, above: &Self, hop_s: f64) -> bool {
        let together_s = (self.start_s - above.start_s).abs().max((self.end_s - above.end_s).abs());
        let longest_s = (self.end_s - self.start_s).max(above.end_s - above.start_s);
        let ratio = (self.mean / above.mean).max(above.mean / self.mean);
        longest_s < SYMBOL_FRAMES * hop_s
            && together_s < SYMBOL_EDGE_FRAMES * hop_s
            && (0.0..SYMBOL_GAP_HZ).contains(&(above.low_hz - self.high_hz).max(0.0))
            && ratio < CONTINUES_RATIO
            && !(self.cut_off || above.cut_off)
    }

    /// This and `above`, which lies right above it, as one.
    pub(super) fn beside(&self, above: &Self) -> Self {
        let (cells, sum) = (self.cells + above.cells, self.sum + above.sum);
        let share = above.cells / cells;
        Self {
            start_s: self.start_s.min(above.start_s),
            end_s: self.end_s.max(above.end_s),
            high_hz: above.high_hz.max(self.high_hz),
            cells,
            sum,
            mean: sum / cells,
            halves: ((self.mean - 1.0).max(0.0), (above.mean - 1.0).max(0.0)),
            floor: self.floor + (above.floor - self.floor) * share,
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOP_S: f64 = 1.0 / 7500.0;

    fn piece(start_s: f64, frames: f64, low_hz: f64, high_hz: f64, mean: f64) -> Piece {
        let cells = frames * (high_hz - low_hz) / 3750.0;
        Piece {
            start_s,
            end_s: start_s + frames * HOP_S,
            low_hz,
            high_hz,
            cells,
            sum: mean * cells,
            mean,
            halves: (mean - 1.0, mean - 1.0),
            cut_off: false,
            shadow: None,
            doubt: Doubt::default(),
            floor: 1e-9,
        }
    }

    #[test]
    fn parts_of_a_symbol_are_one_and_neighbours_in_a_subframe_are_not() {
        let low = piece(0.1, 2.0, 0.0, 400e3, 9.0);
        let is_one = |other: Piece| low.is_one_symbol_with(&other, HOP_S);
        assert!(is_one(piece(0.10003, 2.0, 440e3, 900e3, 11.0)));
        assert!(!is_one(piece(0.10003, 2.0, 470e3, 900e3, 11.0)), "a gap");
        assert!(!is_one(piece(0.1001, 2.0, 440e3, 900e3, 11.0)), "another instant");
        assert!(!is_one(piece(0.1, 2.0, 440e3, 900e3, 30.0)), "another level");
        let (block, next) = (piece(0.1, 7.5, 0.0, 180e3, 9.0), piece(0.1, 7.5, 180e3, 360e3, 9.0));
        assert!(!block.is_one_symbol_with(&next, HOP_S));
    }

    #[test]
    fn what_is_joined_keeps_its_energy() {
        let joined = piece(0.1, 2.0, 0.0, 400e3, 9.0).beside(&piece(0.1, 2.0, 440e3, 840e3, 11.0));
        assert!((joined.mean - 10.0).abs() < 1e-9 && joined.high_hz == 840e3 && joined.low_hz == 0.0);
    }
}
