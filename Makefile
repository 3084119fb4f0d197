# From a fresh Debian machine with a Rust toolchain and make: `make demo`.

CARGO ?= cargo
SAMPLE = captures/samples/vehicle-sweep.sigmf-meta
PROGRAM = target/release/cellsweep

.DEFAULT_GOAL := demo

.PHONY: demo test bars check bench curves packages

# The screens where there is a terminal to draw them on; otherwise the transmitters as records.
demo: packages
	$(CARGO) build --release --bin cellsweep
	@if [ -t 0 ] && [ -t 1 ]; then \
	    $(PROGRAM) replay $(SAMPLE); \
	else \
	    $(PROGRAM) analyze $(SAMPLE) --output target/demo.jsonl && \
	    grep -E '^\{"record":"(transmitter|summary)"' target/demo.jsonl; \
	fi

test: packages
	$(CARGO) test --workspace --lib
	$(CARGO) test -p captures
	$(CARGO) test --test cli -- readme formats beacon noise_alone files_that metadata_that a_wrong raw_samples

# Everything, the bars that are not met yet among it (README.md says which); slow.
bars: packages
	$(CARGO) test --workspace --no-fail-fast

check: packages
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	$(MAKE) test

bench: packages
	$(CARGO) bench --bench realtime

# Detection probability against SNR, false alarms on noise, reliability of the confidence: target/curves.
curves: packages
	$(CARGO) bench --bench curves

# A linker, and SoapySDR for live radio; nothing is installed where both are there.
packages:
	@if ! { command -v cc && pkg-config --exists SoapySDR; } >/dev/null 2>&1; then \
	    command -v apt-get >/dev/null || \
	        { echo "install a C compiler, pkg-config and SoapySDR's development files first" >&2; exit 1; }; \
	    sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	    $$sudo apt-get update && \
	    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
	        gcc libc6-dev pkg-config libsoapysdr-dev; \
	fi
