//! What is written here, judged and read by other programs; what they write, read here.
//!
//! The programs are Python's `sigmf`, `h5py` and `scipy` in `target/oracles` (`make oracles`), or those of the
//! interpreter that `CELLSWEEP_PYTHON` names, and `sox`. Where one is absent the test says so and passes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use captures::{Annotation, OpenOptions, Recording, SampleFormat, Writer, open};
use num_complex::Complex32;

/// An interpreter that has these modules; `None`, with a line that says so, where there is none.
fn python(modules: &str) -> Option<PathBuf> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/oracles/bin/python");
    let python = std::env::var_os("CELLSWEEP_PYTHON").map_or(ours, PathBuf::from);
    let has_all = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    if !has_all.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {} with {modules} is not there; make oracles", python.display());
        return None;
    }
    Some(python)
}

/// Runs a script; what it prints.
fn run(python: &Path, script: &str, arguments: &[&Path]) -> String {
    let output = Command::new(python).arg("-c").arg(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whole codes of 8 bits, as samples.
fn samples() -> Vec<Complex32> {
    let code = |n: usize| (n % 256) as f32 / 128.0 - 1.0;
    (0..1000).map(|n| Complex32::new(code(n), code(3 * n + 7))).collect()
}

fn recording(format: &str) -> Recording {
    Recording {
        format: format.parse().unwrap(),
        sample_rate_hz: 1.92e6,
        center_frequency_hz: Some(847e6),
        description: "for others".to_owned(),
        datetime: Some("2026-01-31T12:00:00Z".to_owned()),
    }
}

fn written(path: PathBuf, format: &str) -> PathBuf {
    let annotation = Annotation {
        sample_start: 100,
        sample_count: Some(50),
        freq_lower_edge_hz: Some(846.9e6),
        freq_upper_edge_hz: Some(847.1e6),
        label: Some("nb-iot nprach".to_owned()),
        ..Annotation::default()
    };
    let mut writer = Writer::create(&path, &recording(format)).unwrap();
    writer.write(&samples()).unwrap();
    writer.finish(&[annotation]).unwrap();
    path
}

fn read(path: &Path, options: &OpenOptions) -> Vec<Complex32> {
    let mut capture = open(path, options).unwrap();
    let mut samples = vec![Complex32::ZERO; 2000];
    let num_samples = capture.read(&mut samples).unwrap();
    samples.truncate(num_samples);
    samples
}

/// The numbers that a script printed, pairs of them as samples.
fn printed(text: &str) -> Vec<Complex32> {
    let numbers: Vec<f32> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    numbers.chunks(2).map(|pair| Complex32::new(pair[0], pair[1])).collect()
}

#[test]
fn the_sigmf_package_validates_and_reads_pairs_and_archives() {
    let Some(python) = python("sigmf, numpy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = "import sys, warnings, numpy\n\
        warnings.simplefilter('error')\n\
        from sigmf import sigmffile\n\
        f = sigmffile.fromfile(sys.argv[1])\n\
        f.validate()\n\
        assert f.get_global_field('core:sample_rate') == 1.92e6\n\
        assert f.get_capture_info(0)['core:frequency'] == 847e6\n\
        a, = f.get_annotations()\n\
        assert (a['core:sample_start'], a['core:sample_count'], a['core:label']) == (100, 50, 'nb-iot nprach')\n\
        print(*f.read_samples().astype(numpy.complex64).view(numpy.float32))";
    for (name, format) in [("a.sigmf-meta", "ci16_le"), ("b.sigmf-meta", "cf32_be"), ("c.sigmf-meta", "ci8")] {
        let path = written(folder.path().join(name), format);
        assert_eq!(printed(&run(&python, script, &[&path])), samples(), "{name}");
    }
    for (name, format) in [("d.sigmf", "ci16_le"), ("e.sigmf", "cf32_le")] {
        let path = written(folder.path().join(name), format);
        assert_eq!(printed(&run(&python, script, &[&path])), samples(), "{name}");
    }
}

#[test]
fn recordings_of_the_sigmf_package_are_read() {
    let Some(python) = python("sigmf, numpy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = "import sys, numpy\n\
        from sigmf import SigMFFile\n\
        from sigmf.utils import get_data_type_str\n\
        x = (numpy.arange(1000) - 500 + 1j * numpy.arange(1000)).astype(numpy.complex64) / 1024\n\
        x.tofile(sys.argv[1] + '.sigmf-data')\n\
        m = SigMFFile(data_file=sys.argv[1] + '.sigmf-data', global_info={'core:datatype': get_data_type_str(x),\n\
            'core:sample_rate': 2.4e6, 'core:version': '1.2.0', 'core:description': 'ü'})\n\
        m.add_capture(0, metadata={'core:frequency': 832.3e6, 'core:datetime': '2026-01-31T12:00:00.000000Z'})\n\
        m.add_capture(600, metadata={'core:frequency': 900e6})\n\
        m.add_annotation(610, 20, metadata={'core:label': 'there'})\n\
        m.tofile(sys.argv[1] + '.sigmf-meta')\n\
        m.archive(sys.argv[1] + '.sigmf')";
    let stem = folder.path().join("made");
    run(&python, script, &[&stem]);
    for ending in ["sigmf-meta", "sigmf"] {
        let path = stem.with_extension(ending);
        let first = open(&path, &OpenOptions { verify: true, ..OpenOptions::default() }).unwrap().info().clone();
        assert_eq!((first.sample_rate_hz, first.center_frequency_hz), (2.4e6, Some(832.3e6)), "{ending}");
        assert_eq!((first.samples, first.num_parts, first.description.as_deref()), (600, 2, Some("ü")));
        let options = OpenOptions { part: Some(1), ..OpenOptions::default() };
        let second = open(&path, &options).unwrap().info().clone();
        assert_eq!((second.samples, second.center_frequency_hz), (400, Some(900e6)));
        assert_eq!((second.annotations[0].sample_start, second.annotations[0].label.as_deref()), (10, Some("there")));
        assert_eq!(read(&path, &options)[0], Complex32::new(100.0 / 1024.0, 600.0 / 1024.0));
    }
}

#[test]
fn scipy_reads_wav_files_and_its_own_are_read() {
    let Some(python) = python("scipy.io.wavfile, numpy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = "import sys, numpy\n\
        from scipy.io import wavfile\n\
        rate, x = wavfile.read(sys.argv[1])\n\
        assert rate == 1920000 and x.shape == (1000, 2), (rate, x.shape)\n\
        scale = {'int16': 32768, 'int32': 2**31, 'float32': 1, 'float64': 1}[str(x.dtype)]\n\
        print(*(x.flatten() / scale))\n\
        wavfile.write(sys.argv[2], 2400000, x[:500])";
    for format in ["ci16_le", "ci24_le", "ci32_le", "cf32_le", "cf64_le"] {
        let path = written(folder.path().join(format!("{format}.wav")), format);
        let theirs = folder.path().join("theirs.wav");
        let told = run(&python, script, &[&path, &theirs]);
        let mut expected = samples();
        assert_eq!(printed(&told), expected, "{format}");
        expected.truncate(500);
        assert_eq!(read(&theirs, &OpenOptions::default()), expected, "{format} of scipy");
        assert_eq!(open(&theirs, &OpenOptions::default()).unwrap().info().sample_rate_hz, 2.4e6);
    }
}

#[test]
fn sox_reads_wav_files_and_its_own_are_read() {
    let is_there = Command::new("sox").arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("skipped: sox is not there");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ours = written(folder.path().join("ours.wav"), "ci16_le");
    for (name, bits) in [("a.wav", "16"), ("b.wav", "24"), ("c.wav", "32")] {
        let theirs = folder.path().join(name);
        let output = Command::new("sox").arg(&ours).args(["-b", bits]).arg(&theirs).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(read(&theirs, &OpenOptions::default()), samples(), "{bits} bits");
    }
    let raw = folder.path().join("x.cf32");
    let output = Command::new("sox").arg(&ours).args(["-t", "f32"]).arg(&raw).output().unwrap();
    assert!(output.status.success());
    let options = OpenOptions { sample_rate_hz: Some(1.92e6), ..OpenOptions::default() };
    assert_eq!(read(&raw, &options), samples());
    assert_eq!(open(&raw, &options).unwrap().info().format, SampleFormat::Cf32(captures::Endian::Little));
}

#[cfg(feature = "hdf5")]
#[test]
fn h5py_reads_what_is_written() {
    let Some(python) = python("h5py, numpy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = "import sys, h5py, numpy\n\
        with h5py.File(sys.argv[1]) as f:\n\
        \x20   d = f['iq']\n\
        \x20   assert d.attrs['sample_rate'] == d.attrs['Sampling frequency (Hz)'] == 1.92e6\n\
        \x20   assert d.attrs['center_frequency'] == d.attrs['RF carrier frequency (Hz)'] == 847e6\n\
        \x20   assert d.attrs['description'] == 'for others' and d.attrs['datetime'] == '2026-01-31T12:00:00Z'\n\
        \x20   x = d[:]\n\
        \x20   if x.dtype == numpy.complex64: print(*x.view(numpy.float32))\n\
        \x20   elif x.dtype == numpy.complex128: print(*x.view(numpy.float64))\n\
        \x20   else: print(*numpy.stack([x['r'], x['i']], 1).flatten() / 2.0 ** (8 * x.dtype['r'].itemsize - 1))";
    for format in ["ci8", "ci16_le", "ci32_le", "cf32_le", "cf64_le"] {
        let path = written(folder.path().join(format!("{format}.h5")), format);
        assert_eq!(printed(&run(&python, script, &[&path])), samples(), "{format}");
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn what_h5py_writes_is_read() {
    let Some(python) = python("h5py, numpy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theirs.h5");
    let head = "import sys, h5py, numpy\n\
        n = numpy.arange(1000)\n\
        x = ((n % 256) / 128 - 1 + 1j * (((3 * n + 7) % 256) / 128 - 1)).astype(numpy.complex64)\n\
        v = x.view(numpy.float32).reshape(-1, 2)\n\
        f = h5py.File(sys.argv[1], 'w')\n";
    let cases = [
        ("complex numbers", "d = f.create_dataset('iq', data=x); d.attrs['sample_rate'] = 2.4e6"),
        (
            "double, gzip",
            "d = f.create_dataset('iq', data=x.astype(complex), compression='gzip'); d.attrs['fs'] = 2.4e6",
        ),
        (
            "lzf",
            "d = f.create_dataset('iq', data=x, chunks=(100,), compression='lzf', shuffle=True); f.attrs['samp_rate'] = 2400000",
        ),
        ("big-endian", "f.create_dataset('iq', data=x.astype('>c8')); f.attrs['Sampling Rate'] = numpy.float32(2.4e6)"),
        (
            "columns of 16 bits",
            "f.create_dataset('a/b/data', data=(v * 32768).astype('<i2')); f.attrs['sample_rate'] = '2400000'",
        ),
        (
            "big-endian columns",
            "f.create_dataset('x', data=(v * 32768).astype('>i2'), fletcher32=True); f.attrs['sample_rate_hz'] = 2.4e6",
        ),
        ("rows", "f.create_dataset('x', data=v.T); f['x'].attrs['core:sample_rate'] = [2.4e6]"),
        (
            "MATLAB",
            "t = numpy.dtype([('real', '<f8'), ('imag', '<f8')])\n\
             m = numpy.empty((1, 1000), t); m['real'] = x.real; m['imag'] = x.imag\n\
             f.create_dataset('iq', data=m).attrs['MATLAB_class'] = numpy.bytes_('double')\n\
             f.create_dataset('fs', data=[[2.4e6]]); f.create_dataset('fc', data=[[847e6]])",
        ),
        (
            "SM.2117",
            "t = numpy.dtype([('Channel_0', [('Real', '<f4'), ('Imag', '<f4')])])\n\
             m = numpy.empty(1000, t); m['Channel_0']['Real'] = x.real; m['Channel_0']['Imag'] = x.imag\n\
             d = f.create_dataset('Dataset_0', data=m); d.attrs['Sampling frequency (Hz)'] = 2.4e6\n\
             d.attrs['RF carrier frequency (Hz)'] = 847e6; d.attrs['ITU-R data set class'] = 'I/Q'",
        ),
    ];
    for (name, body) in cases {
        run(&python, &format!("{head}{body}\nf.close()"), &[&path]);
        let info = open(&path, &OpenOptions::default()).unwrap().info().clone();
        assert_eq!((info.sample_rate_hz, info.samples), (2.4e6, 1000), "{name}");
        let has_center = name == "MATLAB" || name == "SM.2117";
        assert_eq!(info.center_frequency_hz, has_center.then_some(847e6), "{name}");
        assert_eq!(read(&path, &OpenOptions::default()), samples(), "{name}");
    }
}
