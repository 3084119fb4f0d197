//! How surprising a match would be if the samples had nothing to do with the template.

/// `-ln P` that random complex values show `match_fraction` or more of their energy inside a given subspace.
///
/// `num_blocks` of `num_values` dimensions are the template's: one per coherently summed block. For values without any
/// structure the fraction follows a beta distribution, whatever their level; that is the only assumption.
pub(crate) fn surprise_nats(match_fraction: f64, num_blocks: usize, num_values: usize) -> f64 {
    if num_blocks == 0 || num_values <= num_blocks || match_fraction <= 0.0 {
        return 0.0;
    }
    let t = match_fraction.min(1.0 - 1e-9);
    let trials = num_values - 1;
    // P = sum over i < num_blocks of C(trials, i) t^i (1-t)^(trials-i), summed relative to its largest term.
    let mut ln_term = trials as f64 * (1.0 - t).ln();
    let mut ln_terms = Vec::with_capacity(num_blocks);
    for i in 0..num_blocks {
        ln_terms.push(ln_term);
        ln_term += ((trials - i) as f64 / (i + 1) as f64 * t / (1.0 - t)).ln();
    }
    let largest = ln_terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = ln_terms.iter().map(|ln| (ln - largest).exp()).sum();
    (-(largest + sum.ln())).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_has_the_closed_form() {
        assert!((surprise_nats(0.4, 1, 16) - -15.0 * 0.6f64.ln()).abs() < 1e-9);
    }

    /// With two blocks of one dimension out of three the density is `2 t`, so `P = 1 - t²`.
    #[test]
    fn two_blocks_of_three_values() {
        assert!((surprise_nats(0.7, 2, 3) - -(1.0f64 - 0.49).ln()).abs() < 1e-9);
    }

    #[test]
    fn ends_are_finite() {
        assert_eq!(surprise_nats(0.0, 1, 16), 0.0);
        assert_eq!(surprise_nats(0.5, 4, 4), 0.0);
        assert!(surprise_nats(1.0, 3, 600).is_finite());
    }
}
