"""The shape of a network, read from upstream's ``bert_config.json`` or our own ``config.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from corpus_builder.errors import InputError
from roformer_sim.models.pooling import Pooling

# Keys of published configuration files that describe training or tooling, not the network.
_IGNORED_KEYS = frozenset(
    {
        "architectures",
        "directionality",
        "pooler_fc_size",
        "pooler_num_attention_heads",
        "pooler_num_fc_layers",
        "pooler_size_per_head",
        "pooler_type",
        "pre_trained",
        "training",
        "transformers_version",
    }
)

# bert4keras 0.11 normalises RoFormer's blocks with Keras's default epsilon and BERT's with Google's.
_LAYER_NORM_EPS = {"roformer": 1e-7, "bert": 1e-12}


class ModelConfig(BaseModel):
    """Hyperparameters of a RoFormer or BERT network.

    Args:
        model_type: ``"roformer"`` (interleaved rotary positions, arXiv:2104.09864) or ``"bert"``
            (learned absolute positions, arXiv:1810.04805).
        vocab_size: Rows of the token embedding.
        hidden_size: Width of the hidden states; a multiple of ``num_attention_heads``.
        embedding_size: Width of the embeddings; ``None`` means ``hidden_size``. Where it differs,
            a linear layer maps embeddings to hidden states, as in the small SimBERT (128 to 384).
        max_position_embeddings: Rows of BERT's position table. RoFormer has no such limit.
        layer_norm_eps: Added to the variance; ``None`` means 1e-7 for RoFormer (bert4keras) and
            1e-12 for BERT (Google, transformers).
        pooling: The model's own sentence vector, which training works on, ``encode`` returns and synonyms
            are ranked by: ``"P2"``, as upstream, or ``"P1"``, ``"P3"``, ``"P4"`` (see
            :class:`roformer_sim.models.Pooling`).
        has_pooler: Whether there is the linear layer of P2. Converted encoders may have none.
        has_lm_head: Whether there is the language-model head, without which nothing is generated.
        lm_hidden_act, lm_layer_norm_eps: Of the language-model head where they are other than the blocks', as
            in Keras Hub's; ``None`` (left out of files): the same.

    Raises:
        InputError: From :meth:`from_dict` and :meth:`from_file`: unknown key, wrong type, sizes
            that do not fit one another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_type: Literal["roformer", "bert"] = "roformer"
    vocab_size: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    embedding_size: int | None = Field(default=None, gt=0)
    num_hidden_layers: int = Field(gt=0)
    num_attention_heads: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    hidden_act: Literal["gelu", "gelu_new", "relu"] = "gelu"
    max_position_embeddings: int = Field(default=512, gt=0)
    type_vocab_size: int = Field(default=2, gt=1)
    hidden_dropout_prob: float = Field(default=0.1, ge=0, lt=1)
    attention_probs_dropout_prob: float = Field(default=0.1, ge=0, lt=1)
    initializer_range: float = Field(default=0.02, gt=0)
    layer_norm_eps: float | None = Field(default=None, gt=0)
    pad_token_id: int = Field(default=0, ge=0)
    pooling: Literal["P1", "P2", "P3", "P4"] = "P2"
    has_pooler: bool = True
    has_lm_head: bool = True
    lm_hidden_act: Literal["gelu", "gelu_new", "relu"] | None = None
    lm_layer_norm_eps: float | None = Field(default=None, gt=0)

    @model_serializer(mode="wrap")
    def _without_unset(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in serialize(self).items() if value is not None}

    @model_validator(mode="after")
    def _fill_and_check(self) -> ModelConfig:
        if self.embedding_size is None:
            object.__setattr__(self, "embedding_size", self.hidden_size)
        if self.layer_norm_eps is None:
            object.__setattr__(self, "layer_norm_eps", _LAYER_NORM_EPS[self.model_type])
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        if self.model_type == "roformer" and self.head_size % 2:
            raise ValueError(f"rotary positions need an even head size, not {self.head_size}")
        if self.pad_token_id >= self.vocab_size:
            raise ValueError(
                f"pad_token_id {self.pad_token_id} lies outside a vocabulary of {self.vocab_size}"
            )
        if self.pooling == "P2" and not self.has_pooler:
            raise ValueError("pooling P2 is the pooler's vector, and has_pooler is false; give P1, P3 or P4")
        return self

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    def check_length(self, length: int) -> None:
        """Refuse rows longer than BERT's position table.

        Raises:
            InputError: More tokens than positions.
        """
        limit = self.max_position_embeddings
        if self.model_type == "bert" and length > limit:
            raise InputError(f"a row of {length} tokens, but this BERT network has {limit} positions; cut it")

    @property
    def poolings(self) -> tuple[Pooling, ...]:
        """The sentence vectors this network can give: P1, P3, P4, and P2 where it has a pooler."""
        return tuple(p for p in Pooling if p is not Pooling.P2 or self.has_pooler)

    def check_pooling(self, pooling: Pooling) -> None:
        """Refuse P2 of a network without a pooler.

        Raises:
            InputError: It has none.
        """
        if pooling not in self.poolings:
            raise InputError(
                "P2 is the pooler's vector, and this network came without a pooler; use P1, P3, P4"
            )

    def check_generates(self) -> None:
        """Refuse to generate without a language-model head.

        Raises:
            InputError: There is none.
        """
        if not self.has_lm_head:
            raise InputError(
                "this network came without a language-model head: it encodes and does not generate; "
                "convert a checkpoint that has one, or train it on pairs first"
            )

    @classmethod
    def from_dict(
        cls, values: dict[str, Any], *, where: str = "configuration", **overrides: Any
    ) -> ModelConfig:
        """Validate ``values``; tooling keys of published files are dropped, other unknown keys refused."""
        kept = {k: v for k, v in values.items() if k not in _IGNORED_KEYS}
        kept.update({k: v for k, v in overrides.items() if v is not None})
        try:
            return cls(**kept)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "values"
            raise InputError(f"{where}: {key}: {first['msg']}") from None

    @classmethod
    def from_file(cls, path: str | Path, **overrides: Any) -> ModelConfig:
        """Read ``bert_config.json`` or ``config.json``; ``overrides`` win over the file."""
        path = Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{path}: no such configuration file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from None
        except json.JSONDecodeError as error:
            raise InputError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from None
        if not isinstance(values, dict):
            raise InputError(f"{path}: expected a JSON object, found {type(values).__name__}")
        return cls.from_dict(values, where=str(path), **overrides)


def config_file(name: str) -> Path:
    """The file of a configuration of the package (``mini``, ``small``, ``base``), or ``name`` itself.

    They say how large a network is, not what it has learned: there are no weights beside them.

    Raises:
        InputError: Neither such a name nor a file.
    """
    folder = Path(__file__).parent.parent / "configs"
    if (folder / f"{name}.json").is_file():
        return folder / f"{name}.json"
    if Path(name).is_file():
        return Path(name)
    names = ", ".join(sorted(path.stem for path in folder.glob("*.json")))
    raise InputError(f"{name}: neither a configuration of the package ({names}) nor a file")
