//! Recorded IQ for cellsweep: bytes to complex samples and back. No signal processing lives here.
