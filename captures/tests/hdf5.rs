//! HDF5 files, good and bad, as this library's own interface writes them; those of h5py are in `other_programs.rs`.

#![cfg(feature = "hdf5")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use captures::{Capture, Error, OpenOptions, Recording, SampleFormat, Writer, open};
use hdf5::types::{CompoundField, CompoundType, FloatSize, IntSize, TypeDescriptor, VarLenUnicode};
use num_complex::Complex32;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn said(outcome: Result<Capture, Error>) -> String {
    outcome.err().map(|error| error.to_string()).unwrap_or_default()
}

fn read(path: &Path, options: &OpenOptions) -> Vec<Complex32> {
    let mut capture = open(path, options).unwrap();
    let mut samples = vec![Complex32::ZERO; capture.info().samples as usize + 1];
    let num_samples = capture.read(&mut samples).unwrap();
    assert_eq!(num_samples as u64, capture.info().samples);
    samples.truncate(num_samples);
    samples
}

fn attribute(dataset: &hdf5::Location, name: &str, value: f64) {
    dataset.new_attr::<f64>().create(name).unwrap().write_scalar(&value).unwrap();
}

fn pair(first: &str, second: &str, ty: &TypeDescriptor) -> TypeDescriptor {
    let width = ty.size();
    let fields = vec![CompoundField::new(first, ty.clone(), 0, 0), CompoundField::new(second, ty.clone(), width, 1)];
    TypeDescriptor::Compound(CompoundType { fields, size: 2 * width })
}

#[test]
fn what_is_written_comes_back_in_any_blocks() {
    let folder = Folder::new();
    let samples: Vec<Complex32> =
        (0..200_001).map(|n| Complex32::new((n % 255) as f32 / 128.0 - 0.9921875, 0.25)).collect();
    for name in ["ci8", "cu8", "ci16_le", "cu16_le", "ci32_le", "cu32_le", "cf32_le", "cf64_le"] {
        let format: SampleFormat = name.parse().unwrap();
        let recording = Recording {
            format,
            sample_rate_hz: 1.92e6,
            center_frequency_hz: Some(847e6),
            description: "by hand".to_owned(),
            datetime: Some("2026-01-31T12:00:00Z".to_owned()),
        };
        let path = folder.at(&format!("{name}.h5"));
        let mut writer = Writer::create(&path, &recording).unwrap();
        samples.chunks(30_011).for_each(|block| writer.write(block).unwrap());
        writer.finish(&[]).unwrap();
        let mut capture = open(&path, &OpenOptions::default()).unwrap();
        let info = capture.info().clone();
        assert_eq!((info.format, info.samples, info.sample_rate_hz), (format, 200_001, 1.92e6));
        assert_eq!((info.center_frequency_hz, info.description.as_deref()), (Some(847e6), Some("by hand")));
        assert_eq!(info.datetime.as_deref(), Some("2026-01-31T12:00:00Z"));
        assert_eq!(info.warnings, [""; 0]);
        let tolerance = if name.starts_with("cu") { 0.5 / 128.0 } else { 0.0 };
        let mut block = vec![Complex32::ZERO; 7919];
        for start in [0, 65_535, 131_073, 199_999] {
            capture.seek(start).unwrap();
            let num_samples = capture.read(&mut block).unwrap();
            assert_eq!(num_samples as u64, 7919.min(200_001 - start));
            for (read, written) in block.iter().zip(&samples[start as usize..]).take(num_samples) {
                assert!((read - written).re.abs() <= tolerance && (read - written).im.abs() <= tolerance, "{name}");
            }
        }
        assert!(capture.seek(200_002).is_err());
    }
    let be = Recording {
        format: "ci16_be".parse().unwrap(),
        sample_rate_hz: 1e6,
        center_frequency_hz: None,
        description: String::new(),
        datetime: None,
    };
    let refused = Writer::create(&folder.at("x.h5"), &be).unwrap_err().to_string();
    assert!(refused.contains("ci16_be is not written to HDF5"), "{refused}");
}

