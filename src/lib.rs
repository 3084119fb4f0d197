//! cellsweep finds concealed cellular modules by listening for their uplink.

pub mod pipeline;
pub mod simulate;
