//! How samples are encoded as bytes: the one place that owns their scaling.
//!
//! A sample is two components, I then Q. A component is decoded to `f32` so that full scale is 1:
//!
//! - Signed integers of *n* bits are divided by 2^(n-1): code -2^(n-1) is -1 and the largest is one code below 1.
//!   The divisor is a power of two, so that decoding is exact and [`SampleFormat::encode`] can undo it.
//! - Unsigned integers have their zero halfway between the two middle codes, for 8 bits at 127.5: the codes of an
//!   offset-binary converter (the RTL2832U's) are symmetric around it, and any other centre, 127 or 128, would add
//!   a constant of half a code, -48 dBFS for 8 bits, at the very frequency where receivers already have their DC spike.
//! - Floats are taken as they are: whoever wrote them chose their full scale.

use std::{fmt, str::FromStr};

use num_complex::Complex32;

use crate::Error;

/// The order of the bytes of one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// The encoding of one complex sample: SigMF's complex datatypes (SigMF 1.2 "Dataset Format"), and the 24 bits of WAV.
///
/// [`Display`](fmt::Display) gives the SigMF name; [`FromStr`] reads SigMF's names and the usual others,
/// in any case: `cs8 sc8`, `cs16 sc16`, `cs32 sc32`, `fc32 complex64 cfile complex`, `fc64 complex128`.
/// A name without an order of bytes means little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleFormat {
    /// 32-bit IEEE 754 floats.
    Cf32(Endian),
    /// 64-bit IEEE 754 floats, of which a sample keeps single precision.
    Cf64(Endian),
    /// Signed 32-bit integers, of which a sample keeps the upper 24 significant bits.
    Ci32(Endian),
    /// Signed 24-bit integers. SigMF has no name for them; here it is `ci24_le`.
    Ci24(Endian),
    /// Signed 16-bit integers.
    Ci16(Endian),
    /// Unsigned 32-bit integers, of which a sample keeps the upper 24 significant bits.
    Cu32(Endian),
    /// Unsigned 16-bit integers.
    Cu16(Endian),
    /// Signed 8-bit integers.
    Ci8,
    /// Unsigned 8-bit integers.
    Cu8,
}

use Endian::{Big, Little};
use SampleFormat::{Cf32, Cf64, Ci8, Ci16, Ci24, Ci32, Cu8, Cu16, Cu32};

impl SampleFormat {
    /// Every format that SigMF has.
    pub const ALL: [Self; 14] = [
        Cf32(Little),
        Cf32(Big),
        Cf64(Little),
        Cf64(Big),
        Ci32(Little),
        Ci32(Big),
        Ci16(Little),
        Ci16(Big),
        Cu32(Little),
        Cu32(Big),
        Cu16(Little),
        Cu16(Big),
        Ci8,
        Cu8,
    ];

    /// The SigMF names of all formats, for a message.
    pub(crate) fn names() -> String {
        Self::ALL.map(|format| format.to_string()).join(", ")
    }

    /// The bytes one complex sample takes.
    pub const fn bytes_per_sample(self) -> usize {
        match self {
            Cf64(_) => 16,
            Cf32(_) | Ci32(_) | Cu32(_) => 8,
            Ci24(_) => 6,
            Ci16(_) | Cu16(_) => 4,
            Ci8 | Cu8 => 2,
        }
    }

    /// Whether it differs from `other` in the order of bytes at most.
    pub fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    /// The same in the other order of bytes: each component of `bytes` is turned round.
    ///
    /// # Panics
    ///
    /// If `bytes` are no whole samples.
    pub fn swap_order(self, bytes: &mut [u8]) {
        assert_eq!(bytes.len() % self.bytes_per_sample(), 0, "{} bytes are no whole samples of {self}", bytes.len());
        bytes.chunks_exact_mut(self.bytes_per_sample() / 2).for_each(<[u8]>::reverse);
    }

