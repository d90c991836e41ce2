#!/usr/bin/env bash
# Step 1: from raw text to training files.
#
#   scripts/01_build_corpus.sh DATA OUT
#
# DATA is a folder of raw Chinese text laid out as docs/corpus.md says. OUT receives
#   groups.jsonl.gz     groups of questions that mean the same
#   answers.jsonl.gz    similar sentences of different answers to one question
#   documents.jsonl.gz  similar sentences of one document, or of neighbouring documents
#   texts.txt.gz        all sentences of the three, each once: for the vocabulary
#   mixed/              questions and general sentences 1:1 in one random order, in shards, for any trainer
#   report.json         what was read, dropped and written at each step
#   report.html         the mixed corpus to look at
# Only sets whose licence lets one ship a model trained on them are taken (docs/corpus.md lists them).
# Every text of the five benchmarks' valid files is left out. A second run skips the parts that are there;
# remove OUT/parts to build anew.
set -euo pipefail

if [[ $# -ne 2 ]]; then
    echo "usage: $0 DATA OUT" >&2
    exit 2
fi
data=$1
out=$2
python=${PYTHON:-python}
parts=$out/parts
[[ -d $data/text/docs ]] || { echo "error: $data/text/docs: there is no such folder" >&2; exit 2; }
mkdir -p "$parts"
# part NAME COMMAND ARGUMENTS...: run a command unless its output is complete already.
part() {
    local name=$1 command=$2
    shift 2
    [[ -s $parts/$name.json ]] && { echo "== $name: done before" >&2; return; }
    echo "== $name" >&2
    "$python" -m corpus_builder.cli "$command" "$@" --output "$parts/$name.jsonl.gz" \
        --exclude "$data/sts/*/valid.tsv" --on-error skip --json > "$parts/$name.json.tmp"
    mv "$parts/$name.json.tmp" "$parts/$name.json"
}

# Labelled or shared-answer groups: what people wrote and judged.
groups() { part "groups-$1" clean-groups --source "$1" "${@:2}"; }
# Questions asked in several places of a source.
questions() { part "groups-questions-$1" mine-questions --source "$1" --min-chars 7 "${@:2}"; }
answers() { part "answers-$1" mine-answers --source "$1" --merge-questions "${@:2}"; }
# documents SOURCE THRESHOLD WINDOW: the window joins neighbouring documents (days, threads, dialogues).
documents() {
    part "documents-$1" mine-documents --source "$1" --min-chars 6 --threshold "$2" --window "$3" "${@:4}"
}
docs=$data/text/docs

groups chineseblue_med "$data/text/groups/chineseblue_med.jsonl.xz"
groups chatbot_qa --shape qa "$data/qa/chatbot-qa/qa.jsonl.gz"
groups stsb_train --shape sts --min-label 4 "$data/sts/STS-B/train.tsv"
groups simbert_sample "$data/qa/simbert-sample/data_sample.json"

questions zhihu_hot "$docs/zhihu_hot.jsonl.xz"
questions v2ex_hot "$docs/v2ex_hot.jsonl.xz"
questions chineseblue_med "$docs/chineseblue_med.jsonl.xz"
questions smilechat "$docs/smilechat.jsonl.xz"
questions taobao_dialog "$docs/taobao_dialog.jsonl.xz"
questions lccc_toy "$docs/lccc_toy.jsonl.xz"
questions emollm "$docs/emollm.jsonl.xz"
questions chatbot_qa --shape qa "$data/qa/chatbot-qa/qa.jsonl.gz"

answers dureader "$data/qa/DuReader2-demo/train.jsonl.gz" "$data/qa/DuReader2-demo/dev.jsonl.gz"
answers chatbot_qa "$data/qa/chatbot-qa/qa.jsonl.gz"

# Source, threshold, window, most partners of a sentence: 0.6 as docs/mining.md says of neighbouring documents;
# more where one sentence stands beside another with other content in it (laws, headlines, recipes); sources in
# which people say the same thing often may pair more.
while read -r source threshold window partners; do
    documents "$source" "$threshold" "$window" --max-partners "$partners" "$docs/$source.jsonl.xz"
done <<'LIST'
zhihu_hot 0.6 500 5
chineseblue_med 0.6 10000 5
smilechat 0.6 1500 5
lctt 0.6 100 5
weibo_hot_titles 0.7 600 5
xinwenlianbo 0.6 60 5
taobao_dialog 0.6 10000 5
lccc_toy 0.6 20000 3
v2ex_hot 0.6 2000 5
emollm 0.6 500 3
laws 0.8 30 3
pd_novels 0.6 10 5
howtocook 0.7 400 3
gov_reports_2026 0.6 40 3
LIST
documents cluecorpussmall 0.6 1 "$data/docs/CLUECorpusSmall-sample/docs.jsonl.gz"
documents cmrc2018 0.6 1 "$data/qa/CMRC2018/dev.jsonl.gz" "$data/qa/CMRC2018/trial.jsonl"

"$python" -m corpus_builder.cli clean-groups "$parts"/groups-*.jsonl.gz --output "$out/groups.jsonl.gz" \
    --exclude "$data/sts/*/valid.tsv" --on-error skip --json > "$parts/all-groups.json"
for kind in answers documents; do
    # Gzip files laid end to end are one gzip file.
    cat "$parts/$kind"-*.jsonl.gz > "$out/.$kind.part"
    mv "$out/.$kind.part" "$out/$kind.jsonl.gz"
done
"$python" -m corpus_builder.cli texts "$out/groups.jsonl.gz" "$out/answers.jsonl.gz" "$out/documents.jsonl.gz" \
    --output "$out/texts.txt.gz" --exclude "$data/sts/*/valid.tsv" --on-error skip --json > "$parts/all-texts.json"

"$python" -m corpus_builder.cli mix --questions "$out/groups.jsonl.gz" --general "$out/answers.jsonl.gz" \
    --general "$out/documents.jsonl.gz" --output "$out/mixed" --json > "$parts/all-mixed.json"
"$python" -m corpus_builder.cli report "$out/mixed" --output "$out/report.html" >&2

"$python" - "$parts" "$out/report.json" <<'REPORT'
import json
import sys
from pathlib import Path

parts, report = Path(sys.argv[1]), Path(sys.argv[2])
summaries = (path for path in sorted(parts.glob("*.json")) if not path.name.endswith(".manifest.json"))
steps = {path.stem: json.loads(path.read_text("utf-8")) for path in summaries}
total = {
    kind: sum(step["counts"].get("pairs", 0) for name, step in steps.items() if name.startswith(kind))
    for kind in ("answers-", "documents-")
}
summary = {
    "question pairs": steps["all-groups"]["counts"]["pairs"],
    "question groups": steps["all-groups"]["counts"]["groups"],
    "answer pairs": total["answers-"],
    "document pairs": total["documents-"],
    "texts": steps["all-texts"]["counts"]["rows written"],
}
report.write_text(json.dumps({"total": summary, "steps": steps}, ensure_ascii=False, indent=1), "utf-8")
print(json.dumps(summary, ensure_ascii=False))
REPORT
