//! Captures that cannot be read, each beside what its error must say, and metadata that must not be panicked over.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{fs, path::Path};

use captures::{Annotation, Capture, Error, OpenOptions, Recording, SampleFormat, Writer, open};
use num_complex::Complex32;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A recording of 4 samples with this metadata, in a directory of its own, opened.
fn open_metadata(metadata: &[u8], data: &[u8], options: &OpenOptions) -> Result<Capture, Error> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("x.sigmf-meta"), metadata).unwrap();
    fs::write(directory.path().join("x.sigmf-data"), data).unwrap();
    open(&directory.path().join("x.sigmf-meta"), options)
}

fn metadata(changes: &[(&str, Value)]) -> Value {
    let mut metadata = json!({
        "global": { "core:datatype": "ci16_le", "core:sample_rate": 1e6, "core:version": "1.2.0" },
        "captures": [{ "core:sample_start": 0, "core:frequency": 847e6 }],
        "annotations": [],
    });
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        metadata.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value.clone());
    }
    metadata
}

fn assert_says(outcome: Result<Capture, Error>, file: &str, words: &[&str]) {
    let message = match outcome {
        Ok(_) => panic!("opened, though it should have said {words:?}"),
        Err(error) => error.to_string(),
    };
    assert!(message.contains(&format!("{file}: ")), "no '{file}' in: {message}");
    for word in words {
        assert!(message.contains(word), "no '{word}' in: {message}");
    }
    assert!(!message.contains('\n') && message.len() < 600, "not a sentence: {message}");
}

#[test]
fn metadata_that_are_not_sigmf() {
    let texts: [(&[u8], &[&str]); 9] = [
        (b"", &["is not JSON", "correct or replace it"]),
        (b"core:datatype = cu8", &["is not JSON", "line 1 column 1"]),
        (b"{\"global\": {\"core:sample_rate\": NaN}}", &["is not JSON"]),
        (b"{\"global\": {\"core:sample_rate\": 1e999}}", &["is not JSON", "out of range"]),
        (b"{\"global\": \"\xff\"}", &["is not UTF-8 at byte 12"]),
        (b"[]", &["holds an array where SigMF has an object"]),
        (b"3", &["holds a number where SigMF has an object"]),
        (b"{}", &["has no object 'global'"]),
        (b"{\"global\": []}", &["holds an array", "global"]),
    ];
    for (text, words) in texts {
        assert_says(open_metadata(text, &[0; 16], &OpenOptions::default()), "x.sigmf-meta", words);
    }
    let deep = "[".repeat(1_000_000);
    assert_says(
        open_metadata(deep.as_bytes(), &[0; 16], &OpenOptions::default()),
        "x.sigmf-meta",
        &["is not JSON", "recursion"],
    );
}