    /// Whether every sample of `other` is exactly one of its own, by way of the single precision of a sample. Unsigned
    /// codes lie halfway between those of signed integers of their length, so that these take more bits.
    pub fn holds(self, other: Self) -> bool {
        let inner: &[Self] = match self {
            Ci8 | Cu8 | Cu16(_) => return self.is_like(other),
            Ci16(_) => &[Ci8, Cu8, Ci16(Little)],
            Ci24(_) | Ci32(_) => &[Ci8, Cu8, Ci16(Little), Cu16(Little), Ci24(Little)],
            Cf32(_) | Cf64(_) => &[Ci8, Cu8, Ci16(Little), Cu16(Little), Ci24(Little), Cf32(Little)],
            Cu32(_) => &[],
        };
        inner.iter().any(|inner| inner.is_like(other))
    }

    /// Decodes `bytes` into as many samples as `out` holds.
    ///
    /// # Panics
    ///
    /// If `bytes.len() != out.len() * self.bytes_per_sample()`.
    pub fn decode(self, bytes: &[u8], out: &mut [Complex32]) {
        self.check_lengths(bytes.len(), out.len());
        let out = bytemuck::cast_slice_mut(out);
        match self {
            Cf32(Little) => decode_each(bytes, out, f32::from_le_bytes),
            Cf32(Big) => decode_each(bytes, out, f32::from_be_bytes),
            Cf64(Little) => decode_each(bytes, out, |b| f64::from_le_bytes(b) as f32),
            Cf64(Big) => decode_each(bytes, out, |b| f64::from_be_bytes(b) as f32),
            Ci32(Little) => decode_each(bytes, out, |b| from_i32(i32::from_le_bytes(b))),
            Ci32(Big) => decode_each(bytes, out, |b| from_i32(i32::from_be_bytes(b))),
            Ci24(Little) => decode_each(bytes, out, |[a, b, c]| from_i32(i32::from_le_bytes([0, a, b, c]))),
            Ci24(Big) => decode_each(bytes, out, |[a, b, c]| from_i32(i32::from_be_bytes([a, b, c, 0]))),
            Ci16(Little) => decode_each(bytes, out, |b| f32::from(i16::from_le_bytes(b)) / SCALE_16),
            Ci16(Big) => decode_each(bytes, out, |b| f32::from(i16::from_be_bytes(b)) / SCALE_16),
            Cu32(Little) => decode_each(bytes, out, |b| from_u32(u32::from_le_bytes(b))),
            Cu32(Big) => decode_each(bytes, out, |b| from_u32(u32::from_be_bytes(b))),
            Cu16(Little) => decode_each(bytes, out, |b| (f32::from(u16::from_le_bytes(b)) - MIDDLE_16) / SCALE_16),
            Cu16(Big) => decode_each(bytes, out, |b| (f32::from(u16::from_be_bytes(b)) - MIDDLE_16) / SCALE_16),
            Ci8 => decode_each(bytes, out, |[b]| f32::from(b.cast_signed()) / SCALE_8),
            Cu8 => decode_each(bytes, out, |[b]| (f32::from(b) - MIDDLE_8) / SCALE_8),
        }
    }

