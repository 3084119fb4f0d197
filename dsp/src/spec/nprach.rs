//! Narrowband random access preamble (TS 36.211 §10.1.6): symbol groups of one tone that hop.

use super::gold::Gold;

/// Number of narrowband physical cell identities (TS 36.211 §10.2.7).
pub const NUM_CELL_IDS: u16 = 504;

/// Basic time unit `T_s` (TS 36.211 §4).
pub const T_S: f64 = 1.0 / 30.72e6;

/// Preamble format (Table 10.1.6.1-1, frame structure type 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// 66.7 µs cyclic prefix, 3.75 kHz.
    Zero,
    /// 266.7 µs cyclic prefix, 3.75 kHz.
    One,
    /// 800 µs cyclic prefix, 1.25 kHz.
    Two,
}

impl Format {
    /// Every format, in the standard's order.
    pub const ALL: [Self; 3] = [Self::Zero, Self::One, Self::Two];

    /// The standard's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// Subcarrier spacing.
    pub const fn spacing_hz(self) -> f64 {
        match self {
            Self::Zero | Self::One => 3750.0,
            Self::Two => 1250.0,
        }
    }

    /// Length of the cyclic prefix.
    pub const fn cyclic_prefix_s(self) -> f64 {
        T_S * match self {
            Self::Zero => 2048.0,
            Self::One => 8192.0,
            Self::Two => 24576.0,
        }
    }

    /// Length of one symbol group, cyclic prefix included.
    pub const fn group_s(self) -> f64 {
        self.cyclic_prefix_s()
            + T_S
                * match self {
                    Self::Zero | Self::One => 40960.0,
                    Self::Two => 73728.0,
                }
    }

    /// Symbol groups in one repetition (`P`).
    pub const fn groups(self) -> usize {
        match self {
            Self::Zero | Self::One => 4,
            Self::Two => 6,
        }
    }

    /// Length of one repetition.
    pub const fn repetition_s(self) -> f64 {
        self.groups() as f64 * self.group_s()
    }

    /// Contiguous subcarriers a preamble hops over (`N_sc^RA`).
    pub const fn subcarriers(self) -> u8 {
        match self {
            Self::Zero | Self::One => 12,
            Self::Two => 36,
        }
    }

    /// Repetitions after which a gap of [`GAP_S`] is inserted (§10.1.6.1).
    pub const fn repetitions_before_gap(self) -> usize {
        match self {
            Self::Zero | Self::One => 64,
            Self::Two => 16,
        }
    }

    /// Start of repetition `repetition`, seconds after the preamble's start, gaps included.
    pub fn repetition_start_s(self, repetition: usize) -> f64 {
        repetition as f64 * self.repetition_s() + (repetition / self.repetitions_before_gap()) as f64 * GAP_S
    }

    /// Tones of one repetition that starts on tone `first` of its block (0 to [`Self::subcarriers`]` - 1`).
    ///
    /// # Panics
    /// if `first >= self.subcarriers()`.
    pub fn hops(self, first: u8) -> Vec<u8> {
        let block = self.subcarriers();
        assert!(first < block, "first tone {first} of a block of {block}");
        let step = |n: i16, up: bool, size: i16| if up { n + size } else { n - size };
        let mut tones = vec![first];
        let mut n = i16::from(first);
        for i in 1..self.groups() {
            n = match (self, i) {
                (Self::Zero | Self::One, 2) => step(n, n < 6, 6),
                (Self::Two, 2 | 4) => step(n, (n / 3) % 2 == 0, 3),
                (Self::Two, 3) => step(n, n < 18, 18),
                _ => step(n, n % 2 == 0, 1),
            };
            tones.push(n as u8);
        }
        tones
    }
}

/// Gap the standard inserts in long preambles: `40 · 30720 T_s` (§10.1.6.1).
pub const GAP_S: f64 = 0.040;

