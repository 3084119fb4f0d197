//! Pseudo-random numbers whose values no library version can change: xoshiro256++ seeded by SplitMix64.
//!
//! Reference: D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4), 2021; the
//! seeding is the one its authors recommend.

use num_complex::Complex64;

/// A seeded stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut mixer = SplitMix64(seed);
        Self { state: std::array::from_fn(|_| mixer.next()) }
    }

    /// Stream number `index` of `seed`: streams of one seed are unrelated to each other.
    pub fn stream(seed: u64, index: u64) -> Self {
        let mut mixer = SplitMix64(seed);
        let base = mixer.next();
        Self::new(base ^ SplitMix64(index).next())
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// One fair bit.
    pub fn bit(&mut self) -> bool {
        self.bits() >> 63 == 1
    }

    /// Uniform in `[0, 1)`, 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform over `0..count`; 0 where `count` is 0.
    pub fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(count)) >> 64) as u64
    }

    /// Circular complex Gaussian of mean power 1 (Box-Muller).
    pub fn gaussian(&mut self) -> Complex64 {
        let radius = (-(1.0 - self.uniform()).ln()).sqrt();
        Complex64::from_polar(radius, std::f64::consts::TAU * self.uniform())
    }
}

/// Steele, Lea and Flood's SplitMix64, used for seeding.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First outputs of the authors' C code for the state 1, 2, 3, 4.
    #[test]
    fn outputs_are_those_of_the_reference_code() {
        let mut random = Random { state: [1, 2, 3, 4] };
        let expected = [
            41943041,
            58720359,
            3588806011781223,
            3591011842654386,
            9228616714210784205,
            9973669472204895162,
            14011001112246962877,
            12406186145184390807,
            15849039046786891736,
            10450023813501588000,
        ];
        assert_eq!(expected.map(|_| random.bits()), expected);
    }

    #[test]
    fn seeding_is_that_of_the_reference_code() {
        let mut mixer = SplitMix64(0);
        assert_eq!([0; 3].map(|_| mixer.next()), [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
    }

    /// Mean 0, power 1, no correlation of the parts, and the tail of a circular Gaussian: P(|z|² > 4) = exp(-4).
    #[test]
    fn gaussian_is_circular_with_unit_power() {
        let mut random = Random::new(7);
        let n = 200_000;
        let (mut mean, mut square, mut power, mut tail) = (Complex64::ZERO, Complex64::ZERO, 0.0, 0);
        for _ in 0..n {
            let z = random.gaussian();
            mean += z;
            square += z * z;
            power += z.norm_sqr();
            tail += usize::from(z.norm_sqr() > 4.0);
        }
        let n = f64::from(n);
        assert!(mean.norm() / n < 0.01 && square.norm() / n < 0.01, "{mean} {square}");
        assert!((power / n - 1.0).abs() < 0.01);
        assert!((tail as f64 / n - (-4f64).exp()).abs() < 0.0015);
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let first = |index| Random::stream(1, index).bits();
        assert_eq!(first(0), first(0));
        assert_ne!(first(0), first(1));
        assert!((0..100).all(|i| Random::stream(3, i).below(10) < 10));
    }
}
