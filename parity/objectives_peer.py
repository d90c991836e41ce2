"""The peers' side of the comparison of objectives; runs under a Python that has sentence-transformers.

    python objectives_peer.py FOLDER

FOLDER holds ``inputs.npz``. Writes ``peer.npz`` with the value and the gradient of every loss, and
``peers.json``, which says what computed each. Losses of sentence-transformers run as they are, on a model
that hands the vectors through; where a library has no such loss, its formula is put together from the
library's functions.
"""

import json
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sentence_transformers import losses, util
from transformers.loss.loss_utils import ForMaskedLMLoss


class HandThrough(torch.nn.Module):
    """A model whose features are the sentence vectors already."""

    device = torch.device("cpu")

    def forward(self, features):
        return features


def features(*columns):
    """What the losses of sentence-transformers get for each column of a batch."""
    return [{"sentence_embedding": column} for column in columns]


def ranking(scale, *columns):
    """Anchors against all positives, hard negatives and other anchors; then the positives as anchors."""
    loss = losses.MultipleNegativesRankingLoss(
        HandThrough(), scale=scale, directions=("query_to_doc", "query_to_query"), partition_mode="joint"
    )
    anchor, positive, *negatives = columns
    both = (anchor, positive, *negatives), (positive, anchor, *negatives)
    return sum(loss(features(*order), None) for order in both) / 2


def masked_ranking(x, same, scale):
    """Cross-entropy of the neighbour, itself and false negatives at minus infinity."""
    rows = torch.arange(len(x))
    scores = util.cos_sim(x, x) * scale
    excluded = same.clone()
    excluded[rows, rows ^ 1] = False
    return F.cross_entropy(scores.masked_fill(excluded, -torch.inf), rows ^ 1)


def two_tasks(x, head, classes):
    """SoftmaxLoss on the pairs of each task with the head's columns of its classes, then the mean."""
    total = 0.0
    for first, last in ((0, 2), (2, 5)):
        chosen = (classes >= first) & (classes < last)
        loss = losses.SoftmaxLoss(HandThrough(), x.shape[1], last - first)
        loss.classifier.weight.data = head[:, first:last].T.contiguous()
        loss.classifier.bias.data.zero_()
        pairs = features(x[0::2][chosen], x[1::2][chosen])
        total = total + chosen.sum() * loss(pairs, (classes[chosen] - first).long())
    return total / len(classes)


def symmetric_divergence(a, b, weights):
    """Half of both directions, over the positions of weight 1."""
    p, q = (F.log_softmax(logits[weights > 0], dim=-1) for logits in (a, b))
    both = [F.kl_div(*order, reduction="batchmean", log_target=True) for order in ((p, q), (q, p))]
    return sum(both) / 2


def restored(logits, targets, weights):
    """transformers' loss of its masked language models; -100 marks what was not chosen."""
    labels = torch.where(weights > 0, targets.long(), -100)
    return ForMaskedLMLoss(logits, labels, logits.shape[-1])


def cases(i):
    """Each loss: what computes it, as a function of one array, and that array."""
    ranks = "sentence-transformers MultipleNegativesRankingLoss, both ways"
    cosent = losses.CoSENTLoss(HandThrough())
    return {
        "in-batch softmax, scale 20": (ranks, lambda x: ranking(20.0, x[0::2], x[1::2]), "pairs"),
        "in-batch softmax, scale 30": (ranks, lambda x: ranking(30.0, x[0::2], x[1::2]), "pairs"),
        "in-batch softmax, false negatives": (
            "torch cross_entropy of masked scores",
            lambda x: masked_ranking(x, i["same"], 20.0),
            "pairs",
        ),
        "SimCSE, unsupervised": (ranks, lambda x: ranking(20.0, x[0::2], x[1::2]), "pairs"),
        "SimCSE, supervised": (ranks, lambda x: ranking(20.0, x[0::3], x[1::3], x[2::3]), "triples"),
        "CoSENT": (
            "sentence-transformers CoSENTLoss",
            lambda x: cosent(features(x[0::2], x[1::2]), i["grades"]),
            "pairs",
        ),
        "Sentence-BERT, two tasks": (
            "sentence-transformers SoftmaxLoss, a task at a time",
            lambda x: two_tasks(x, i["head"], i["classes"]),
            "pairs",
        ),
        "cosine matrix": (
            "torch mse_loss of sentence-transformers cos_sim",
            lambda x: F.mse_loss(util.cos_sim(x, x), util.cos_sim(i["teacher"], i["teacher"])),
            "pairs",
        ),
        "R-Drop": (
            "torch kl_div",
            lambda x: symmetric_divergence(x, i["other_logits"], i["weights"]),
            "logits",
        ),
        "masked language model": (
            "transformers ForMaskedLMLoss",
            lambda x: restored(x, i["targets"], i["weights"]),
            "logits",
        ),
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with np.load(folder / "inputs.npz") as file:
        inputs = {name: torch.from_numpy(file[name]) for name in file.files}
    found, peers = {}, {}
    for title, (peer, function, name) in cases(inputs).items():
        x = inputs[name].clone().requires_grad_()
        value = function(x)
        value.backward()
        found |= {f"value:{title}": value.detach().numpy(), f"gradient:{title}": x.grad.numpy()}
        peers[title] = peer
    np.savez(folder / "peer.npz", **found)
    (folder / "peers.json").write_text(json.dumps(peers))
    names = ("sentence-transformers", "transformers", "torch")
    (folder / "versions.json").write_text(json.dumps({names[0]: {n: metadata.version(n) for n in names}}))