    /// Encodes `samples` into `out` and returns how many of them were clipped: had a component from which
    /// the nearest code is more than half a code away (NaN from all, which becomes the middle one).
    ///
    /// Undoes [`decode`](Self::decode) exactly for the floats and for integers of 8 and 16 bits; those of 32 come
    /// back to the 24 bits of an `f32`. Values between two codes go to the nearest one. Floats are never clipped.
    ///
    /// # Panics
    ///
    /// If `out.len() != samples.len() * self.bytes_per_sample()`.
    pub fn encode(self, samples: &[Complex32], out: &mut [u8]) -> u64 {
        self.check_lengths(out.len(), samples.len());
        match self {
            Cf32(Little) => encode_each(samples, out, f32::to_le_bytes),
            Cf32(Big) => encode_each(samples, out, f32::to_be_bytes),
            Cf64(Little) => encode_each(samples, out, |x| f64::from(x).to_le_bytes()),
            Cf64(Big) => encode_each(samples, out, |x| f64::from(x).to_be_bytes()),
            Ci32(Little) => encode_each(samples, out, |x| to_i32(x).to_le_bytes()),
            Ci32(Big) => encode_each(samples, out, |x| to_i32(x).to_be_bytes()),
            Ci24(Little) => encode_each(samples, out, |x| {
                let [a, b, c, _] = to_i24(x).to_le_bytes();
                [a, b, c]
            }),
            Ci24(Big) => encode_each(samples, out, |x| {
                let [_, a, b, c] = to_i24(x).to_be_bytes();
                [a, b, c]
            }),
            Ci16(Little) => encode_each(samples, out, |x| to_i16(x).to_le_bytes()),
            Ci16(Big) => encode_each(samples, out, |x| to_i16(x).to_be_bytes()),
            Cu32(Little) => encode_each(samples, out, |x| to_u32(x).to_le_bytes()),
            Cu32(Big) => encode_each(samples, out, |x| to_u32(x).to_be_bytes()),
            Cu16(Little) => encode_each(samples, out, |x| to_u16(x).to_le_bytes()),
            Cu16(Big) => encode_each(samples, out, |x| to_u16(x).to_be_bytes()),
            Ci8 => encode_each(samples, out, |x| to_i8(x).to_le_bytes()),
            Cu8 => encode_each(samples, out, |x| to_u8(x).to_le_bytes()),
        }
        self.count_clipped(samples)
    }

    /// The samples with a component from which the nearest code is more than half a code away.
    fn count_clipped(self, samples: &[Complex32]) -> u64 {
        let (lowest, highest) = match self {
            Cf32(_) | Cf64(_) => return 0,
            // Half a code of 32 bits is nothing beside 1 in single precision.
            Ci32(_) | Cu32(_) | Cu16(_) | Cu8 => (-1.0, 1.0),
            Ci24(_) => (-1.0, 1.0 - 0.5 / SCALE_24),
            Ci16(_) => (-1.0 - 0.5 / SCALE_16, 1.0 - 0.5 / SCALE_16),
            Ci8 => (-1.0 - 0.5 / SCALE_8, 1.0 - 0.5 / SCALE_8),
        };
        let fits = |x: f32| (x >= lowest) & (x <= highest);
        samples.iter().filter(|x| !(fits(x.re) & fits(x.im))).count() as u64
    }

    fn check_lengths(self, num_bytes: usize, num_samples: usize) {
        let expected = num_samples * self.bytes_per_sample();
        assert_eq!(num_bytes, expected, "{num_samples} samples of {self} take {expected} bytes, not {num_bytes}");
    }
}

const SCALE_8: f32 = 128.0;
const SCALE_16: f32 = 32_768.0;
const SCALE_24: f32 = 8_388_608.0;
const SCALE_32: f64 = 2_147_483_648.0;
const MIDDLE_8: f32 = 127.5;
const MIDDLE_16: f32 = 32_767.5;
const MIDDLE_32: f64 = 2_147_483_647.5;

fn from_i32(code: i32) -> f32 {
    (f64::from(code) / SCALE_32) as f32
}

fn from_u32(code: u32) -> f32 {
    ((f64::from(code) - MIDDLE_32) / SCALE_32) as f32
}

fn decode_each<const N: usize>(bytes: &[u8], out: &mut [f32], decode: impl Fn([u8; N]) -> f32) {
    for (component, &code) in out.iter_mut().zip(bytes.as_chunks().0) {
        *component = decode(code);
    }
}

fn encode_each<const N: usize>(samples: &[Complex32], out: &mut [u8], encode: impl Fn(f32) -> [u8; N]) {
    let components: &[f32] = bytemuck::cast_slice(samples);
    for (code, &component) in out.as_chunks_mut().0.iter_mut().zip(components) {
        *code = encode(component);
    }
}