#[test]
fn metadata_that_state_the_impossible_or_the_unread() {
    let rate = "/global/core:sample_rate";
    let kind = "/global/core:datatype";
    let segment = |start: Value, frequency: Value| json!({ "core:sample_start": start, "core:frequency": frequency });
    let two =
        |start: u64, frequency: f64| json!([segment(json!(0), json!(847e6)), segment(json!(start), json!(frequency))]);
    let cases: [(&str, Value, &str, &[&str]); 33] = [
        (kind, Value::Null, "x.sigmf-meta", &["does not state core:datatype"]),
        (kind, json!(16), "x.sigmf-meta", &["core:datatype in global is wrong", "expected a string"]),
        (kind, json!("ci12_le"), "x.sigmf-meta", &["core:datatype", "'ci12_le'", "ci16_le"]),
        (kind, json!("rf32_le"), "x.sigmf-meta", &["real samples", "not read yet", "convert"]),
        (rate, Value::Null, "x.sigmf-meta", &["does not state core:sample_rate", "--rate"]),
        (rate, json!(0), "x.sigmf-meta", &["core:sample_rate is 0.0", "more than 0"]),
        (rate, json!(-2e6), "x.sigmf-meta", &["core:sample_rate is -2000000.0", "more than 0"]),
        (rate, json!(1e300), "x.sigmf-meta", &["core:sample_rate is 1e300", "at most 1e10"]),
        (rate, json!("2e6"), "x.sigmf-meta", &["core:sample_rate in global is wrong", "expected f64"]),
        ("/global/core:num_channels", json!(0), "x.sigmf-meta", &["states 0 channels", "from 1 to 1024"]),
        ("/global/core:num_channels", json!(1025), "x.sigmf-meta", &["states 1025 channels", "correct it"]),
        ("/global/core:num_channels", json!(-1), "x.sigmf-meta", &["core:num_channels in global is wrong"]),
        ("/global/core:dataset", json!("a.wav"), "a.wav", &["there is no such file", "beside its .sigmf-meta"]),
        ("/global/core:dataset", json!("../a.wav"), "x.sigmf-meta", &["'../a.wav'", "named without a folder"]),
        ("/global/core:dataset", json!("/etc/passwd"), "x.sigmf-meta", &["'/etc/passwd'", "named without a folder"]),
        ("/global/core:dataset", json!(".."), "x.sigmf-meta", &["'..'", "named without a folder"]),
        ("/global/core:metadata_only", json!(true), "x.sigmf-meta", &["metadata only"]),
        ("/global/core:trailing_bytes", json!(14), "x.sigmf-data", &["16 bytes, of which 14", "takes 4"]),
        ("/global/core:trailing_bytes", json!(u64::MAX), "x.sigmf-data", &["16 bytes, of which 18446744073709551615"]),
        ("/global/core:trailing_bytes", json!(0.5), "x.sigmf-meta", &["core:trailing_bytes in global is wrong"]),
        (
            "/global/core:offset",
            json!(7),
            "x.sigmf-meta",
            &["core:sample_start in captures is 0, before core:offset, 7"],
        ),
        ("/captures", json!({}), "x.sigmf-meta", &["captures in the metadata is wrong", "expected a sequence"]),
        ("/captures", json!([7]), "x.sigmf-meta", &["holds a number", "captures"]),
        ("/captures", json!([{}]), "x.sigmf-meta", &["core:sample_start in captures is missing"]),
        (
            "/captures",
            json!([segment(json!(-4), json!(1))]),
            "x.sigmf-meta",
            &["core:sample_start in captures is wrong"],
        ),
        (
            "/captures",
            json!([segment(json!(0), json!(-1.5))]),
            "x.sigmf-meta",
            &["core:frequency is -1.5", "from 0 to"],
        ),
        (
            "/captures",
            json!([segment(json!(0), json!(1e300))]),
            "x.sigmf-meta",
            &["core:frequency is 1e300", "1e12 Hz"],
        ),
        ("/captures", two(5, 847e6), "x.sigmf-data", &["holds 4 samples", "starts at sample 5", "cut short"]),
        ("/captures", two(u64::MAX, 847e6), "x.sigmf-data", &["starts at sample 18446744073709551615"]),
        (
            "/captures",
            json!([{ "core:sample_start": 0 }, { "core:sample_start": 1, "core:header_bytes": 15 }]),
            "x.sigmf-data",
            &["16 bytes, of which 15 are stated to be header and trailer"],
        ),
        (
            "/captures",
            json!([{ "core:sample_start": 0, "core:header_bytes": u64::MAX }, { "core:sample_start": 1, "core:header_bytes": 9 }]),
            "x.sigmf-data",
            &["of which 18446744073709551615"],
        ),
        ("/annotations", json!("none"), "x.sigmf-meta", &["annotations in the metadata is wrong"]),
        ("/global", Value::Null, "x.sigmf-meta", &["has no object 'global'"]),
    ];
    for (pointer, value, file, words) in cases {
        let metadata = metadata(&[(pointer, value)]).to_string();
        assert_says(open_metadata(metadata.as_bytes(), &[0; 16], &OpenOptions::default()), file, words);
    }
}

