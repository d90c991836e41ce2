"""STS, alignment and uniformity of a network while it is being trained, on a sample that stays the same."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.evaluation.correlation import spearman
from roformer_sim.evaluation.geometry import alignment, uniformity
from roformer_sim.evaluation.sts.measure import row_cosines
from roformer_sim.evaluation.sts.tables import StsTable, read_sts_table

if TYPE_CHECKING:
    from roformer_sim.models import Backbone
    from roformer_sim.text import Tokenizer


class StsProbe:
    """Measures a live network on STS tables; called with it, gives figures by name.

    The figures: ``sts_ATEC`` and so on, Spearman x 100 of cosine and label; ``sts_mean`` of them;
    ``alignment`` over the pairs that count as similar, ``uniformity`` over the distinct sentences, each the
    mean over the tables. The vector is the one the network's configuration names (``pooling``).

    A pair counts as similar when its label is at least ``positive_share`` of the largest of its whole table:
    1 of 0 and 1, 4 and 5 of 0 to 5 (as SimCSE does on STS-B).

    Args:
        files: Tables ``text_a<TAB>text_b<TAB>label``; never those whose figures are reported as a test.
        max_rows: Rows of a table that are measured, drawn once by ``seed``; ``None`` for all.
        seed: Of that draw.
        positive_share: See above, above 0 up to 1.
        maxlen: Most tokens of a sentence; longer ones are cut.
        batch_size: Sentences a batch.

    Raises:
        InputError: A file that cannot be read, ``max_rows`` below 2, a share outside its range.

    Example:
        >>> probe = StsProbe(["ATEC/valid.tsv", "STS-B/valid.tsv"], max_rows=1000)  # doctest: +SKIP
        >>> probe(model.backbone, tokenizer)  # doctest: +SKIP
        {'sts_ATEC': 27.3, 'sts_STS-B': 66.5, 'sts_mean': 46.9, 'alignment': 0.21, 'uniformity': -2.4}
    """

    def __init__(
        self,
        files: Sequence[str | Path],
        *,
        max_rows: int | None = 1000,
        seed: int = 0,
        positive_share: float = 0.8,
        maxlen: int = 64,
        batch_size: int = 64,
    ) -> None:
        if max_rows is not None and max_rows < 2:
            raise InputError(f"watch.sts_rows {max_rows}: a rank correlation needs at least 2 rows")
        if not 0 < positive_share <= 1:
            raise InputError(f"positive_share must be above 0 and at most 1, not {positive_share}")
        tables = [read_sts_table(path) for path in files]
        self._samples = [_Sample(table, max_rows, seed, positive_share) for table in tables]
        counts = Counter(table.name for table in tables)
        self.names = [
            f"sts_{table.name}" if counts[table.name] == 1 else f"sts_{table.name}_{table.split}"
            for table in tables
        ]
        if len(set(self.names)) < len(self.names):
            raise InputError(f"watch.sts: two tables of one name among {', '.join(map(str, files))}")
        self.maxlen, self.batch_size = maxlen, batch_size
        self._encoder: Any = None
        self._backbone: Any = None

    def __call__(self, backbone: Backbone, tokenizer: Tokenizer) -> dict[str, float]:
        """Figures of the network as it is now."""
        if not self._samples:
            return {}
        # One encoder for the whole run: each one compiles a program of its own.
        if self._backbone is not backbone:
            from roformer_sim.retrieval import SentenceEncoder

            self._encoder, self._backbone = SentenceEncoder(backbone, tokenizer), backbone
        result, aligned, spread = {}, [], []
        for name, sample in zip(self.names, self._samples, strict=True):
            vectors = self._encode(sample.texts, backbone.config.pooling)
            result[name] = 100 * spearman(row_cosines(vectors, sample.left, sample.right), sample.labels)
            similar = sample.similar
            aligned.append(alignment(vectors[sample.left[similar]], vectors[sample.right[similar]]))
            spread.append(uniformity(vectors))
        result["sts_mean"] = float(np.mean(list(result.values())))
        return {**result, "alignment": _mean(aligned), "uniformity": _mean(spread)}

    def _encode(self, texts: list[str], pooling: str) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"\d+ of \d+ texts cut to ", category=UserWarning)
            vectors = self._encoder.encode(texts, [pooling], maxlen=self.maxlen, batch_size=self.batch_size)
        return next(iter(vectors.values()))


class _Sample:
    """Rows of a table: distinct texts, where each pair's two are, labels, which pairs are similar."""

    def __init__(self, table: StsTable, max_rows: int | None, seed: int, share: float) -> None:
        rows = np.arange(table.rows)
        if max_rows is not None and table.rows > max_rows:
            rows = np.sort(np.random.default_rng(seed).choice(table.rows, max_rows, replace=False))
        pairs = [(table.texts_a[i], table.texts_b[i]) for i in rows]
        self.texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        place = {text: i for i, text in enumerate(self.texts)}
        self.left = np.array([place[a] for a, _ in pairs])
        self.right = np.array([place[b] for _, b in pairs])
        self.labels = np.array([table.labels[i] for i in rows], np.float64)
        largest = max(table.labels)
        self.similar = self.labels >= share * largest if largest > 0 else np.zeros(len(pairs), bool)


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
