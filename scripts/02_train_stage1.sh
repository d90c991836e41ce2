#!/usr/bin/env bash
# Step 2: train generation and similarity together: stage 1, SimBERT, R-Drop. Called again it goes on.
#
#   scripts/02_train_stage1.sh CORPUS RUN [RECIPE] [--set key=value ...]
#
# CORPUS  folder written by 01_build_corpus.sh
# RUN     folder of the run: RUN/best and RUN/last are presets, RUN/tensorboard the curves
# RECIPE  stage1_mini (default), stage1_mini_cls, stage1, simbert, rdrop, or a TOML file
# START=PRESET in the environment is what the run goes on from, for instance a pretrained one, with its
# vocabulary; all but stage1_mini need it. Without it the vocabulary is built from the corpus, VOCAB_SIZE=6500
# at most. simbert takes questions alone.
set -euo pipefail

if [[ $# -lt 2 ]]; then
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
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
    # Its network and vocabulary give way to the preset's.
    [[ $recipe == stage1_mini ]] && start="start={preset='$START'}"
elif [[ $recipe == stage1 || $recipe == simbert || $recipe == rdrop || $recipe == stage1_mini_cls ]]; then
    echo "error: $recipe goes on from a preset: START=PRESET $0 ..." >&2
    exit 2
else
    start=start.vocab=$run/vocab.txt
    [[ -s $run/vocab.txt ]] || "$python" -m roformer_sim.cli vocab "$corpus/texts.txt.gz" \
        --output "$run/vocab.txt" --max-size "${VOCAB_SIZE:-6500}"
fi
pairs="'$corpus/answers.jsonl.gz', '$corpus/documents.jsonl.gz'"
[[ $recipe == simbert ]] && pairs=
"$python" -m roformer_sim.cli train "$recipe" --output "$run" \
    --set "$start" --set data.groups="['$corpus/groups.jsonl.gz']" --set data.pairs="[$pairs]" "$@"