#[test]
fn options_that_contradict_or_cannot_be() {
    let sound = metadata(&[]).to_string();
    let given = |options: OpenOptions| open_metadata(sound.as_bytes(), &[0; 16], &options);
    let rate = |rate_hz| OpenOptions { sample_rate_hz: Some(rate_hz), ..OpenOptions::default() };
    let center = |center_hz| OpenOptions { center_frequency_hz: Some(center_hz), ..OpenOptions::default() };
    let format = |format| OpenOptions { format: Some(format), ..OpenOptions::default() };
    assert_says(
        given(rate(2e6)),
        "x.sigmf-meta",
        &["sample rate is 1000000,", "--rate says 2000000", "leave the option"],
    );
    assert_says(given(center(9e8)), "x.sigmf-meta", &["centre frequency is 847000000,", "--center says 900000000"]);
    assert_says(given(format(SampleFormat::Ci8)), "x.sigmf-meta", &["format is ci16_le,", "--format says ci8"]);
    assert!(given(rate(1e6)).is_ok() && given(center(847e6)).is_ok());
    for (impossible, word) in [(0.0, "0.0"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-1.0, "-1.0")] {
        assert_says(given(rate(impossible)), "x.sigmf-meta", &["--rate is", word]);
    }
    assert_says(given(center(f64::NAN)), "x.sigmf-meta", &["--center is NaN"]);

    let silent = metadata(&[("/global/core:sample_rate", Value::Null), ("/captures", json!([]))]).to_string();
    let options = OpenOptions { center_frequency_hz: Some(9e8), ..rate(2e6) };
    let capture = open_metadata(silent.as_bytes(), &[0; 16], &options).unwrap();
    assert_eq!(capture.info().sample_rate_hz, 2e6);
    assert_eq!(capture.info().center_frequency_hz, Some(9e8));
}

#[test]
fn what_can_be_read_all_the_same_is_read_with_a_warning() {
    let warnings = |changes: &[(&str, Value)], data: &[u8]| {
        let metadata = metadata(changes).to_string();
        let capture = open_metadata(metadata.as_bytes(), data, &OpenOptions::default()).unwrap();
        assert_eq!(capture.info().samples, 4);
        capture.info().warnings.join("; ")
    };
    assert_eq!(warnings(&[], &[0; 16]), "");
    assert!(warnings(&[], &[0; 19]).contains("last 3 bytes are no whole sample of ci16_le"));
    assert!(warnings(&[("/global/core:datatype", json!("cs16"))], &[0; 16]).contains("read as ci16_le"));
    let segment = |start: u64| json!({ "core:sample_start": start, "core:frequency": 847e6 });
    assert!(
        warnings(&[("/captures", json!([segment(0), segment(2)]))], &[0; 16])
            .contains("of its 2 segments 1 do not tell the time")
    );
    let beyond = json!([{ "core:sample_start": 3, "core:sample_count": 2 }, { "core:sample_start": 0 }]);
    assert!(warnings(&[("/annotations", beyond)], &[0; 16]).contains("1 of 2 annotations reach beyond"));
    let broken = json!([{ "core:sample_start": "early" }, { "core:sample_start": 1.0 }, 5]);
    let said = warnings(&[("/annotations", broken)], &[0; 16]);
    assert!(said.contains("2 of 3 annotations are left out") && said.contains("core:sample_start"), "{said}");
}

#[test]
fn header_trailer_and_offset_are_obeyed() {
    let metadata = metadata(&[
        ("/global/core:datatype", json!("ci8")),
        ("/global/core:trailing_bytes", json!(3)),
        ("/global/core:offset", json!(100)),
        ("/captures", json!([{ "core:sample_start": 100, "core:header_bytes": 5 }])),
        ("/annotations", json!([{ "core:sample_start": 101, "core:sample_count": 1 }])),
    ]);
    let data = [9, 9, 9, 9, 9, 64, 32, 16, 8, 9, 9, 9];
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("x.sigmf-meta"), metadata.to_string()).unwrap();
    fs::write(directory.path().join("x.sigmf-data"), data).unwrap();
    let mut capture = open(&directory.path().join("x.sigmf-data"), &OpenOptions::default()).unwrap();
    assert_eq!(
        capture.info().annotations,
        [Annotation { sample_start: 1, sample_count: Some(1), ..Default::default() }]
    );
    let mut block = [Complex32::ZERO; 3];
    assert_eq!(capture.read(&mut block).unwrap(), 2);
    assert_eq!(block[..2], [Complex32::new(0.5, 0.25), Complex32::new(0.125, 0.0625)]);
}

