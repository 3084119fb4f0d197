//! Tail probabilities that thresholds are set from.

/// Natural logarithm of the gamma function for `x > 0` (Lanczos, g = 7), relative error below 1e-13.
pub fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let t = x + 7.5;
    let sum =
        COEFFICIENTS.iter().enumerate().fold(0.999_999_999_999_809_9, |sum, (i, c)| sum + c / (x + i as f64 + 1.0));
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Natural logarithm of `Q(shape, x)`: the probability that a gamma variable of unit scale exceeds `x`.
///
/// For an average of `shape` independent exponential powers of mean 1 this is the false-alarm probability of the
/// threshold `x / shape`. Works far out in the tail, where the probability itself would underflow.
pub fn ln_gamma_tail(shape: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let ln_density = shape * x.ln() - x - ln_gamma(shape);
    if x < shape + 1.0 {
        let (mut term, mut sum, mut a) = (1.0 / shape, 1.0 / shape, shape);
        while term > sum * 1e-15 {
            a += 1.0;
            term *= x / a;
            sum += term;
        }
        return (-(ln_density.exp() * sum)).ln_1p();
    }
    // Continued fraction (Lentz).
    let mut b = x + 1.0 - shape;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..100_000 {
        let an = -f64::from(i) * (f64::from(i) - shape);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        let step = c * d;
        h *= step;
        if (step - 1.0).abs() < 1e-14 {
            break;
        }
    }
    ln_density + h.ln()
}

/// Threshold that a gamma variable of unit scale exceeds with probability `exp(ln_probability)`.
pub fn gamma_threshold(shape: f64, ln_probability: f64) -> f64 {
    let (mut low, mut high) = (0.0, shape + 1.0);
    while ln_gamma_tail(shape, high) > ln_probability {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if ln_gamma_tail(shape, middle) > ln_probability { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_of_whole_shapes_are_poisson_sums() {
        for shape in [1u32, 2, 4, 32] {
            for x in [0.5, 3.0, 12.0, 37.0, 120.0f64] {
                let ln_terms = (0..shape).map(|k| f64::from(k) * x.ln() - x - ln_gamma(f64::from(k) + 1.0));
                let direct: f64 = ln_terms.map(f64::exp).sum();
                let tail = ln_gamma_tail(f64::from(shape), x);
                assert!((tail - direct.ln()).abs() < 1e-9 * (1.0 + tail.abs()), "{shape} {x}: {tail} {}", direct.ln());
            }
        }
    }

    /// The thresholds of the preamble search that independent work gives for its counted hypotheses.
    #[test]
    fn thresholds_are_the_published_ones() {
        for (shape, hypotheses, threshold) in [(4.0, 1.2e12, 36.9), (8.0, 2.3e13, 49.7), (32.0, 1.7e15, 100.0)] {
            assert!((gamma_threshold(shape, -f64::ln(hypotheses)) - threshold).abs() < 0.35, "{shape}");
        }
    }
}
