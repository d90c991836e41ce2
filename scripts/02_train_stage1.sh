#!/usr/bin/env bash
# Build the vocabulary of a corpus and train stage 1 on it. A killed run goes on when called again.
#
#   scripts/02_train_stage1.sh CORPUS RUN [RECIPE] [--set key=value ...]
#
# CORPUS  folder written by 01_build_corpus.sh
# RUN     folder of the run: RUN/best and RUN/last are presets, RUN/tensorboard the curves
# RECIPE  a shipped recipe's name or a TOML file (default: stage1_mini)
# START=PRESET goes on from a preset, for instance the best checkpoint of another run, with its vocabulary.
set -euo pipefail

if [[ $# -lt 2 ]]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
corpus=$1 run=$2
shift 2
recipe=stage1_mini
if [[ $# -gt 0 && $1 != --* ]]; then
    recipe=$1
    shift
fi
python=${PYTHON:-python}

mkdir -p "$run"
if [[ -n ${START:-} ]]; then
    start=start.preset=$START
else
    start=start.vocab=$run/vocab.txt
    [[ -s $run/vocab.txt ]] || "$python" -m roformer_sim.cli vocab "$corpus/texts.txt.gz" \
        --output "$run/vocab.txt" --max-size "${VOCAB_SIZE:-6500}"
fi
"$python" -m roformer_sim.cli train "$recipe" --output "$run" \
    --set "$start" \
    --set data.groups="['$corpus/groups.jsonl.gz']" \
    --set data.pairs="['$corpus/answers.jsonl.gz', '$corpus/documents.jsonl.gz']" \
    "$@"
