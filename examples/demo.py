"""What `make demo` shows: synonyms, similarities and mined pairs, with the model of this package."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from roformer_sim.cli.quiet import load_keras

load_keras()  # without TensorFlow's start-up notes between our lines
from roformer_sim import RoFormerSim  # noqa: E402

HERE = Path(__file__).parent

SENTENCE_PAIRS = [
    ("怎么开通手机银行？", "手机银行如何开通？"),
    ("怎么开通手机银行？", "手机银行怎么注销？"),
    ("高血压患者能喝咖啡吗？", "有高血压的人可以喝咖啡吗"),
    ("高血压患者能喝咖啡吗？", "咖啡豆应该怎样保存？"),
    ("孩子发烧三十九度怎么办", "小孩发高烧39度应该怎么处理"),
    ("孩子发烧三十九度怎么办", "孩子咳嗽三天了怎么办"),
    ("从北京到上海坐高铁要多久？", "北京到上海的高铁需要几个小时？"),
    ("从北京到上海坐高铁要多久？", "上海有哪些好玩的地方？"),
    ("快递什么时候能到？", "我的包裹几天可以送到？"),
    ("快递什么时候能到？", "今天晚上吃什么？"),
]


def show_synonyms(model: RoFormerSim, text: str, mask_idxs: tuple[int, ...] = ()) -> None:
    """Twenty synonyms with their cosines, the source as the model reads it on top."""
    tokens = model.tokenizer.tokenize(text)
    for index in mask_idxs:
        tokens[index] = "[MASK]"
    print(f"\n== {''.join(tokens[1:-1])}" + (f"  (mask_idxs={list(mask_idxs)})" if mask_idxs else ""))
    for synonym in model.synonyms(text, n=100, k=20, mask_idxs=mask_idxs, seed=0):
        print(f"  {synonym.score:6.3f}  {synonym.text}")


def show_similarities(model: RoFormerSim) -> None:
    """Cosines of ten pairs: each question with a paraphrase and with another question."""
    print(
        "\n== similarity (cosine of P1 vectors): each question with a paraphrase, then with another question"
    )
    firsts, seconds = zip(*SENTENCE_PAIRS, strict=True)
    for score, a, b in zip(model.similarity(firsts, seconds), firsts, seconds, strict=True):
        print(f"  {score:6.3f}  {a}  |  {b}")


def show_mined_pairs() -> None:
    """Pairs that corpus-builder finds in the small texts of this folder."""
    for command, source in (("mine-answers", "qa.jsonl"), ("mine-documents", "documents.jsonl")):
        print(f"\n== corpus-builder {command} examples/{source}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "pairs.jsonl"
            arguments = [command, str(HERE / source), "--output", str(output)]
            subprocess.run([sys.executable, "-m", "corpus_builder.cli", *arguments], check=True)
            for line in output.read_text(encoding="utf-8").splitlines()[:6]:
                pair = json.loads(line)
                print(f"  {pair['score']:6.3f}  {pair['text_a']}  |  {pair['text_b']}")


def main() -> None:
    """Run the three parts in turn."""
    model = RoFormerSim.from_preset("roformer_sim_char_mini_zh")
    show_synonyms(model, "广州和深圳哪个好？")
    show_synonyms(model, "科学技术是第一生产力。")
    show_synonyms(model, "科学技术是第一生产力。", mask_idxs=(6, 7))
    show_similarities(model)
    show_mined_pairs()


if __name__ == "__main__":
    main()
