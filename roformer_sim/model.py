"""RoFormerSim: the one class for users, and upstream's ``gen_synonyms``."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import (
    Preset,
    extend_tokens,
    keep_tokens,
    load_any,
    resolve_preset,
    save_preset,
)
from roformer_sim.checkpoints.fingerprint import fingerprint
from roformer_sim.generation import (
    Generated,
    GenerationOptions,
    Request,
    Selection,
    Synonym,
    rank_synonyms,
)
from roformer_sim.generation.generator import Generator, Seeds
from roformer_sim.models import ModelConfig, Pooling
from roformer_sim.network import Network
from roformer_sim.retrieval import BatchSize, OutputDtype, SentenceEncoder, Whitening, stored_as
from roformer_sim.retrieval.whitening import whitening_path
from roformer_sim.text import Tokenizer

if TYPE_CHECKING:
    from roformer_sim.models import Backbone

DEFAULT_PRESET = "roformer_sim_char_mini_zh"


class RoFormerSim:
    """A model that generates sentences of the same meaning and encodes sentences as vectors.

    Args:
        network: The network, or its Keras model alone.
        tokenizer: Its tokenizer.
        metadata: How it was made; saved with it.

    Keras is imported when something needs the Keras model (:attr:`backbone`, ``engine="keras"``), not
    before; on CPUs neither :meth:`gen_synonyms` nor :meth:`encode` does.

    Example:
        >>> model = RoFormerSim.from_preset("roformer_sim_char_mini_zh")
        >>> model.gen_synonyms("广州和深圳哪个好？", n=100, k=20)  # doctest: +SKIP
        >>> model.encode(["怎么开通花呗", "花呗如何开通"]).shape
        (2, 256)
        >>> model.similarity("怎么开通花呗", "花呗如何开通")  # doctest: +SKIP

    Reference:
        Su, SimBERT (https://kexue.fm/archives/7427) and RoFormer-Sim (https://kexue.fm/archives/8454).
    """

    def __init__(
        self, network: Network | Backbone, tokenizer: Tokenizer, metadata: dict[str, Any] | None = None
    ) -> None:
        self.network = Network.of(network)
        if tokenizer.vocab_size != self.config.vocab_size:
            raise InputError(
                f"the tokenizer has {tokenizer.vocab_size} tokens, the network {self.config.vocab_size}"
            )
        self.tokenizer, self.metadata = tokenizer, metadata or {}
        self.folder: Path | None = None  # where it was loaded from
        self.encoder = SentenceEncoder(self.network, tokenizer)
        self.generator = Generator(self.network, tokenizer)

    @property
    def config(self) -> ModelConfig:
        """Shape of the network."""
        return self.network.config

    @property
    def backbone(self) -> Backbone:
        """The Keras model, built at the first call; its weights are the model's from then on."""
        return self.network.backbone

    @classmethod
    def from_preset(
        cls,
        name: str | Path = DEFAULT_PRESET,
        *,
        dtype: Literal["float32", "mixed_bfloat16"] = "float32",
        model_type: Literal["roformer", "bert"] | None = None,
    ) -> RoFormerSim:
        """Load a shipped preset by name, a preset folder, or a bert4keras / Google checkpoint folder.

        Args:
            dtype: Compute dtype of the Keras model (``engine="keras"``); vectors and scores are float32
                either way.
            model_type: Overrides what a TensorFlow checkpoint looks like.

        Raises:
            InputError: No such preset, or a file of it is missing, damaged or does not fit.
        """
        folder = resolve_preset(name)
        model = cls._of(load_any(folder, model_type=model_type, mapped=True), folder, dtype)
        model.folder = folder
        return model

    @classmethod
    def _of(cls, preset: Preset, where: str | Path, dtype: Any = "float32") -> RoFormerSim:
        network = Network(preset.config, preset.weights, dtype=dtype, where=where)
        return cls(network, preset.tokenizer, preset.metadata)

    def _preset(self) -> Preset:
        return Preset(self.config, self.tokenizer, self.network.weights(), self.metadata)

    def keep_tokens(self, tokens: Sequence[str]) -> RoFormerSim:
        """A copy with a smaller vocabulary: these tokens and the special ones, in the present order.

        Texts of kept tokens get the same vectors as before; others get [UNK].
        """
        tokenizer, rows = self.tokenizer.keep_tokens(tokens)
        return self._of(keep_tokens(self._preset(), tokenizer, rows), "keep_tokens", self.network.dtype)

    def extend_tokens(
        self,
        tokens: Sequence[str],
        *,
        sources: Mapping[str, Sequence[str]] | None = None,
        simplified: bool = False,
    ) -> RoFormerSim:
        """A copy with a larger vocabulary: ``model.extend_tokens(["體"], sources={"體": ["体"]})``.

        See :func:`roformer_sim.checkpoints.extend_tokens`; the copy's ``metadata["vocabulary"][-1]["added"]``
        tells what the row of each new token was made of.
        """
        larger = extend_tokens(self._preset(), tokens, sources=sources, simplified=simplified)
        return self._of(larger, "extend_tokens", self.network.dtype)

    def save_preset(
        self,
        folder: str | Path,
        *,
        weights_dtype: Literal["float32", "float16"] = "float32",
        pooling: Pooling | str | None = None,
    ) -> None:
        """Write a preset folder (configuration, vocabulary, weights, metadata) in one step.

        Args:
            weights_dtype: ``"float16"`` halves the file.
            pooling: The vector the saved model shall use from now on; ``None`` leaves it.
        """
        preset = self._preset()
        if pooling is not None:
            preset.config = preset.config.model_copy(update={"pooling": Pooling(pooling).value})
        save_preset(folder, preset, weights_dtype=weights_dtype)

    def encode(
        self,
        texts: str | Sequence[str],
        *,
        pooling: Pooling | str | None = None,
        normalize: bool = True,
        batch_size: BatchSize = "auto",
        maxlen: int = 256,
        progress: bool = False,
        engine: str = "auto",
        output_dtype: str = "float32",
        whiten: bool | Whitening = False,
    ) -> np.ndarray:
        """Sentence vectors, float32: (n, hidden) of a list, (hidden,) of one string.

        Args:
            pooling: P1 last [CLS], P2 pooler, P3 mean of the last layer, P4 mean of first and last;
                ``None`` is the model's own, ``config.pooling``.
            normalize: Scale to length 1, so that a product is a cosine.
            batch_size, maxlen, progress, engine, output_dtype: See :meth:`SentenceEncoder.encode`.
            whiten: ``True``: by the preset's own :meth:`whitening`; or one that was fitted elsewhere. The
                vectors have its number of dimensions then.
        """
        single = isinstance(texts, str)
        batch = [texts] if isinstance(texts, str) else list(texts)
        pooling = Pooling(self.config.pooling if pooling is None else pooling)
        whitening = self.whitening(pooling) if whiten is True else whiten or None
        vectors = self.encoder.encode(
            batch,
            [pooling],
            normalize=normalize and whitening is None,
            batch_size=batch_size,
            maxlen=maxlen,
            progress=progress,
            engine=engine,
            output_dtype=output_dtype if whitening is None else "float32",
        )[pooling]
        if whitening is not None:
            dtype = OutputDtype.of(output_dtype)
            dtype.check(normalize)
            vectors = stored_as(whitening.transform(vectors, normalize=normalize), dtype)
        return vectors[0] if single else vectors

    def whitening(self, pooling: Pooling | str | None = None) -> Whitening:
        """The whitening in the preset's folder, which ``roformer-sim whiten fit`` writes.

        Raises:
            InputError: There is none for this pooling, or it was fitted on other weights.
        """
        chosen = Pooling(self.config.pooling if pooling is None else pooling).value
        if self.folder is None:
            raise InputError("this model was not loaded from a preset's folder: give encode a Whitening")
        whitening = Whitening.load(whitening_path(self.folder, chosen))
        whitening.check(fingerprint(self.config, self.tokenizer, self.network.weights()), chosen)
        return whitening

    @overload
    def similarity(  # type: ignore[overload-overlap]
        self, a: str, b: str, *, pooling: Pooling | str | None = ..., engine: str = ...
    ) -> float: ...
    @overload
    def similarity(
        self, a: Sequence[str], b: Sequence[str], *, pooling: Pooling | str | None = ..., engine: str = ...
    ) -> np.ndarray: ...
    def similarity(
        self,
        a: str | Sequence[str],
        b: str | Sequence[str],
        *,
        pooling: Pooling | str | None = None,
        engine: str = "auto",
    ) -> float | np.ndarray:
        """Cosine of two sentences, or of two lists row by row, between -1 and 1."""
        if isinstance(a, str) and isinstance(b, str):
            return float(self.similarity([a], [b], pooling=pooling, engine=engine)[0])
        if isinstance(a, str) or isinstance(b, str) or len(a) != len(b):
            raise InputError("similarity needs two strings or two lists of the same length")
        vectors = self.encode([*a, *b], pooling=pooling, engine=engine)
        return np.sum(vectors[: len(a)] * vectors[len(a) :], axis=1)

    def generate(
        self,
        texts: Sequence[str],
        n: int = 20,
        *,
        seed: Seeds = None,
        engine: str = "auto",
        **options: Any,
    ) -> list[list[Generated]]:
        """``n`` sampled sentences for each text, duplicates included, with their log-probabilities.

        Texts are decoded together; what one gets depends on its seed alone.

        Args:
            seed: One for all texts, or a list of one for each.
            engine: ``"auto"``, ``"keras"``, ``"native-float32"``, ``"native-int8"``.
            options: See :class:`roformer_sim.generation.GenerationOptions`.
        """
        requests = [Request(text) for text in _texts(texts)]
        return self.generator(requests, n, GenerationOptions.of(**options), seed, engine)

    def gen_synonyms_batch(
        self,
        texts: Sequence[str],
        n: int = 100,
        k: int = 20,
        mask_idxs: Sequence[int] = (),
        *,
        mask: Sequence[str] = (),
        min_similarity: float = -1.0,
        diversity: float | None = None,
        likelihood_weight: float = 0.0,
        reverse_weight: float = 0.0,
        return_all: bool = False,
        seed: Seeds = None,
        engine: str = "auto",
        **options: Any,
    ) -> list[list[Synonym]]:
        """:meth:`gen_synonyms` of many texts at once, with cosines and log-probabilities.

        Each text gets what :meth:`synonyms` gives it with the same seed.

        Args:
            mask: Strings of the texts that are masked, as ``mask_idxs`` does by position.
            min_similarity, diversity, likelihood_weight, reverse_weight: See
                :class:`roformer_sim.generation.Selection`.
            return_all: All distinct sentences instead of ``k``.
        """
        selection = Selection(
            None if return_all else k, min_similarity, diversity, likelihood_weight, reverse_weight
        )
        selection.check()
        if not return_all and k > n >= 1:
            raise InputError(f"k is {k}, but n={n} sentences are drawn for a text; raise n or lower k")
        requests = [Request(text, mask_idxs, mask) for text in _texts(texts)]
        drawn = GenerationOptions.of(**options)
        found = self.generator(requests, n, drawn, seed, engine)

        def nats_per_token(sources: Sequence[str], targets: Sequence[str]) -> list[float]:
            longest = drawn.maxlen + 1  # a sentence that did not end has its [SEP] beyond
            from roformer_sim.generation.likelihood import target_likelihoods  # needs Keras

            pairs = target_likelihoods(self.backbone, self.tokenizer, sources, targets, maxlen=longest)
            return [likelihood.per_token for likelihood in pairs]

        return rank_synonyms(
            [request.text for request in requests], found, self.encode, selection, nats_per_token
        )

    def synonyms(
        self, text: str, n: int = 100, k: int = 20, mask_idxs: Sequence[int] = (), **settings: Any
    ) -> list[Synonym]:
        """:meth:`gen_synonyms` with the cosine and the log-probability of each sentence."""
        return self.gen_synonyms_batch([text], n, k, mask_idxs, **settings)[0]

    def gen_synonyms(
        self, text: str, n: int = 100, k: int = 20, mask_idxs: Sequence[int] = (), **settings: Any
    ) -> list[str]:
        """Sentences of the same meaning, the most similar first, as upstream's function of this name.

        Samples ``n`` sentences (nucleus 0.95), drops duplicates and the text itself, ranks the rest
        by the cosine of their vectors with the text's and returns the first ``k``.

        Args:
            text: ``科学技术是第一生产力。``
            mask_idxs: Token positions of the encoded text ([CLS] is 0) replaced by [MASK] before
                sampling; ``[6, 7]`` masks 第一 here.
            settings: Those of :meth:`gen_synonyms_batch`.

        Returns:
            At most ``k`` sentences; fewer where fewer distinct ones were drawn.
        """
        return [synonym.text for synonym in self.synonyms(text, n, k, mask_idxs, **settings)]


def _texts(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str):
        raise InputError("texts is one string; give a list of strings")
    return list(texts)


@functools.cache
def _default_model() -> RoFormerSim:
    return RoFormerSim.from_preset()


def gen_synonyms(
    text: str, n: int = 100, k: int = 20, mask_idxs: Sequence[int] = (), **settings: Any
) -> list[str]:
    """Upstream's function on the shipped model; see :meth:`RoFormerSim.gen_synonyms`."""
    return _default_model().gen_synonyms(text, n, k, mask_idxs, **settings)
