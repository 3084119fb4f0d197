//! A WAV file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    captures_fuzz::survive(&captures_fuzz::file("x_847MHz.wav", bytes));
});
