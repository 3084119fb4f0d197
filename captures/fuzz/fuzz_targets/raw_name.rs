//! Raw samples under any name.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let name: String = text.chars().filter(|letter| !matches!(letter, '/' | '\0')).take(60).collect();
    if matches!(name.as_str(), "" | "." | "..") {
        return;
    }
    let path = captures_fuzz::file(&name, &[0x55; 64]);
    captures_fuzz::survive(&path);
    let _ = std::fs::remove_file(path);
});
