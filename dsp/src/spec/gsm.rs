//! GSM bursts and their training sequences (TS 45.002 §5.2), and the modulation of both, GMSK (TS 45.004 §2).
//!
//! Not here: synchronisation, frequency correction and dummy bursts, which only base stations send; training sequences
//! for two users in one slot (Table 5.2.3b); 8-PSK and everything of a higher symbol rate.

/// Symbols a second (TS 45.004 §2.1).
pub const SYMBOL_RATE_HZ: f64 = 1_625e3 / 6.0;

/// From one slot's start to the next (TS 45.002 §5.2).
pub const SLOT_SYMBOLS: f64 = 156.25;

/// From one carrier to the next (TS 45.005 §2).
pub const CHANNEL_HZ: f64 = 200e3;

/// Length of a frame of eight slots (TS 45.002 §4.3).
pub const FRAME_S: f64 = 8.0 * SLOT_SYMBOLS / SYMBOL_RATE_HZ;

/// Kind of burst that a mobile sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burst {
    /// Everything once the network has answered (§5.2.3).
    Normal,
    /// The first that a mobile sends, short because it does not know its distance (§5.2.7).
    Access,
}

impl Burst {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Normal, Self::Access];

    /// Symbols from the first tail bit to the last.
    pub const fn num_symbols(self) -> usize {
        match self {
            Self::Normal => 3 + 58 + 26 + 58 + 3,
            Self::Access => 8 + 41 + 36 + 3,
        }
    }

    /// Symbols before the training sequence.
    pub const fn training_start(self) -> usize {
        match self {
            Self::Normal => 3 + 58,
            Self::Access => 8,
        }
    }

    /// Bits of a training sequence.
    pub const fn training_len(self) -> usize {
        match self {
            Self::Normal => 26,
            Self::Access => 41,
        }
    }

    /// Number of training sequences.
    pub const fn num_training(self) -> usize {
        match self {
            Self::Normal => NORMAL_TRAINING.len(),
            Self::Access => ACCESS_TRAINING.len(),
        }
    }

    /// Bits of the training sequence numbered `code`, first to last.
    ///
    /// # Panics
    /// Where `code` is not below [`Self::num_training`].
    pub fn training(self, code: usize) -> impl Iterator<Item = bool> {
        let bits = match self {
            Self::Normal => NORMAL_TRAINING[code],
            Self::Access => ACCESS_TRAINING[code],
        };
        (0..self.training_len()).rev().map(move |i| bits >> i & 1 == 1)
    }
}

/// Table 5.2.3a, training sequence codes 0 to 7, first bit leftmost.
const NORMAL_TRAINING: [u64; 8] = [
    0b00100101110000100010010111,
    0b00101101110111100010110111,
    0b01000011101110100100001110,
    0b01000111101101000100011110,
    0b00011010111001000001101011,
    0b01001110101100000100111010,
    0b10100111110110001010011111,
    0b11101111000100101110111100,
];

/// Table 5.2.7-3, synchronisation sequences TS0 to TS2, first bit leftmost.
const ACCESS_TRAINING: [u64; 3] = [
    0b01001011011111111001100110101010001111000,
    0b01010100111110001000011000101111001001101,
    0b11101111001001110101011000001101101110111,
];

/// Extended tail bits before the synchronisation sequence of an access burst (Table 5.2.7-1).
pub const EXTENDED_TAIL: [bool; 8] = [false, false, true, true, true, false, true, false];

/// Differential encoding (TS 45.004 §2.3): the sense in which each bit turns the phase. Before the first bit there are ones.
pub fn turns(bits: impl Iterator<Item = bool>) -> impl Iterator<Item = i8> {
    bits.scan(true, |previous, bit| Some(if std::mem::replace(previous, bit) == bit { 1 } else { -1 }))
}

/// Bandwidth of the Gaussian filter times the symbol period (TS 45.004 §2.4).
const BANDWIDTH_TIME: f64 = 0.3;

/// Share of one symbol's turn that is done (TS 45.004 §2.4 and §2.5): the integral of the filtered pulse.
#[derive(Debug, Clone)]
pub struct Pulse {
    shares: Vec<f64>,
}

/// Symbols from a pulse's middle beyond which nothing of it is left, and points of the table in a symbol.
const PULSE_REACH: usize = 2;
const PULSE_STEPS: usize = 256;

