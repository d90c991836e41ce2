#!/usr/bin/env bash
# Step 3: sentences of the same meaning for every sentence of a file.
#
#   scripts/03_generate.sh [MODEL [INPUT [OUTPUT]]] [OPTION ...]
#
# MODEL   preset name, preset folder or checkpoint folder (default: roformer_sim_char_mini_zh)
# INPUT   one sentence a line, or .jsonl with a field "text"; .gz too (default: examples/sentences.txt)
# OUTPUT  question groups with cosines, {"text", "synonyms", "scores"}; .gz compresses
#         (default: synonyms.jsonl); appears only when all is generated; started again after an end
#         before that, the script goes on where it was
# OPTION  further options of `roformer-sim synonyms`, for example -n 50 -k 10 --seed 1
set -euo pipefail

positional=()
while [[ $# -gt 0 && $1 != -* && ${#positional[@]} -lt 3 ]]; do
    positional+=("$1")
    shift
done
if [[ $# -gt 0 && ($1 == -h || $1 == --help || $1 != -*) ]]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
model=${positional[0]:-roformer_sim_char_mini_zh}
input=${positional[1]:-$(dirname "$0")/../examples/sentences.txt}
output=${positional[2]:-synonyms.jsonl}

"${PYTHON:-python}" -m roformer_sim.cli synonyms --model "$model" --input "$input" --output "$output" \
    --scores --overwrite "$@"
echo "$output: $(wc -c < "$output") bytes"
