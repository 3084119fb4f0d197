//! What is remembered between runs: the radio that was chosen. `cellsweep/config.toml` in the user's folder of settings.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What is remembered.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// SoapySDR's `key=value,…` of the radio to use where none is named.
    pub device: Option<String>,
}

impl Config {
    /// Where it is kept: in `$XDG_CONFIG_HOME`, else `~/.config`.
    pub fn path() -> Option<PathBuf> {
        let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = named("XDG_CONFIG_HOME").or_else(|| Some(named("HOME")?.join(".config")))?;
        Some(folder.join("cellsweep/config.toml"))
    }

    /// Reads it; nothing is remembered where there is none.
    ///
    /// # Errors
    /// where there is one that cannot be understood.
    pub fn read() -> Result<Self> {
        let Some(path) = Self::path() else { return Ok(Self::default()) };
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(Self::default()) };
        toml::from_str(&text).with_context(|| format!("{}: correct or remove it", path.display()))
    }

    /// Writes it; the answer is where.
    ///
    /// # Errors
    /// where that cannot be done.
    pub fn write(&self) -> Result<PathBuf> {
        let path = Self::path().context("there is no folder for settings; set HOME")?;
        let write = || {
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            std::fs::write(&path, toml::to_string(self).unwrap_or_default())
        };
        write().with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(path)
    }
}
