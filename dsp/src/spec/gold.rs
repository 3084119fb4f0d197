//! The pseudo-random sequence generator of LTE: a length-31 Gold sequence (TS 36.211 §7.2).

/// Bits `c(0), c(1), …` for one `c_init`.
///
/// The generator advances its two shift registers by one step a call, starting at the standard's offset
/// `N_C = 1600`.
#[derive(Debug, Clone)]
pub struct Gold {
    x1: u32,
    x2: u32,
}

impl Gold {
    /// The sequence for `c_init`, of which the low 31 bits count (§7.2).
    pub fn new(c_init: u32) -> Self {
        const N_C: usize = 1600;
        let mut gold = Self { x1: 1, x2: c_init & 0x7fff_ffff };
        for _ in 0..N_C {
            gold.step();
        }
        gold
    }

    fn step(&mut self) -> bool {
        let bit = (self.x1 ^ self.x2) & 1;
        let x1_31 = ((self.x1 >> 3) ^ self.x1) & 1;
        let x2_31 = ((self.x2 >> 3) ^ (self.x2 >> 2) ^ (self.x2 >> 1) ^ self.x2) & 1;
        self.x1 = (self.x1 >> 1) | (x1_31 << 30);
        self.x2 = (self.x2 >> 1) | (x2_31 << 30);
        bit == 1
    }
}

impl Iterator for Gold {
    type Item = bool;

    fn next(&mut self) -> Option<bool> {
        Some(self.step())
    }
}

/// The eight bits `c(8 n .. 8 n + 8)` of the sequence for `c_init` as a number, first bit lowest: how hopping patterns
/// are drawn (§5.5.1.3, §5.5.2.1.1).
pub fn octet(c_init: u32, n: usize) -> u32 {
    Gold::new(c_init).skip(8 * n).take(8).enumerate().map(|(i, bit)| u32::from(bit) << i).sum()
}

/// [`octet`] of `0, step, 2 step, …`, `count` of them.
pub fn octets(c_init: u32, step: usize, count: usize) -> Vec<u8> {
    let mut bits = Gold::new(c_init);
    let one = |bits: &mut Gold| (0..8).fold(0u8, |octet, i| octet | u8::from(bits.step()) << i);
    (0..count)
        .map(|_| {
            let octet = one(&mut bits);
            bits.by_ref().take(8 * step.saturating_sub(1)).for_each(drop);
            octet
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of §7.2 written out over arrays, as an oracle for the shift registers.
    fn by_definition(c_init: u32, length: usize) -> Vec<bool> {
        const N_C: usize = 1600;
        let total = N_C + length + 31;
        let mut x1 = vec![0u8; total];
        let mut x2 = vec![0u8; total];
        x1[0] = 1;
        for (i, bit) in x2.iter_mut().enumerate().take(31) {
            *bit = ((c_init >> i) & 1) as u8;
        }
        for n in 0..total - 31 {
            x1[n + 31] = (x1[n + 3] + x1[n]) % 2;
            x2[n + 31] = (x2[n + 3] + x2[n + 2] + x2[n + 1] + x2[n]) % 2;
        }
        (0..length).map(|n| (x1[n + N_C] + x2[n + N_C]) % 2 == 1).collect()
    }

    #[test]
    fn registers_follow_the_definition() {
        for c_init in [0, 1, 35, 145, 503, 0x7fff_ffff] {
            let fast: Vec<bool> = Gold::new(c_init).take(200).collect();
            assert_eq!(fast, by_definition(c_init, 200), "c_init {c_init}");
        }
    }
}