#[test]
fn pairs_by_any_name_and_arrays_of_two() {
    let folder = Folder::new();
    let path = folder.at("x.h5");
    let expected: Vec<Complex32> = (0..1000).map(|n| Complex32::new(n as f32 / 1000.0, -(n as f32) / 2000.0)).collect();
    let floats: Vec<f32> = expected.iter().flat_map(|sample| [sample.re, sample.im]).collect();
    let float = TypeDescriptor::Float(FloatSize::U4);
    for (first, second) in [("r", "i"), ("real", "imag"), ("Real", "Imag"), ("re", "im"), ("I", "Q")] {
        let file = hdf5::File::create(&path).unwrap();
        let dataset =
            file.new_dataset_builder().empty_as(pair(first, second, &float)).shape((1, 1000)).create("x").unwrap();
        attribute(&dataset, "fs", 1e6);
        drop((dataset, file));
        // What was never written is zero.
        assert_eq!(read(&path, &OpenOptions::default()), vec![Complex32::ZERO; 1000], "{first}");
    }
    for compressed in [false, true] {
        let file = hdf5::File::create(&path).unwrap();
        let rows: Vec<f32> = floats.iter().step_by(2).chain(floats.iter().skip(1).step_by(2)).copied().collect();
        let group = file.create_group("a").unwrap().create_group("b").unwrap();
        let columns = group.new_dataset::<f32>().shape((1000, 2));
        let rows_of_two = group.new_dataset::<f32>().shape((2, 1000));
        let (columns, rows_of_two) = if compressed {
            (columns.chunk((77, 2)).shuffle().deflate(3), rows_of_two.chunk((1, 99)).lzf())
        } else {
            (columns, rows_of_two)
        };
        columns.create("columns").unwrap().write_raw(&floats).unwrap();
        rows_of_two.create("rows").unwrap().write_raw(&rows).unwrap();
        attribute(&group, "center_freq_MHz", 847.0);
        attribute(&file, "Sampling frequency (Hz)", 1e6);
        drop((group, file));
        for part in 0..2 {
            let options = OpenOptions { part: Some(part), ..OpenOptions::default() };
            assert_eq!(read(&path, &options), expected, "part {part}, compressed {compressed}");
            let info = open(&path, &options).unwrap().info().clone();
            assert_eq!((info.num_parts, info.sample_rate_hz, info.center_frequency_hz), (2, 1e6, Some(847e6)));
            assert!(info.warnings[0].contains("holds 2 datasets of IQ"), "{:?}", info.warnings);
        }
    }
}

/// Rec. ITU-R SM.2117-0: a compound of channels, each a compound of Real and Imag.
#[derive(Clone, Copy, hdf5::H5Type)]
#[repr(C)]
struct Component {
    #[hdf5(rename = "Real")]
    real: i16,
    #[hdf5(rename = "Imag")]
    imag: i16,
}

#[derive(Clone, Copy, hdf5::H5Type)]
#[repr(C)]
struct Element {
    #[hdf5(rename = "Channel_N")]
    north: Component,
    #[hdf5(rename = "Channel_S")]
    south: Component,
}

#[test]
fn channels_of_sm_2117_are_told_apart() {
    let folder = Folder::new();
    let path = folder.at("x.h5");
    let file = hdf5::File::create(&path).unwrap();
    let element =
        |n: i16| Element { north: Component { real: n, imag: -n }, south: Component { real: 1000 + n, imag: 0 } };
    let elements: Vec<Element> = (0..300).map(element).collect();
    let dataset = file.new_dataset::<Element>().shape(300).create("Dataset_0").unwrap();
    dataset.write_raw(&elements).unwrap();
    attribute(&dataset, "Sampling frequency (Hz)", 2e6);
    attribute(&dataset, "RF carrier frequency (Hz)", 0.0);
    attribute(&dataset, "Timestamp coarse (s)", 1_795_477_200.0);
    let comment = VarLenUnicode::from_str("two antennas").unwrap();
    dataset.new_attr::<VarLenUnicode>().create("Comment").unwrap().write_scalar(&comment).unwrap();
    drop((dataset, file));
    for channel in 0..2 {
        let options = OpenOptions { channel: Some(channel), ..OpenOptions::default() };
        let info = open(&path, &options).unwrap().info().clone();
        assert_eq!((info.num_channels, info.format.to_string().as_str(), info.samples), (2, "ci16_le", 300));
        assert_eq!((info.sample_rate_hz, info.center_frequency_hz), (2e6, None), "a centre of zero is none");
        assert_eq!(info.datetime.as_deref(), Some("2026-11-23T23:40:00Z"));
        assert_eq!(info.description.as_deref(), Some("two antennas"));
        let last = read(&path, &options)[299] * 32_768.0;
        assert_eq!(last, [Complex32::new(299.0, -299.0), Complex32::new(1299.0, 0.0)][channel]);
    }
}

