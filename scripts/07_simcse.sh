#!/usr/bin/env bash
# Step 7: train the sentence vector by SimCSE. Called again it goes on.
#
#   scripts/07_simcse.sh RUN START RECIPE FILE [FILE ...] [--set key=value ...]
#
# RUN      folder of the run
# START    preset to go on from
# RECIPE   simcse_unsup (any texts; dropout is the noise) or simcse_sup (NLI triples)
# FILE     texts: lines, groups, pairs, documents; or triples anchor<TAB>positive<TAB>negative
set -euo pipefail

if [[ $# -lt 4 || ($3 != simcse_unsup && $3 != simcse_sup) ]]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
run=$1 start=$2 recipe=$3
shift 3
key=texts
[[ $recipe == simcse_sup ]] && key=triples
files=
while [[ $# -gt 0 && $1 != --* ]]; do
    files+=", '$1'"
    shift
done
"${PYTHON:-python}" -m roformer_sim.cli train "$recipe" --output "$run" \
    --set start.preset="$start" --set "data.$key=[${files:2}]" "$@"