#[test]
fn files_that_are_not_there_or_not_captures() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for (name, content) in [
        ("empty.cu8", ""),
        ("short.cs16", "abc"),
        ("told.cu8", "abcd"),
        ("a.iq", "abcd"),
        ("a.wav", "RIFF"),
        ("a.sigmf", "tar"),
        ("notes.txt", "hello"),
        ("noending", "hello"),
        ("meta_only.sigmf-meta", &metadata(&[]).to_string()),
        ("data_only.sigmf-data", "abcd"),
        ("empty.sigmf-meta", &metadata(&[]).to_string()),
        ("empty.sigmf-data", ""),
    ] {
        fs::write(at(name), content).unwrap();
    }
    fs::create_dir(at("directory.cu8")).unwrap();
    fs::create_dir(at("directory.sigmf-meta")).unwrap();
    let cases: [(&str, &str, &[&str]); 16] = [
        ("gone.cu8", "gone.cu8", &["there is no such file", "check the path"]),
        ("gone.sigmf-meta", "gone.sigmf-meta", &["there is no such file", "check the path"]),
        ("meta_only.sigmf-meta", "meta_only.sigmf-data", &["there is no such file", "beside its .sigmf-meta"]),
        ("data_only.sigmf-data", "data_only.sigmf-meta", &["there is no such file", "rename the data to .raw"]),
        ("directory.cu8", "directory.cu8", &["is a directory", "name a file"]),
        ("directory.sigmf-meta", "directory.sigmf-meta", &["is a directory"]),
        ("empty.cu8", "empty.cu8", &["is empty", "one sample of cu8 takes 2"]),
        ("empty.sigmf-meta", "empty.sigmf-data", &["is empty"]),
        ("short.cs16", "short.cs16", &["holds 3 bytes", "takes 4"]),
        ("told.cu8/x.cu8", "x.cu8", &["cannot be opened"]),
        ("a.iq", "a.iq", &["tells sample format;", "give --format (and --center"]),
        ("a.wav", "a.wav", &["holds 4 bytes, too few for a WAV file"]),
        ("a.sigmf", "a.sigmf", &["holds no .sigmf-meta"]),
        ("notes.txt", "notes.txt", &["ending .txt is unknown", ".sigmf-meta", ".cu8", "--format"]),
        ("noending", "noending", &["no ending", "--format"]),
        ("gone.txt", "gone.txt", &["there is no such file"]),
    ];
    let options = OpenOptions { sample_rate_hz: Some(1e6), ..OpenOptions::default() };
    for (name, file, words) in cases {
        assert_says(open(&at(name), &options), file, words);
    }
    let nothing = OpenOptions::default();
    assert_says(open(&at("told.cu8"), &nothing), "told.cu8", &["tells sample rate;", "give --rate"]);
    assert_says(open(&at("a.iq"), &nothing), "a.iq", &["sample format and sample rate", "give --format and --rate"]);

    let options = OpenOptions { format: Some(SampleFormat::Ci8), ..options };
    assert_eq!(open(&at("a.iq"), &options).unwrap().info().samples, 2);
    assert_eq!(open(&at("notes.txt"), &options).unwrap().info().samples, 2);
    assert!(open(&at("told.cu8"), &options).unwrap().info().warnings[0].contains("name says cu8; it is read as ci8"));
    assert_says(open(&at("a.wav"), &options), "a.wav", &["too few"]);
}