#[test]
fn files_that_cannot_be_read() {
    let folder = Folder::new();
    let path = folder.at("x.h5");
    let says = |words: &str| {
        let said = said(open(&path, &OpenOptions::default()));
        assert!(said.contains("x.h5: ") && said.contains(words) && !said.contains('\n'), "{words}: {said}");
    };
    fs::write(&path, "").unwrap();
    says("is empty");
    fs::write(&path, [7; 5000]).unwrap();
    says("cannot be read as HDF5");

    let create = || hdf5::File::create(&path).unwrap();
    drop(create());
    says("holds no dataset of IQ");
    let file = create();
    file.new_dataset::<f32>().shape((10, 3)).create("three").unwrap();
    file.new_dataset::<u64>().shape((10, 2)).create("long").unwrap();
    file.new_dataset_builder()
        .empty_as(pair("x", "y", &TypeDescriptor::Integer(IntSize::U2)))
        .shape(9)
        .create("points")
        .unwrap();
    drop(file);
    says("holds no dataset of IQ");
    let file = create();
    let dataset = file.new_dataset::<f32>().shape((10, 2)).create("iq").unwrap();
    drop((dataset, file));
    says("no attribute of its dataset iq or above tells the sample rate");
    let rate = OpenOptions { sample_rate_hz: Some(1e6), ..OpenOptions::default() };
    assert_eq!(read(&path, &rate).len(), 10, "given, it is read");

    let with_rate = |dataset: &hdf5::Dataset, hz| attribute(dataset, "sample_rate", hz);
    let file = create();
    with_rate(&file.new_dataset::<f32>().shape((10, 2)).create("iq").unwrap(), -5.0);
    drop(file);
    says("its sample rate is -5.0");
    let file = create();
    with_rate(&file.new_dataset::<f32>().shape((0.., 2)).chunk((16, 2)).create("iq").unwrap(), 1e6);
    drop(file);
    says("its dataset iq holds no sample");
    let file = create();
    let huge = file.new_dataset::<f32>().chunk((1 << 27, 2)).shape((1 << 30, 2)).create("iq").unwrap();
    with_rate(&huge, 1e6);
    drop((huge, file));
    says("chunks of 1073741824 bytes; at most 67108864 are read at once");
    let file = create();
    for number in 0..1100 {
        file.create_group(&number.to_string()).unwrap();
    }
    drop(file);
    says("more than 1000 objects");
}

#[test]
fn nothing_outside_of_the_file_is_followed() {
    let folder = Folder::new();
    let (secret, path) = (folder.at("secret.bin"), folder.at("x.h5"));
    fs::write(&secret, [65; 4000]).unwrap();
    let file = hdf5::File::create(&path).unwrap();
    let external = secret.to_str().unwrap();
    let dataset = file
        .new_dataset::<f32>()
        .with_dcpl(|plist| plist.external(external, 0, 4000))
        .shape((500, 2))
        .create("iq")
        .unwrap();
    attribute(&dataset, "sample_rate", 1e6);
    drop((dataset, file));
    assert!(said(open(&path, &OpenOptions::default())).contains("lie in other files, which are not followed"));

    let other = folder.at("other.h5");
    let file = hdf5::File::create(&other).unwrap();
    let dataset = file.new_dataset::<f32>().shape((10, 2)).create("iq").unwrap();
    attribute(&dataset, "sample_rate", 1e6);
    drop((dataset, file));
    let file = hdf5::File::create(&path).unwrap();
    file.link_external(other.to_str().unwrap(), "iq", "linked").unwrap();
    drop(file);
    assert!(said(open(&path, &OpenOptions::default())).contains("holds no dataset of IQ"));
}

#[test]
fn damage_to_a_sound_file_is_an_error_or_survived() {
    let folder = Folder::new();
    let path = folder.at("x.h5");
    let recording = Recording {
        format: SampleFormat::Ci8,
        sample_rate_hz: 1e6,
        center_frequency_hz: Some(847e6),
        description: "damaged".to_owned(),
        datetime: None,
    };
    let mut writer = Writer::create(&path, &recording).unwrap();
    writer.write_encoded(&[3; 3000]).unwrap();
    writer.finish(&[]).unwrap();
    let sound = fs::read(&path).unwrap();
    for length in (0..sound.len()).step_by(sound.len() / 40) {
        fs::write(&path, &sound[..length]).unwrap();
        if let Ok(mut capture) = open(&path, &OpenOptions::default()) {
            let _ = capture.read(&mut [Complex32::ZERO; 2000]);
        }
    }
}
