//! What 3GPP says and nothing else. Tables cite their clause; nothing here is measured or decided.

pub mod bands;
pub mod gold;
pub mod gsm;
pub mod lte;
pub mod nprach;
pub mod npusch;
pub mod prach;

/// A table as text read from the standard, where this machine holds it.
#[cfg(test)]
fn standard_table(name: &str) -> Option<serde_json::Value> {
    let shared = std::env::var_os("CELLSWEEP_SHARED")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(), std::path::PathBuf::from);
    let path = shared.join("3gpp").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}
