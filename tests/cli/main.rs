//! The product from outside: the real executable, on captures good and bad.

mod bad_input;
mod beacon;
mod contract;
mod convert;
mod determinism;
mod formats;
mod keep;
mod memory;
mod noise;
mod pipe;
mod plot;
mod program;
mod readme;
mod reliability;
mod report;
mod results;
mod scenes;
mod screen;