impl Default for Pulse {
    fn default() -> Self {
        let deviation = 2f64.ln().sqrt() / (std::f64::consts::TAU * BANDWIDTH_TIME);
        let step = 1.0 / PULSE_STEPS as f64;
        let gaussian = |x: f64| (-(x / deviation).powi(2) / 2.0).exp();
        // Over a symbol's length each, from the middle of the pulse's first step on.
        let frequency: Vec<f64> = (0..2 * PULSE_REACH * PULSE_STEPS)
            .map(|i| {
                let middle = (i as f64 + 0.5) * step - PULSE_REACH as f64;
                (0..PULSE_STEPS).map(|j| gaussian(middle + (j as f64 + 0.5) * step - 0.5)).sum()
            })
            .collect();
        let total: f64 = frequency.iter().sum();
        let shares = std::iter::once(0.0).chain(frequency.iter().scan(0.0, |sum, f| {
            *sum += f / total;
            Some(*sum)
        }));
        Self { shares: shares.collect() }
    }
}

impl Pulse {
    /// Share of the turn done `symbols` after the middle of the symbol.
    fn share(&self, symbols: f64) -> f64 {
        let position = ((symbols + PULSE_REACH as f64) * PULSE_STEPS as f64).max(0.0);
        let (index, last) = (position as usize, self.shares.len() - 1);
        if index >= last {
            return 1.0;
        }
        self.shares[index] + (self.shares[index + 1] - self.shares[index]) * (position - index as f64)
    }

    /// Phase, in cycles, `symbols` after the start of the first of `turns`, each a quarter of a cycle.
    pub fn phase_cycles(&self, turns: &[i8], symbols: f64) -> f64 {
        let begun = (symbols + PULSE_REACH as f64 - 0.5).max(0.0) as usize;
        let over = begun.saturating_sub(2 * PULSE_REACH + 1).min(turns.len());
        let whole: i32 = turns[..over].iter().map(|&turn| i32::from(turn)).sum();
        let under_way = turns.iter().enumerate().take(begun + 1).skip(over);
        let part: f64 = under_way.map(|(i, &turn)| f64::from(turn) * self.share(symbols - i as f64 - 0.5)).sum();
        0.25 * (f64::from(whole) + part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The middle sixteen bits of a normal training sequence correlate with the whole like an impulse: zero up to five
    /// bits either way (what the sequences were chosen for), and the first five bits come again at the end.
    #[test]
    fn training_sequences_have_the_autocorrelation_they_were_chosen_for() {
        for code in 0..Burst::Normal.num_training() {
            let levels: Vec<i32> = Burst::Normal.training(code).map(|bit| if bit { -1 } else { 1 }).collect();
            let correlation = |lag: usize| (5..21).map(|i| levels[i] * levels[i + lag - 5]).sum::<i32>();
            let all: Vec<i32> = (0..=10).map(correlation).collect();
            assert_eq!(all, [0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0], "{code}");
        }
    }

    #[test]
    fn bursts_have_the_lengths_of_the_standard() {
        assert_eq!(Burst::ALL.map(Burst::num_symbols), [148, 88]);
        assert!((FRAME_S - 60e-3 / 13.0).abs() < 1e-15);
    }

    #[test]
    fn a_run_of_equal_bits_is_a_tone_a_quarter_of_the_symbol_rate_up() {
        let turns: Vec<i8> = turns([true; 20].into_iter()).collect();
        let pulse = Pulse::default();
        for i in 30..160 {
            let symbols = f64::from(i) / 10.0;
            let step = pulse.phase_cycles(&turns, symbols + 0.1) - pulse.phase_cycles(&turns, symbols);
            assert!((step - 0.025).abs() < 1e-5, "{symbols}: {step}");
        }
    }

    /// One bit of the other kind turns the phase two quarters back, and the pulse is symmetrical.
    #[test]
    fn a_pulse_turns_a_quarter() {
        let pulse = Pulse::default();
        assert!((pulse.phase_cycles(&[-1], 0.5) + 0.125).abs() < 1e-9);
        assert!((pulse.phase_cycles(&[-1], 4.0) + 0.25).abs() < 1e-9);
        for x in [0.1, 0.4, 0.9, 1.3] {
            let (before, after) = (pulse.phase_cycles(&[1], 0.5 - x), pulse.phase_cycles(&[1], 0.5 + x));
            assert!((before + after - 0.25).abs() < 1e-6, "{x}");
        }
    }
}
