#!/usr/bin/env bash
# Step 0, for those who start from nothing: vocabulary and pretraining on plain text. Called again it goes on.
#
#   scripts/00_pretrain.sh RUN TEXT [TEXT ...] [--set key=value ...]
#
# RUN    folder of the run: RUN/best is a preset to start stage 1 from, RUN/vocab.txt its vocabulary
# TEXT   files or folders: plain lines, documents {"text"}; for instance the texts.txt.gz of 01_build_corpus.sh
# VOCAB_SIZE=6500 in the environment is the largest vocabulary.
set -euo pipefail

if [[ $# -lt 2 ]]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
run=$1
shift
texts=()
while [[ $# -gt 0 && $1 != --* ]]; do
    texts+=("$1")
    shift
done
python=${PYTHON:-python}

mkdir -p "$run"
[[ -s $run/vocab.txt ]] || "$python" -m roformer_sim.cli vocab "${texts[@]}" \
    --output "$run/vocab.txt" --max-size "${VOCAB_SIZE:-6500}"
list=$(printf ", '%s'" "${texts[@]}")
"$python" -m roformer_sim.cli train pretrain --output "$run" \
    --set start.vocab="$run/vocab.txt" --set data.texts="[${list:2}]" "$@"
