"""Say a sentence in other words with ONNX Runtime alone: no Keras, no TensorFlow, nothing of this project.

The likeliest token each time, which often gives the sentence itself or nearly so; for others draw from the
scores instead, with several rows of the one source.

    pip install onnxruntime tokenizers
    roformer-sim convert roformer_sim_char_mini_zh exported --to onnx
    python examples/onnx_greedy.py exported 高血压患者能喝咖啡吗？
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import BertWordPieceTokenizer

LONGEST = 64


def main(folder: Path, text: str) -> str:
    """The likeliest token after the sentence, then after that one, until [SEP]."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    lowercase = config["tokenizer"]["do_lower_case"]
    tokenizer = BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=lowercase)
    end = tokenizer.token_to_id("[SEP]")
    never = [tokenizer.token_to_id(token) for token in ("[PAD]", "[UNK]", "[CLS]", "[MASK]")]
    source = onnxruntime.InferenceSession(folder / "source.onnx")
    step = onnxruntime.InferenceSession(folder / "step.onnx")

    def call(session: onnxruntime.InferenceSession, inputs: dict) -> dict:
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))

    def likeliest(scores: np.ndarray) -> int:
        scores[never] = -np.inf
        return int(scores.argmax())

    # One source, one row of it. Several sources: rows of equal length, filled up with config["pad_token_id"].
    inputs = {"source_ids": np.array([tokenizer.encode(text).ids], np.int64)}
    read = call(source, inputs)
    token = likeliest(read.pop("scores")[0])
    inputs |= read  # keys and values of the source, for all steps
    empty = np.empty((1, 1, config["heads"], 0, config["head_size"]), np.float32)
    for layer in range(config["layers"]):
        inputs |= {f"past_key_{layer}": empty, f"past_value_{layer}": empty}
    written: list[int] = []
    while token != end and len(written) < LONGEST:
        written.append(token)
        grown = call(step, inputs | {"token_ids": np.array([[token]], np.int64)})
        token = likeliest(grown.pop("scores")[0, 0])
        inputs |= {name.replace("present", "past"): array for name, array in grown.items()}
    return tokenizer.decode(written).replace(" ", "")


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), sys.argv[2]))
