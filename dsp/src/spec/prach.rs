//! Random access preamble (TS 36.211 §5.7) of formats 0 to 3: a Zadoff-Chu sequence of 839 on subcarriers of 1.25 kHz.
//!
//! LTE, LTE-M and the long formats of NR share it to the sample.

use std::f64::consts::TAU;

use num_complex::Complex64;

/// Length of the sequence `N_ZC`, a prime (Table 5.7.2-1).
pub const N_ZC: usize = 839;
/// Subcarrier spacing `Δf_RA` (Table 5.7.3-1).
pub const SPACING_HZ: f64 = 1250.0;
/// Length of the sequence in time.
pub const SEQUENCE_S: f64 = 1.0 / SPACING_HZ;
/// Band set aside for a preamble: six resource blocks (§5.7.3). The sequence stands in its middle.
pub const BANDWIDTH_HZ: f64 = 1.08e6;
/// Band the sequence occupies.
pub const OCCUPIED_HZ: f64 = N_ZC as f64 * SPACING_HZ;
/// Raster that the middle of the band lies on: channels are 100 kHz apart (TS 36.101 §5.7.2), resource blocks begin
/// every 180 kHz, or at 90 kHz of them, from the middle of a channel.
pub const RASTER_HZ: f64 = 10e3;

/// Basic time unit `T_s` (§4).
const T_S: f64 = 1.0 / 30.72e6;

/// Preamble format (Table 5.7.1-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// 0.1 ms cyclic prefix, one sequence.
    Zero,
    /// 0.68 ms cyclic prefix, one sequence.
    One,
    /// 0.2 ms cyclic prefix, the sequence twice.
    Two,
    /// 0.68 ms cyclic prefix, the sequence twice.
    Three,
}

impl Format {
    /// Every format, in the standard's order.
    pub const ALL: [Self; 4] = [Self::Zero, Self::One, Self::Two, Self::Three];

    /// The standard's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// Length of the cyclic prefix `T_CP`.
    pub const fn cyclic_prefix_s(self) -> f64 {
        T_S * match self {
            Self::Zero => 3168.0,
            Self::One | Self::Three => 21024.0,
            Self::Two => 6240.0,
        }
    }

    /// How often the sequence is sent: `T_SEQ` in units of it.
    pub const fn sequences(self) -> usize {
        match self {
            Self::Zero | Self::One => 1,
            Self::Two | Self::Three => 2,
        }
    }

    /// From the cyclic prefix's start to the last sequence's end; what is left of the subframes is guard time.
    pub const fn duration_s(self) -> f64 {
        self.cyclic_prefix_s() + self.sequences() as f64 * SEQUENCE_S
    }
}

/// Physical root `u` of a logical root sequence number below 838 (Table 5.7.2-4); numbers beyond start over.
pub fn physical_root(logical: usize) -> u16 {
    let pair = LOWER_ROOTS[logical / 2 % LOWER_ROOTS.len()];
    if logical.is_multiple_of(2) { pair } else { N_ZC as u16 - pair }
}

/// The `u` that gives 1 with `root` modulo [`N_ZC`], zero where there is none.
pub fn inverse(root: usize) -> usize {
    // Fermat: the inverse is the power N - 2.
    let (mut base, mut exponent, mut product) = (root % N_ZC, N_ZC - 2, 1);
    while exponent > 0 {
        if exponent % 2 == 1 {
            product = product * base % N_ZC;
        }
        base = base * base % N_ZC;
        exponent /= 2;
    }
    product
}

/// `x_u(n)` (§5.7.2), periodic in `n`.
pub fn zadoff_chu(root: usize, n: usize) -> Complex64 {
    let n = n % N_ZC;
    let turns = root * (n * (n + 1) / 2 % N_ZC) % N_ZC;
    Complex64::cis(-TAU * turns as f64 / N_ZC as f64)
}

/// The sequence's transform over its first value: 1 on subcarrier 0, of magnitude 1 on every one.
///
/// With `k = u m` the exponent is a square in `n + m`, so that `X_u(k) = X_u(0) x_u*(u⁻¹ k)`.
pub fn spectrum(root: usize, subcarrier: usize) -> Complex64 {
    zadoff_chu(root, inverse(root) * subcarrier).conj()
}