#[test]
fn metadata_beyond_the_limit_are_refused_unread() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.sigmf-meta");
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert_says(open(&path, &OpenOptions::default()), "x.sigmf-meta", &["at most 67108864", "shorten it"]);
}

#[test]
fn a_file_cut_short_while_it_is_read_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.ci8");
    fs::write(&path, [0; 4000]).unwrap();
    let mut capture = open(&path, &OpenOptions { sample_rate_hz: Some(1e6), ..OpenOptions::default() }).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(1000).unwrap();
    let message = capture.read(&mut [Complex32::ZERO; 2000]).unwrap_err().to_string();
    assert!(message.contains("x.ci8: was cut short while it was read"), "{message}");
    capture.seek(0).unwrap();
    assert_eq!(capture.read(&mut [Complex32::ZERO; 500]).unwrap(), 500);
}

#[test]
fn recordings_that_cannot_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let sound = Recording {
        format: SampleFormat::Ci8,
        sample_rate_hz: 1e6,
        center_frequency_hz: None,
        description: String::new(),
        datetime: None,
    };
    let create = |name: &str, recording: &Recording| {
        Writer::create(&directory.path().join(name), recording).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(create("x.png", &sound).contains("let it be .sigmf-meta"));
    assert!(create("gone/x.sigmf-meta", &sound).contains("gone/x.sigmf-data.part: cannot be created"));
    assert!(create("x.sigmf-meta", &Recording { sample_rate_hz: 0.0, ..sound.clone() }).contains("is 0.0"));
    let recording = Recording { center_frequency_hz: Some(f64::NAN), ..sound };
    assert!(create("x.sigmf-meta", &recording).contains("is NaN"));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is begun");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["ci16_le", "cu8", "cf64_be", "rf32", "", "é"]).prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "global",
        "captures",
        "annotations",
        "core:datatype",
        "core:sample_rate",
        "core:num_channels",
        "core:offset",
        "core:trailing_bytes",
        "core:header_bytes",
        "core:sample_start",
        "core:sample_count",
        "core:frequency",
        "core:freq_lower_edge",
        "core:label",
        "other:key",
    ]);
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

/// Whatever was found, reading it all ends, and as early as it says.
fn read_all(mut capture: Capture) {
    let mut block = [Complex32::ZERO; 7];
    let mut num_read = 0;
    loop {
        match capture.read(&mut block).unwrap() {
            0 => break,
            num_samples => num_read += num_samples as u64,
        }
    }
    assert_eq!(num_read, capture.info().samples);
    assert!(capture.info().duration_s() > 0.0);
}

fn survives(metadata: &[u8], data: &[u8]) {
    match open_metadata(metadata, data, &OpenOptions::default()) {
        Ok(capture) => read_all(capture),
        Err(error) => assert!(error.to_string().contains("x.sigmf-"), "{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_value_in_any_place_is_survived(
        pointer in prop::sample::select(vec![
            "/global", "/captures", "/annotations", "/global/core:datatype", "/global/core:sample_rate",
            "/global/core:num_channels", "/global/core:offset", "/global/core:trailing_bytes", "/global/core:description",
        ]),
        value in any_json(),
        data in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        survives(metadata(&[(pointer, value)]).to_string().as_bytes(), &data);
    }

    #[test]
    fn any_json_is_survived(value in any_json()) {
        survives(value.to_string().as_bytes(), &[0; 16]);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes, &[0; 16]);
    }

    #[test]
    fn any_damage_to_sound_metadata_is_survived(position in 0usize..190, byte in any::<u8>()) {
        let mut bytes = metadata(&[]).to_string().into_bytes();
        let position = position % bytes.len();
        bytes[position] = byte;
        survives(&bytes, &[0; 16]);
        bytes.truncate(position);
        survives(&bytes, &[0; 16]);
    }

    #[test]
    fn any_name_is_survived(name in "\\PC{0,20}") {
        prop_assert!(open(Path::new(&name), &OpenOptions::default()).is_err());
    }
}
