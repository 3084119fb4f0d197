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

test: packages oracles
	$(CARGO) test --workspace --lib
	$(CARGO) test -p captures
	$(CARGO) test -p dsp --test nprach -- --skip scenes_are_heard_rightly
	$(CARGO) test --test allocations --test radio
	$(CARGO) test --test cli -- readme formats convert results report beacon contract determinism pipe plot shells_and without_a_command screen killed \
	    noise_alone ten_gigabytes files_that metadata_that a_wrong raw_samples

# Other programs that judge what is written (sigmf, h5py, scipy, pandas); without them those tests say that they are skipped.
oracles: target/oracles/complete

target/oracles/complete:
	@python3 -m venv target/oracles && target/oracles/bin/pip install --quiet sigmf h5py numpy scipy pandas && touch $@ || \
	    echo "python3 with venv and its package index are not there: tests by other programs are skipped" >&2

# Everything, the bars that are not met yet among it (README.md says which); slow.
bars: packages oracles
	$(CARGO) test --workspace --no-fail-fast

check: packages
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	$(MAKE) test

bench: packages
	$(CARGO) bench --bench realtime
	$(CARGO) bench -p captures --bench read

# Detection probability against SNR, false alarms on noise, reliability of the confidence: target/curves.
curves: packages
	$(CARGO) bench --bench curves

# A linker, SoapySDR for live radio and HDF5; nothing is installed where all are there.
packages:
	@if ! { command -v cc && pkg-config --exists SoapySDR hdf5; } >/dev/null 2>&1; then \
	    command -v apt-get >/dev/null || \
	        { echo "install a C compiler, pkg-config and the development files of SoapySDR and HDF5 first" >&2; exit 1; }; \
	    sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	    $$sudo apt-get update && \
	    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
	        gcc libc6-dev pkg-config libsoapysdr-dev libhdf5-dev; \
	fi
