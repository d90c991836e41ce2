#!/usr/bin/env bash
# Step 6: train the sentence vector with labels. Called again it goes on.
#
#   scripts/06_supervised.sh RUN START RECIPE STS [STS ...] [--nli FILE]... [--set key=value ...]
#
# RUN      folder of the run
# START    preset to go on from
# RECIPE   supervised (Sentence-BERT's classifier, two tasks) or cosent (ranking of the cosines)
# STS      tables text_a<TAB>text_b<TAB>label; FILE:5 where the largest label is 5 and not 1
# --nli    a table with labels entailment, neutral, contradiction; alternates 1:1 with the others
set -euo pipefail

if [[ $# -lt 4 || ($3 != supervised && $3 != cosent) ]]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
run=$1 start=$2 recipe=$3
shift 3
sts= nli=
while [[ $# -gt 0 && ( $1 == --nli || $1 != --* ) ]]; do
    case $1 in
        --nli) [[ $# -ge 2 ]] || { echo "error: --nli needs a file" >&2; exit 2; }; nli+=", '$2'"; shift ;;
        *:[0-9]*) sts+=", {path='${1%:*}', max=${1##*:}}" ;;
        *) sts+=", '$1'" ;;
    esac
    shift
done
"${PYTHON:-python}" -m roformer_sim.cli train "$recipe" --output "$run" \
    --set start.preset="$start" --set data.sts="[${sts:2}]" --set data.nli="[${nli:2}]" "$@"
