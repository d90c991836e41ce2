"""A backend of sentence-transformers, on a BERT of the same size with random weights.

    python encoding_sentence_transformers.py BACKEND SENTENCES

BACKEND is torch-float32, torch-bfloat16, onnx-float32, onnx-int8, openvino-float32 or openvino-int8. Its ONNX
and OpenVINO exports know no RoFormer; a BERT with as many blocks of the same size is the same products. Token
ids are given instead of texts: its model is called with batches longest first, as its ``encode`` makes them.
"""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import torch
from encoding_worker import NETWORK, padded, read_sentences
from generation_worker import serve
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizer


def build(folder, backend):
    """A SentenceTransformer of [CLS] on the backend."""
    torch.manual_seed(0)
    name, precision = backend.split("-")
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += [f"t{number}" for number in range(len(tokens), NETWORK["vocab_size"])]
    vocabulary = Path(folder) / "vocab.txt"
    vocabulary.write_text("\n".join(tokens))
    BertTokenizer(str(vocabulary)).save_pretrained(folder)
    BertModel(BertConfig(**NETWORK, max_position_embeddings=512)).save_pretrained(folder)
    given = {"torch_dtype": precision} if name == "torch" else {}
    if name == "openvino":
        given = {"ov_config": {"INFERENCE_PRECISION_HINT": "f32"}} if precision == "float32" else {}
    if precision == "int8":
        given["file_name"] = quantised(folder, name)
    word = Transformer(folder, backend=name, model_args=given)
    return SentenceTransformer(
        modules=[word, Pooling(NETWORK["hidden_size"], "cls")], device="cpu", backend=name
    )


def quantised(folder, name):
    """Export and quantise as sentence-transformers does; the file's name."""
    word = Transformer(folder, backend=name)
    if name == "onnx":
        from sentence_transformers import export_dynamic_quantized_onnx_model

        model = SentenceTransformer(
            modules=[word, Pooling(NETWORK["hidden_size"], "cls")], device="cpu", backend=name
        )
        export_dynamic_quantized_onnx_model(model, "avx512_vnni", folder)
        return "onnx/model_qint8_avx512_vnni.onnx"
    # Its export_static_quantized_openvino_model fetches sentences to calibrate with; these are ours.
    import nncf
    import openvino

    names = ("input_ids", "attention_mask", "token_type_ids")
    batches = [inputs(batch) for batch in padded(read_sentences(sys.argv[2])[:300])]
    numbers = [{key: batch[key].numpy() for key in names} for batch in batches]
    model = nncf.quantize(word.auto_model.model, nncf.Dataset(numbers), model_type=nncf.ModelType.TRANSFORMER)
    file = Path(folder) / "openvino" / "openvino_model_qint8_quantized.xml"
    file.parent.mkdir(exist_ok=True)
    openvino.save_model(model, str(file))
    return "openvino/openvino_model_qint8_quantized.xml"


def inputs(batch):
    """A padded batch as the model takes it."""
    ids = torch.tensor(batch)
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "token_type_ids": torch.zeros_like(ids),
    }


def main():
    """Serve measurements."""
    sentences = read_sentences(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(sys.stderr):  # what is printed meanwhile is no answer
            model = build(folder, sys.argv[1])

        def answer(asked):
            began = time.perf_counter()
            with torch.inference_mode():
                for batch in padded(sentences[: asked["count"]]):
                    model(inputs(batch))["sentence_embedding"].float().numpy()
            return {"seconds": time.perf_counter() - began}

        serve({}, answer)


if __name__ == "__main__":
    main()
