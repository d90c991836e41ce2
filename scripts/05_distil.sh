#!/usr/bin/env bash
# Step 5, RoFormer-Sim's stage 2: go on generating, and take over a teacher's similarities. Called again it goes on.
#
#   scripts/05_distil.sh CORPUS RUN TEACHER START [--set key=value ...]
#
# CORPUS   folder written by 01_build_corpus.sh
# RUN      folder of the run; RUN/teacher keeps the teacher's vectors, each text's computed once
# TEACHER  a preset, `use`, `e5`, sentence-transformers:NAME or python:module:function (docs/teachers.md)
# START    preset to go on from: the best checkpoint of stage 1
# MAXLEN=64 in the environment is the longest sentence, of the teacher and of training.
set -euo pipefail

if [[ $# -lt 4 ]]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
corpus=$1 run=$2 teacher=$3 start=$4
shift 4
python=${PYTHON:-python}
maxlen=${MAXLEN:-64}
groups=$corpus/groups.jsonl.gz answers=$corpus/answers.jsonl.gz documents=$corpus/documents.jsonl.gz

"$python" -m roformer_sim.cli teacher-cache "$teacher" --output "$run/teacher" --maxlen "$maxlen" \
    --input "$groups" --input "$answers" --input "$documents"
"$python" -m roformer_sim.cli train stage2 --output "$run" \
    --set start.preset="$start" \
    --set data.groups="['$groups']" \
    --set data.pairs="['$answers', '$documents']" \
    --set data.maxlen="$maxlen" \
    --set objectives.distillation.teacher="cache:$run/teacher" \
    "$@"
