//! cellsweep finds concealed cellular modules by listening for their uplink.

mod annotation;
pub mod cli;
pub mod commands;
pub mod config;
mod heat;
pub mod hop_plan;
pub mod logbook;
pub mod pipeline;
mod plot;
pub mod records;
pub mod report;
pub mod simulate;
pub mod source;
pub mod tracker;
pub mod tui;
