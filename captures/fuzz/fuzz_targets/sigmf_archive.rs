//! A SigMF archive. Checksums of headers are put right, since no mutation would come past them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(header) = bytes.get_mut(at..at + 512) {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = header[124..135].iter().fold(0u64, |size, digit| size << 3 | u64::from(digit & 7));
        at = at.saturating_add(512).saturating_add((size as usize).next_multiple_of(512));
    }
    captures_fuzz::survive(&captures_fuzz::file("x.sigmf", &bytes));
});
