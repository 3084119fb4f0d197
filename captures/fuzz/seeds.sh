#!/bin/sh
# Sound files to begin with, one folder for each target, made by the program itself: sh seeds.sh CELLSWEEP
set -eu
cd "$(dirname "$0")"
cellsweep=$(realpath "${1:-../../target/release/cellsweep}")
sample=../samples/vehicle-sweep.sigmf-meta
for target in sigmf_meta sigmf_archive wav raw_name hdf5; do mkdir -p corpus/$target; done
work=$(mktemp -d)
"$cellsweep" convert $sample "$work/x.sigmf-meta" --duration 0.001
cp "$work/x.sigmf-meta" corpus/sigmf_meta/converted
head -c 3000 $sample >corpus/sigmf_meta/annotated
printf '%s' '{"global":{"core:datatype":"ci8","core:sample_rate":1e6,"core:num_channels":2,"core:trailing_bytes":4,
"core:dataset":"x.sigmf-data"},"captures":[{"core:sample_start":0,"core:frequency":1e6,"core:header_bytes":8,
"core:global_index":5},{"core:sample_start":100,"core:frequency":2e6,"core:datetime":"2026-01-01T00:00:00.5Z"},
{"core:sample_start":200,"core:frequency":1e6,"core:global_index":900}],"annotations":[{"core:sample_start":1,
"core:sample_count":5,"core:label":"x"}]}' >corpus/sigmf_meta/segments
"$cellsweep" convert $sample corpus/sigmf_archive/x.sigmf --duration 0.0005
for to in cu8 ci16_le ci24_le cf64_le; do
    "$cellsweep" convert $sample "$work/$to.wav" --duration 0.0005 --to $to --force
    cp "$work/$to.wav" corpus/wav/$to
done
for name in gqrx_20260131_120000_847000000_1800000_fc.raw HDSDR_20260131_120000Z_847000kHz_RF.cs16 x_847MHz_1.92Msps.iq; do
    printf '%s' "$name" >corpus/raw_name/"$name"
done
for to in ci16_le cf32_le; do "$cellsweep" convert $sample corpus/hdf5/$to.h5 --duration 0.0005 --to $to --force; done
rm -r "$work"
