#!/usr/bin/env bash
# Step 4: Spearman on the five Chinese STS sets: the model, the same network untrained, character Jaccard.
#
#   scripts/04_evaluate_sts.sh [MODEL [DATA [OUT]]] [OPTION ...]
#
# MODEL   preset name, preset folder or checkpoint folder (default: roformer_sim_char_mini_zh)
# DATA    folder with ATEC, BQ, LCQMC, PAWSX and STS-B, each with SPLIT.tsv (default: data/sts)
# OUT     receives sts.json and sts.md (default: sts-report)
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

tables=()
for name in ATEC BQ LCQMC PAWSX STS-B; do
    found=
    for file in "$data/$name/$split.tsv"{,.gz,.xz}; do
        if [[ -f $file ]]; then
            tables+=(--data "$file")
            found=1
            break
        fi
    done
    [[ $found ]] || echo "warning: $data/$name/$split.tsv: there is no such file; left out" >&2
done
if [[ ${#tables[@]} -eq 0 ]]; then
    echo "error: $data: holds none of the five sets (ATEC, BQ, LCQMC, PAWSX, STS-B) with $split.tsv" >&2
    exit 2
fi

"${PYTHON:-python}" -m roformer_sim.cli evaluate sts --model "$model" "${tables[@]}" --untrained --output "$out" "$@"
echo "written to $out/sts.json and $out/sts.md"
