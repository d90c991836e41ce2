#!/usr/bin/env bash
# Step 8: are generated variants new, varied, and do they mean the same? Beside simple edits and people's own.
#
#   scripts/08_evaluate_generation.sh [MODEL [DATA [OUT]]] [OPTION ...]
#
# MODEL   preset name, preset folder or checkpoint folder (default: roformer_sim_char_mini_zh)
# DATA    folder with LCQMC and STS-B, each with valid.tsv (default: data/sts)
# OUT     receives questions.jsonl, statements.jsonl and the report (default: generation-report)
# OPTION  further options of `roformer-sim evaluate generation`, for example --questions 40 --statements 40
#
# Questions are pairs of LCQMC valid with label 1, statements those of STS-B valid with label 4 or 5: no text of
# a valid file is in a training file that 01_build_corpus.sh makes. docs/generation_quality.md says why these.
set -euo pipefail

positional=()
while [[ $# -gt 0 && $1 != -* && ${#positional[@]} -lt 3 ]]; do
    positional+=("$1")
    shift
done
if [[ $# -gt 0 && ($1 == -h || $1 == --help || $1 != -*) ]]; then
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
model=${positional[0]:-roformer_sim_char_mini_zh}
data=${positional[1]:-data/sts}
out=${positional[2]:-generation-report}
python=${PYTHON:-python}
mkdir -p "$out"

"$python" - "$data" "$out" <<'PREPARE'
import json
import sys
from pathlib import Path

from corpus_builder.errors import InputError
from corpus_builder.readers import read_sts

data, out = map(Path, sys.argv[1:])


def similar(name, least):
    for ending in ("", ".gz", ".xz"):
        path = data / name / f"valid.tsv{ending}"
        if path.is_file():
            return [row for row in read_sts(path) if row.label >= least]
    raise InputError(f"{data / name / 'valid.tsv'}: there is no such file")


def write(name, rows):
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (out / name).write_text("".join(lines), encoding="utf-8")


try:
    groups = {}
    for row in similar("LCQMC", 1):
        groups.setdefault(row.text_a, []).append(row.text_b)
    write("questions.jsonl", ({"text": text, "synonyms": others} for text, others in groups.items()))
    write("statements.jsonl", ({"text_a": row.text_a, "text_b": row.text_b} for row in similar("STS-B", 4)))
except InputError as error:
    sys.exit(f"error: {error}")
PREPARE

"$python" -m roformer_sim.cli evaluate generation --model "$model" --groups "$out/questions.jsonl" \
    --pairs "$out/statements.jsonl" --output "$out" "$@"
echo "written to $out" >&2
