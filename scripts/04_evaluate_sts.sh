#!/usr/bin/env bash
# Step 4: Spearman on the five Chinese STS sets: the model, the same network untrained, character Jaccard.
#
#   scripts/04_evaluate_sts.sh [MODEL [DATA [OUT]]] [OPTION ...]
#
# MODEL   preset name, preset folder or checkpoint folder (default: roformer_sim_char_mini_zh)
# DATA    folder with ATEC, BQ, LCQMC, PAWSX and STS-B, each with SPLIT.tsv (default: data/sts)
# OUT     receives sts.html, .json, .csv, .md and plots (default: sts-report)
# OPTION  further options of `roformer-sim evaluate sts`, for example --require-better
#
# SPLIT=valid in the environment chooses the split. Sets that DATA lacks are left out, with a line that says so.
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
data=${positional[1]:-data/sts}
out=${positional[2]:-sts-report}
split=${SPLIT:-valid}

"${PYTHON:-python}" -m roformer_sim.cli evaluate sts --encoder "$model" --data "$data" --sets five --split "$split" \
    --untrained --output "$out" "$@"
echo "written to $out: sts.html, sts.json, sts.csv, sts.md, sts.png, sts_scores.png"
