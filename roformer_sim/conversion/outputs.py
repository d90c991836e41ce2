"""What a network gives for sample texts, and how far apart two of them are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.models import Pooling

TEXTS = (
    "广州和深圳哪个好？",
    "科学技术是第一生产力。",
    "我的花呗为什么开通不了，要等多久才可以再申请？",
    "今天下午三点在二号楼开会，请带上上个月的报表。",
    "iPhone 15 和小米14哪个拍照更清楚",
    "他没有去过北京。",
    "怎样才能让孩子在吃饭的时候不看电视，也不边吃边玩，而且吃完以后愿意自己把碗筷收到厨房里去？",
    "好",
)
"""Sentences a conversion is checked on unless others are given: of several lengths, with digits and Latin."""

LIMIT = 64
"""Tokens of a sample; longer texts are cut, on both sides alike."""

WRITTEN = 4
"""Target tokens after each sample, for ``scores``."""

Outputs = dict[str, np.ndarray]
"""float32 arrays by kind; a side that cannot give one leaves it out.

``hidden``: last layer of every token, (tokens of all samples, hidden). ``logits``: the language-model head's
scores at every token of a bidirectional pass, (tokens, vocabulary). ``P1`` to ``P4``: sentence vectors, not
normalised, (samples, hidden). ``vector``: what the other tool calls the sentence's vector, set beside our
``encode``. ``scores``: of the token after the source and after each of :data:`WRITTEN` target tokens, UniLM,
(samples * (WRITTEN + 1), vocabulary), a sample's one after another.
"""


@dataclass(frozen=True)
class Samples:
    """Texts and how our tokenizer cuts them.

    Attributes:
        texts: Sentences.
        rows: Token ids of each, [CLS] and [SEP] included, int64.
        targets: (samples, WRITTEN) token ids that are written after each, the same on both sides.
    """

    texts: tuple[str, ...]
    rows: tuple[np.ndarray, ...]
    targets: np.ndarray

    @classmethod
    def of(cls, preset: Preset, texts: Sequence[str] = TEXTS) -> Samples:
        """Cut ``texts``.

        Raises:
            InputError: No text.
        """
        if not texts:
            raise InputError("no sample text to check a conversion on")
        limit = LIMIT
        if preset.config.model_type == "bert":
            limit = min(limit, preset.config.max_position_embeddings - WRITTEN)
        encodings = preset.tokenizer.encode_batch(list(texts), maxlen=limit)
        rows = tuple(np.asarray(encoding.token_ids, np.int64) for encoding in encodings)
        generator = np.random.default_rng(0)
        targets = generator.integers(0, preset.config.vocab_size, (len(rows), WRITTEN))
        targets[targets == preset.config.pad_token_id] = rows[0][-1]
        return cls(tuple(texts), rows, targets)


def own_outputs(preset: Preset, samples: Samples) -> Outputs:
    """All that the preset's network gives, by our CPU engine in float32, without Keras."""
    from roformer_sim.generation.engines.native_engine import NativeEngine
    from roformer_sim.native import NativeNetwork
    from roformer_sim.retrieval.engines.native_engine import NativeEncoder

    network = NativeNetwork(preset.config, preset.weights, "float32")
    encoder = NativeEncoder(network, preset.weights)
    vectors = encoder.encode(samples.rows, preset.config.poolings)
    outputs: Outputs = {pooling.value: rows for pooling, rows in vectors.items()}
    own = outputs[Pooling(preset.config.pooling).value]
    outputs["vector"] = own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-12)
    tokens = sum(map(len, samples.rows))
    with network.lock:
        network.read(samples.rows, keep=False)
        outputs["hidden"] = network.hidden(tokens).copy()
        if preset.config.has_lm_head:
            outputs["logits"] = network.scores(np.arange(tokens))
    if preset.config.has_lm_head:
        decoding, first = NativeEngine(network).begin(
            [list(row) for row in samples.rows], [1] * len(samples.rows)
        )
        steps = [first, *(decoding.step(samples.targets[:, step]) for step in range(WRITTEN))]
        outputs["scores"] = np.stack(steps, axis=1).reshape(-1, preset.config.vocab_size)
    return outputs


def largest_differences(ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Largest absolute difference of each kind that both sides gave.

    Raises:
        InputError: Nothing to compare, other shapes, numbers that are not finite.
    """
    kinds = [kind for kind in theirs if kind in ours]
    if not kinds:
        raise InputError(f"nothing to compare: one side gave {sorted(ours)}, the other {sorted(theirs)}")
    differences = {}
    for kind in kinds:
        a, b = np.asarray(ours[kind], np.float64), np.asarray(theirs[kind], np.float64)
        if a.shape != b.shape:
            raise InputError(f"{kind}: shape {list(a.shape)} on one side, {list(b.shape)} on the other")
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            raise InputError(f"{kind}: NaN or infinite values")
        differences[kind] = float(np.abs(a - b).max(initial=0.0))
    return differences
