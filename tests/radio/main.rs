//! The real executable on a virtual receiver, a SoapySDR module built here from `soapy/virtual_receiver.cpp`.
#![cfg(feature = "soapy")]

mod bench;
mod devices;
mod gain;
mod hops;
mod mqtt;
mod record;
mod stream;