fn to_i8(component: f32) -> i8 {
    nearest_code(component * SCALE_8, SCALE_8) as i8
}

fn to_u8(component: f32) -> u8 {
    nearest_code(component * SCALE_8 - 0.5, SCALE_8) as u8 ^ 0x80
}

fn to_i16(component: f32) -> i16 {
    nearest_code(component * SCALE_16, SCALE_16) as i16
}

fn to_u16(component: f32) -> u16 {
    nearest_code(component * SCALE_16 - 0.5, SCALE_16) as u16 ^ 0x8000
}

fn to_i24(component: f32) -> i32 {
    let exact = (f64::from(component) * f64::from(SCALE_24)).round_ties_even();
    exact.clamp(-f64::from(SCALE_24), f64::from(SCALE_24 - 1.0)) as i32
}

fn to_i32(component: f32) -> i32 {
    (f64::from(component) * SCALE_32).round_ties_even() as i32
}

fn to_u32(component: f32) -> u32 {
    (f64::from(component) * SCALE_32 - 0.5).round_ties_even() as i32 as u32 ^ 0x8000_0000
}

/// The whole number from `-scale` to below `scale` that is nearest to `exact` (0 to NaN), in two's complement in the
/// lower 16 bits, for a `scale` of up to 2^15. An unsigned code is a signed one with its highest bit flipped and its
/// zero one half higher.
///
/// Adding `ROUNDER` leaves no bits for a fraction: several times as quick as `round_ties_even`, for which the baseline
/// of x86-64 has no instruction, and a recording at 61.44 MS/s needs that.
fn nearest_code(exact: f32, scale: f32) -> u32 {
    const ROUNDER: f32 = 1.5 * (1 << 23) as f32;
    let within = if exact.is_nan() { 0.0 } else { exact.clamp(-scale, scale - 1.0) };
    (within + ROUNDER).to_bits()
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, order) = match self {
            Cf32(order) => ("cf32", Some(order)),
            Cf64(order) => ("cf64", Some(order)),
            Ci32(order) => ("ci32", Some(order)),
            Ci24(order) => ("ci24", Some(order)),
            Ci16(order) => ("ci16", Some(order)),
            Cu32(order) => ("cu32", Some(order)),
            Cu16(order) => ("cu16", Some(order)),
            Ci8 => ("ci8", None),
            Cu8 => ("cu8", None),
        };
        f.write_str(name)?;
        f.write_str(match order {
            Some(Little) => "_le",
            Some(Big) => "_be",
            None => "",
        })
    }
}

