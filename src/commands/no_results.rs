//! Stands for the tables of findings where the program is built without HDF5.

use std::path::Path;
use std::sync::mpsc::Sender;

use anyhow::{Result, bail};
use captures::Capture;

use crate::pipeline::Listener;

/// There is none.
pub(super) enum Results {}

impl Results {
    /// Refuses.
    pub(super) fn create(path: &Path) -> Result<Self> {
        bail!(
            "{}: this build has no HDF5; install it (apt install libhdf5-dev) and build with: cargo build --release \
             --features hdf5",
            path.display()
        )
    }

    /// Never comes to pass.
    pub(super) fn listen(self, _: Capture, _: Sender<Self>) -> Result<Box<dyn Listener>> {
        match self {}
    }
}