/// Roots of even logical numbers; the odd one that follows each is `N_ZC` minus it.
const LOWER_ROOTS: [u16; 419] = [
    129, 140, 120, 210, 168, 84, 105, 93, 70, 60, 2, 1, 56, 112, 148, 80, 42, 40, 35, 73, 146, 31, 28, 30, 27, 29, 24,
    48, 68, 74, 178, 136, 86, 78, 43, 39, 20, 21, 95, 202, 190, 181, 137, 125, 151, 217, 128, 142, 122, 203, 118, 110,
    89, 103, 61, 55, 15, 14, 12, 23, 34, 37, 46, 207, 179, 145, 130, 223, 228, 227, 132, 133, 143, 135, 161, 201, 173,
    106, 83, 91, 66, 53, 10, 9, 7, 8, 16, 47, 64, 57, 104, 101, 108, 208, 184, 197, 191, 121, 141, 149, 216, 218, 152,
    144, 134, 138, 199, 162, 176, 119, 158, 164, 174, 171, 170, 87, 169, 88, 107, 81, 82, 100, 98, 71, 59, 65, 50, 49,
    26, 17, 13, 6, 5, 33, 51, 75, 99, 96, 97, 166, 172, 175, 187, 163, 185, 200, 114, 189, 115, 194, 195, 192, 182,
    157, 156, 211, 154, 123, 139, 212, 153, 213, 215, 150, 225, 224, 221, 220, 127, 147, 124, 193, 205, 206, 116, 160,
    186, 167, 79, 85, 77, 92, 58, 62, 69, 54, 36, 32, 25, 18, 11, 4, 3, 19, 22, 41, 38, 44, 52, 45, 63, 67, 72, 76, 94,
    102, 90, 109, 165, 111, 209, 204, 117, 188, 159, 198, 113, 183, 180, 177, 196, 155, 214, 126, 131, 219, 222, 226,
    230, 232, 262, 252, 418, 416, 413, 411, 376, 395, 283, 285, 379, 390, 363, 384, 388, 386, 361, 387, 360, 310, 354,
    328, 315, 337, 349, 335, 324, 323, 320, 334, 359, 295, 385, 292, 291, 381, 399, 380, 397, 369, 377, 410, 407, 281,
    414, 247, 277, 271, 272, 264, 259, 237, 239, 244, 243, 275, 278, 250, 246, 417, 248, 394, 393, 370, 365, 300, 299,
    364, 362, 298, 312, 313, 314, 353, 352, 343, 327, 350, 326, 319, 332, 333, 348, 347, 322, 330, 338, 341, 340, 342,
    301, 366, 401, 371, 408, 375, 249, 269, 238, 234, 257, 273, 255, 254, 245, 251, 412, 372, 282, 403, 396, 392, 391,
    382, 389, 294, 297, 311, 344, 345, 318, 331, 325, 321, 346, 339, 351, 306, 289, 400, 378, 374, 415, 270, 241, 231,
    260, 268, 276, 409, 398, 290, 304, 308, 358, 316, 293, 288, 284, 368, 253, 256, 263, 242, 274, 402, 383, 357, 329,
    317, 307, 286, 287, 266, 261, 236, 303, 356, 355, 405, 404, 406, 235, 267, 302, 309, 265, 233, 367, 296, 336, 305,
    373, 280, 279, 419, 240, 258, 229,
];

#[cfg(test)]
mod tests {
    use super::super::standard_table;
    use super::*;

    /// Some entries of Table 5.7.2-4 and the property of all of them.
    #[test]
    fn logical_numbers_name_every_root_once() {
        for (logical, root) in [(0, 129), (1, 710), (22, 1), (23, 838), (84, 137), (285, 652), (835, 581)] {
            assert_eq!(physical_root(logical), root, "{logical}");
        }
        let mut roots: Vec<u16> = (0..838).map(physical_root).collect();
        roots.sort_unstable();
        assert!(roots.into_iter().eq(1..839));
        assert_eq!(physical_root(838), physical_root(0));
    }

    #[test]
    fn tables_are_the_standards() {
        if let Some(table) = standard_table("lte_prach_root_order_839.json") {
            let roots: Vec<u64> =
                table["physical_root"].as_array().unwrap().iter().filter_map(|u| u.as_u64()).collect();
            assert!(roots.into_iter().eq((0..838).map(|logical| u64::from(physical_root(logical)))));
        }
        if let Some(table) = standard_table("lte_prach_formats.json") {
            for (format, row) in Format::ALL.into_iter().zip(table["formats"].as_array().unwrap()) {
                assert_eq!(row["format"].as_u64(), Some(u64::from(format.number())));
                let units = |key: &str| row[key].as_f64().unwrap() * T_S;
                assert!((format.cyclic_prefix_s() - units("t_cp")).abs() < 1e-12, "{format:?}");
                assert!((format.duration_s() - units("t_cp") - units("t_seq")).abs() < 1e-12, "{format:?}");
            }
        }
    }

    #[test]
    fn inverses_are_inverse() {
        assert!((1..N_ZC).all(|root| root * inverse(root) % N_ZC == 1));
    }

    #[test]
    fn the_closed_form_is_the_transform() {
        for root in [1, 25, 129, 838] {
            let transform = |k: usize| -> Complex64 {
                (0..N_ZC)
                    .map(|n| zadoff_chu(root, n) * Complex64::cis(-TAU * (n * k % N_ZC) as f64 / N_ZC as f64))
                    .sum()
            };
            let first = transform(0);
            assert!((first.norm_sqr() - N_ZC as f64).abs() < 1e-6);
            for k in [0, 1, 2, 419, 838] {
                assert!((transform(k) / first - spectrum(root, k)).norm() < 1e-9, "{root} {k}");
            }
        }
    }

    #[test]
    fn formats_last_as_long_as_the_table_says() {
        let lasting = [27_744.0, 45_600.0, 55_392.0, 70_176.0];
        for (format, units) in Format::ALL.into_iter().zip(lasting) {
            assert!((format.duration_s() - units / 30.72e6).abs() < 1e-12, "{format:?}");
        }
    }
}