impl FromStr for SampleFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let lower = name.to_ascii_lowercase();
        let (kind, order) = match (lower.strip_suffix("_le"), lower.strip_suffix("_be")) {
            (Some(kind), _) => (kind, Little),
            (_, Some(kind)) => (kind, Big),
            _ => (lower.as_str(), Little),
        };
        match kind {
            "cf32" | "fc32" | "complex64" | "cfile" | "complex" => Ok(Cf32(order)),
            "cf64" | "fc64" | "complex128" => Ok(Cf64(order)),
            "ci32" | "cs32" | "sc32" => Ok(Ci32(order)),
            "ci24" | "cs24" => Ok(Ci24(order)),
            "ci16" | "cs16" | "sc16" => Ok(Ci16(order)),
            "cu32" => Ok(Cu32(order)),
            "cu16" => Ok(Cu16(order)),
            "ci8" | "cs8" | "sc8" => Ok(Ci8),
            "cu8" => Ok(Cu8),
            _ => Err(Error::UnknownFormat { name: name.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(format: SampleFormat, bytes: &[u8]) -> Vec<Complex32> {
        let mut samples = vec![Complex32::default(); bytes.len() / format.bytes_per_sample()];
        format.decode(bytes, &mut samples);
        samples
    }

    fn encoded(format: SampleFormat, samples: &[Complex32]) -> (Vec<u8>, u64) {
        let mut bytes = vec![0; samples.len() * format.bytes_per_sample()];
        let num_clipped = format.encode(samples, &mut bytes);
        (bytes, num_clipped)
    }

    fn one(format: SampleFormat, bytes: &[u8]) -> (f32, f32) {
        let sample = decoded(format, bytes)[0];
        (sample.re, sample.im)
    }

    #[test]
    fn full_scale_is_one_and_zero_is_zero() {
        assert_eq!(one(Ci8, &[0x80, 0x7f]), (-1.0, 127.0 / 128.0));
        assert_eq!(one(Ci16(Little), &[0x00, 0x80, 0xff, 0x7f]), (-1.0, 32_767.0 / 32_768.0));
        assert_eq!(one(Ci32(Little), &[0, 0, 0, 0x80, 0, 0, 0, 0x40]), (-1.0, 0.5));
        assert_eq!(one(Cf32(Big), &[0x3f, 0x80, 0, 0, 0xc2, 0xc8, 0, 0]), (1.0, -100.0));
        assert_eq!(one(Cf64(Big), &[0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), (0.5, 0.0));
        for format in [Ci8, Ci16(Little), Ci16(Big), Ci32(Little), Ci32(Big), Cf32(Little), Cf64(Big)] {
            assert_eq!(one(format, &vec![0; format.bytes_per_sample()]), (0.0, 0.0), "{format}");
        }
    }

    #[test]
    fn i_comes_before_q_and_bytes_in_their_order() {
        assert_eq!(one(Ci16(Little), &[0x00, 0x01, 0x00, 0x02]), (256.0 / 32_768.0, 512.0 / 32_768.0));
        assert_eq!(one(Ci16(Big), &[0x00, 0x01, 0x00, 0x02]), (1.0 / 32_768.0, 2.0 / 32_768.0));
        assert_eq!(one(Cu16(Big), &[0xff, 0xff, 0x00, 0x00]), (32_767.5 / 32_768.0, -32_767.5 / 32_768.0));
        assert_eq!(one(Cu16(Little), &[0xff, 0x00, 0x00, 0xff]).0, (255.0 - 32_767.5) / 32_768.0);
    }

    /// The codes of an offset-binary converter are symmetric, so that equally many of each have no DC; a zero at 128
    /// (or 127) would leave half a code.
    #[test]
    fn unsigned_codes_are_symmetric_around_the_middle() {
        let codes: Vec<u8> = (0..=255).flat_map(|code| [code, 255 - code]).collect();
        let samples = decoded(Cu8, &codes);
        assert!(samples.iter().all(|sample| sample.re == -sample.im));
        assert_eq!(samples.iter().map(|sample| sample.re).sum::<f32>(), 0.0);
        let half_a_code_dbfs = 20.0 * (0.5f32 / 128.0).log10();
        assert!((half_a_code_dbfs - -48.2).abs() < 0.05, "the figure in this module's text: {half_a_code_dbfs}");
        for format in [Cu16(Little), Cu32(Big)] {
            let num_bytes = format.bytes_per_sample();
            let lowest = one(format, &vec![0x00; num_bytes]).0;
            assert_eq!(one(format, &vec![0xff; num_bytes]).0, -lowest, "{format}");
        }
    }

    #[test]
    fn every_code_of_8_and_16_bits_comes_back() {
        let all_8: Vec<u8> = (0..=255).flat_map(|code| [code, 255 - code]).collect();
        let all_16: Vec<u8> = (0..=u16::MAX).flat_map(|code| (u32::from(code) * 0x1_0001).to_le_bytes()).collect();
        for format in [Ci8, Cu8, Ci16(Little), Ci16(Big), Cu16(Little), Cu16(Big)] {
            let bytes = if format.bytes_per_sample() == 2 { &all_8 } else { &all_16 };
            let (back, num_clipped) = encoded(format, &decoded(format, bytes));
            assert!(back == *bytes, "{format}");
            assert_eq!(num_clipped, 0, "{format}");
        }
    }

    #[test]
    fn codes_of_24_bits_come_back() {
        let codes = [0x80_0000u32, 0xff_ffff, 0, 1, 0x7f_ffff, 0x12_3456];
        let little: Vec<u8> = codes.iter().flat_map(|code| code.to_le_bytes()[..3].to_vec()).collect();
        let big: Vec<u8> = codes.iter().flat_map(|code| code.to_be_bytes()[1..].to_vec()).collect();
        for (format, bytes) in [(Ci24(Little), little), (Ci24(Big), big)] {
            let samples = decoded(format, &bytes);
            assert_eq!(samples[0], Complex32::new(-1.0, -1.0 / 8_388_608.0), "{format}");
            assert_eq!(encoded(format, &samples), (bytes, 0), "{format}");
        }
        assert_eq!(encoded(Ci24(Little), &[Complex32::new(1.5, -7.0)]), (vec![255, 255, 127, 0, 0, 128], 1));
    }

    #[test]
    fn a_format_that_holds_another_gives_back_its_every_code() {
        let formats = || SampleFormat::ALL.into_iter().chain([Ci24(Little)]);
        for inner in formats().filter(|inner| inner.bytes_per_sample() <= 6 || matches!(inner, Cf32(_))) {
            let num_bytes = inner.bytes_per_sample();
            let step = if num_bytes <= 4 { 1 } else { 251 };
            let code = |n: u32| n.wrapping_mul(step).to_le_bytes();
            // All codes of 8 and 16 bits, some of the longer ones, and their neighbours in the other component.
            let bytes: Vec<u8> = (0..66_000u32)
                .flat_map(|n| [code(n), code(!n)])
                .flat_map(|code| code[..(num_bytes / 2).min(4)].to_vec())
                .collect();
            let samples: Vec<Complex32> = decoded(inner, &bytes[..bytes.len() / num_bytes * num_bytes]);
            let finite: Vec<Complex32> = samples.into_iter().filter(|s| s.re.is_finite() && s.im.is_finite()).collect();
            for outer in formats() {
                let back = decoded(outer, &encoded(outer, &finite).0);
                let same = back.iter().zip(&finite).all(|(a, b)| a == b);
                assert!(same || !outer.holds(inner), "{outer} does not hold {inner}");
                let is_exact = !matches!((inner, outer), (Cf32(_), _) | (_, Ci32(_) | Cu32(_)));
                assert!(!is_exact || same == outer.holds(inner), "{outer} holds {inner}, or not: {same}");
            }
        }
    }

    #[test]
    fn the_order_of_bytes_can_be_turned() {
        for (little, big) in [(Ci16(Little), Ci16(Big)), (Ci24(Little), Ci24(Big)), (Cf64(Little), Cf64(Big))] {
            let samples = [Complex32::new(0.5, -0.25), Complex32::new(-1.0, 0.125)];
            let mut bytes = encoded(little, &samples).0;
            little.swap_order(&mut bytes);
            assert_eq!(bytes, encoded(big, &samples).0);
            assert!(little.is_like(big) && !little.is_like(Ci8));
        }
    }

    #[test]
    fn beyond_full_scale_saturates_and_is_counted_by_the_sample() {
        let loud = [
            Complex32::new(1.5, 0.0),
            Complex32::new(-1.0, 0.25),
            Complex32::new(-2.0, f32::INFINITY),
            Complex32::new(0.0, f32::NAN),
        ];
        assert_eq!(encoded(Ci8, &loud), (vec![127, 0, 0x80, 32, 0x80, 127, 0, 0], 3));
        let full_scale = [Complex32::new(1.0, -1.0)];
        assert_eq!(encoded(Cu8, &full_scale), (vec![255, 0], 0), "half a code away from either end");
        assert_eq!(encoded(Ci8, &full_scale), (vec![127, 0x80], 1), "a whole code above the highest");
        assert_eq!(encoded(Cu8, &loud).0, [255, 128, 0, 160, 0, 255, 128, 128]);
        for format in SampleFormat::ALL {
            let is_float = matches!(format, Cf32(_) | Cf64(_));
            let (bytes, num_clipped) = encoded(format, &loud);
            assert_eq!(num_clipped, if is_float { 0 } else { 3 }, "{format}");
            if !is_float {
                assert!(decoded(format, &bytes).iter().all(|x| x.re.abs() <= 1.0 && x.im.abs() <= 1.0), "{format}");
            }
        }
    }

    #[test]
    fn values_go_to_the_nearest_code() {
        let sample = |codes: f32| Complex32::new(codes / 128.0, -codes / 128.0);
        assert_eq!(encoded(Ci8, &[sample(3.4), sample(3.6)]).0, [3, 253, 4, 252]);
        assert_eq!(encoded(Cu8, &[sample(0.1), sample(0.9)]).0, [128, 127, 128, 127]);
    }

    #[test]
    fn names_come_back_and_the_usual_others_are_known() {
        for format in SampleFormat::ALL {
            assert_eq!(format.to_string().parse::<SampleFormat>().unwrap(), format);
        }
        for (name, format) in [
            ("cs8", Ci8),
            ("CU8", Cu8),
            ("cs16", Ci16(Little)),
            ("ci16_be", Ci16(Big)),
            ("complex64", Cf32(Little)),
            ("fc32", Cf32(Little)),
            ("cfile", Cf32(Little)),
        ] {
            assert_eq!(name.parse::<SampleFormat>().unwrap(), format, "{name}");
        }
        assert_eq!("ci24".parse::<SampleFormat>().unwrap().to_string(), "ci24_le");
        for name in ["", "rf32_le", "ri16", "ci12", "cf16", "_le", "cu8_", "é_be"] {
            let message = name.parse::<SampleFormat>().unwrap_err().to_string();
            assert!(message.contains(&format!("'{name}'")) && message.contains("ci16_le"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn floats_come_back_bit_by_bit(bits in prop::collection::vec(any::<[u32; 2]>(), 1..50)) {
            let samples: Vec<_> = bits.iter().map(|&[i, q]| Complex32::new(f32::from_bits(i), f32::from_bits(q))).collect();
            for order in [Little, Big] {
                let bytes = encoded(Cf32(order), &samples).0;
                prop_assert_eq!(&encoded(Cf32(order), &decoded(Cf32(order), &bytes)).0, &bytes);
                for (before, after) in samples.iter().zip(decoded(Cf64(order), &encoded(Cf64(order), &samples).0)) {
                    prop_assert!(before.re.to_bits() == after.re.to_bits() || before.re.is_nan() && after.re.is_nan());
                }
            }
        }

        #[test]
        fn codes_of_32_bits_come_back_to_single_precision(codes in prop::collection::vec(any::<[i32; 2]>(), 1..50)) {
            let bytes: Vec<u8> = codes.as_flattened().iter().flat_map(|code| code.to_be_bytes()).collect();
            for format in [Ci32(Big), Cu32(Big)] {
                let once = decoded(format, &bytes);
                let (again, _) = encoded(format, &once);
                for (a, b) in once.iter().zip(decoded(format, &again)) {
                    prop_assert!((a - b).norm() <= 2.0 * f32::EPSILON, "{format}: {a} {b}");
                }
            }
        }

        #[test]
        fn quantisation_is_off_by_half_a_code_at_most(i in -0.99f32..0.99, q in -0.99f32..0.99) {
            for (format, code) in [(Ci8, 1.0 / 128.0), (Cu8, 1.0 / 128.0), (Ci16(Big), 1.0 / 32_768.0), (Cu16(Little), 1.0 / 32_768.0)] {
                let back = decoded(format, &encoded(format, &[Complex32::new(i, q)]).0)[0];
                prop_assert!((back.re - i).abs() <= 0.5 * code && (back.im - q).abs() <= 0.5 * code, "{format}");
            }
        }
    }
}
