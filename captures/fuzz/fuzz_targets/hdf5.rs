//! An HDF5 file: this crate's part of reading it, and the library's.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    captures_fuzz::survive(&captures_fuzz::file("x.h5", bytes));
});
