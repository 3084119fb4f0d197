//! LTE and LTE-M random access preambles (TS 36.211 §5.7), formats 0 to 3.

use num_complex::{Complex32, Complex64};

use super::{InvalidParameter, Waveform, require, turn};
use crate::spec::prach::{BANDWIDTH_HZ, Format, N_ZC, SPACING_HZ, spectrum};

/// One preamble in its six resource blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct LtePreamble {
    format: Format,
    /// Middle of the resource blocks from the carrier.
    middle_hz: f64,
    /// Value of every subcarrier at the end of the cyclic prefix, lowest first, mean power 1 over all of them.
    values: Vec<Complex32>,
}

impl LtePreamble {
    /// The preamble of a root `u` and a cyclic shift `C_v`, its resource blocks about `middle_hz` from the carrier.
    ///
    /// # Errors
    /// Where there is no such root or shift.
    pub fn new(format: Format, root: u16, cyclic_shift: u16, middle_hz: f64) -> Result<Self, InvalidParameter> {
        require((1..N_ZC as u16).contains(&root), "root", root, "1 to 838")?;
        require(cyclic_shift < N_ZC as u16, "cyclic_shift", cyclic_shift, "0 to 838")?;
        let scale = (N_ZC as f64).sqrt().recip();
        let values = (0..N_ZC)
            .map(|k| {
                let shifted = turn((k * usize::from(cyclic_shift) % N_ZC) as f64 / N_ZC as f64);
                let value = spectrum(usize::from(root), k) * shifted * scale;
                Complex32::new(value.re as f32, value.im as f32)
            })
            .collect();
        Ok(Self { format, middle_hz, values })
    }
}

impl Waveform for LtePreamble {
    fn at(&self, time_s: f64) -> Complex64 {
        let since_prefix_s = time_s - self.format.cyclic_prefix_s();
        // Horner's rule over the subcarriers; single precision holds to -100 dB over one period of the sequence.
        let step = turn(SPACING_HZ * since_prefix_s);
        let step = Complex32::new(step.re as f32, step.im as f32);
        let sum = self.values.iter().rev().fold(Complex32::ZERO, |sum, value| sum * step + value);
        let lowest = turn((self.middle_hz - (N_ZC / 2) as f64 * SPACING_HZ) * since_prefix_s);
        Complex64::new(sum.re.into(), sum.im.into()) * lowest
    }

    fn duration_s(&self) -> f64 {
        self.format.duration_s()
    }

    fn occupied_hz(&self) -> f64 {
        BANDWIDTH_HZ
    }

    fn band_hz(&self) -> (f64, f64) {
        (self.middle_hz - BANDWIDTH_HZ / 2.0, self.middle_hz + BANDWIDTH_HZ / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::prach::zadoff_chu;

    #[test]
    fn samples_of_the_sequence_are_the_shifted_sequence() {
        let preamble = LtePreamble::new(Format::Two, 129, 13, 0.0).unwrap();
        let at = |n: usize| {
            let time_s = Format::Two.cyclic_prefix_s() + n as f64 / (N_ZC as f64 * SPACING_HZ);
            // Subcarrier 0 stands 419 below the middle.
            preamble.at(time_s) * turn(419.0 * n as f64 / N_ZC as f64)
        };
        let first = at(0) / zadoff_chu(129, 13);
        assert!((first.norm() - 1.0).abs() < 1e-4);
        for n in [1, 100, 838, 839, 1677] {
            assert!((at(n) - first * zadoff_chu(129, n + 13)).norm() < 1e-3, "{n}");
        }
    }

    #[test]
    fn what_no_cell_can_configure_is_refused() {
        assert!(LtePreamble::new(Format::Zero, 0, 0, 0.0).is_err());
        assert!(LtePreamble::new(Format::Zero, 839, 0, 0.0).is_err());
        assert!(LtePreamble::new(Format::Zero, 1, 839, 0.0).is_err());
    }
}
