//! Metadata of a SigMF pair.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    captures_fuzz::file("x.sigmf-data", &[0x55; 4096]);
    let path = captures_fuzz::file("x.sigmf-meta", bytes);
    captures_fuzz::survive(&path);
    let _ = captures::annotate(&path, "fuzz", &[captures::Annotation::default()]);
});