/// Repetition numbers a cell may configure (TS 36.331, `numRepetitionsPerPreambleAttempt`).
pub const REPETITIONS: [u8; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// First tones of successive repetitions relative to the first one: `(ñ(0) + f(t)) mod N_sc^RA` with the cell's
/// pseudo-random `f` (§10.1.6.1). The value for repetition 0 is 0.
pub fn first_tone_shifts(cell_id: u16, format: Format, repetitions: usize) -> Vec<u8> {
    let block = u32::from(format.subcarriers());
    let mut bits = Gold::new(u32::from(cell_id));
    bits.next(); // the sum begins at n = 10 t + 1
    let mut shifts = vec![0u8];
    let mut f = 0u32;
    // f(t) is defined with f(-1) = 0, and repetition r > 0 uses f(r): f(0) is drawn but moves no tone by itself.
    for t in 0..repetitions.max(1) {
        let mut draw = 0u32;
        for n in 0..9 {
            draw += u32::from(bits.next().unwrap_or_default()) << n;
        }
        bits.next();
        f = (f + draw % (block - 1) + 1) % block;
        if t > 0 {
            shifts.push(f as u8);
        }
    }
    shifts
}

/// Cell identities whose hopping moves the first tones of successive repetitions by `shifts`
/// (relative to the first repetition heard, which was repetition `skipped` of the preamble).
///
/// `shifts[0]` is 0 by construction; an empty answer means no cell hops like this.
pub fn cell_ids_for(shifts: &[u8], skipped: usize, format: Format) -> Vec<u16> {
    let block = format.subcarriers();
    (0..NUM_CELL_IDS)
        .filter(|&cell_id| {
            let full = first_tone_shifts(cell_id, format, skipped + shifts.len());
            let seen = &full[skipped.min(full.len())..];
            let origin = seen.first().copied().unwrap_or_default();
            seen.len() == shifts.len()
                && seen.iter().zip(shifts).all(|(&f, &shift)| (f + block - origin) % block == shift % block)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preamble(cell_id: u16, format: Format, first: u8, repetitions: usize) -> Vec<u8> {
        first_tone_shifts(cell_id, format, repetitions)
            .iter()
            .flat_map(|shift| format.hops((first + shift) % format.subcarriers()))
            .collect()
    }

    #[test]
    fn durations_are_the_standards() {
        for (format, group_ms, repetition_ms) in
            [(Format::Zero, 1.4, 5.6), (Format::One, 1.6, 6.4), (Format::Two, 3.2, 19.2)]
        {
            assert!((format.group_s() * 1e3 - group_ms).abs() < 1e-9);
            assert!((format.repetition_s() * 1e3 - repetition_ms).abs() < 1e-9);
        }
        assert!((Format::Zero.repetition_start_s(64) - (64.0 * 0.0056 + 0.040)).abs() < 1e-12);
    }

    /// Tones heard from a device on a commercial network (cell 145, 15 November 2025), lowest of the block first.
    #[test]
    fn hops_are_those_heard_on_the_air() {
        let heard = [7, 6, 0, 1, 2, 3, 9, 8, 10, 11, 5, 4, 8, 9, 3, 2, 5, 4, 10, 11, 6, 7, 1];
        assert_eq!(preamble(145, Format::Zero, 7, 8)[..heard.len()], heard);
    }

    /// Preambles that an independent generator made.
    #[test]
    fn hops_are_those_of_another_generator() {
        assert_eq!(preamble(7, Format::Zero, 8, 4), [8, 9, 3, 2, 0, 1, 7, 6, 8, 9, 3, 2, 7, 6, 0, 1]);
        assert_eq!(preamble(7, Format::One, 9, 3), [9, 8, 2, 3, 1, 0, 6, 7, 9, 8, 2, 3]);
    }

    #[test]
    fn hops_stay_in_their_block_and_return() {
        for format in Format::ALL {
            for first in 0..format.subcarriers() {
                let tones = format.hops(first);
                assert_eq!(tones.len(), format.groups());
                assert!(tones.iter().all(|&n| n < format.subcarriers()));
            }
        }
    }

    /// With eight repetitions every cell of 504 hops differently; with two, 42 share each pattern on average.
    #[test]
    fn eight_repetitions_name_the_cell() {
        for cell_id in 0..NUM_CELL_IDS {
            let shifts = first_tone_shifts(cell_id, Format::Zero, 8);
            assert_eq!(cell_ids_for(&shifts, 0, Format::Zero), [cell_id]);
        }
        let two = cell_ids_for(&first_tone_shifts(145, Format::Zero, 2), 0, Format::Zero);
        assert!(two.contains(&145) && two.len() > 20, "{two:?}");
    }
}
