"""The same training step in plain PyTorch, padded to the batch's longest row.

    python training_torch.py FOLDER bfloat16|float32 STEPS

What a careful user writes: one product for query, key and value, ``scaled_dot_product_attention``,
autocast for bfloat16, logits of the target positions alone, fused AdamW.
"""

import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from training_worker import (
    CLIP_NORM,
    LEARNING_RATE,
    NETWORK,
    SCALE,
    WEIGHT_DECAY,
    count_work,
    padded_batches,
    product_rate,
    serve,
)

HIDDEN, HEADS = NETWORK["hidden_size"], NETWORK["num_attention_heads"]


def rotate(x, cosine, sine):
    """Turn the pairs (i, i + d/2) of queries or keys (batch, heads, length, d)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], dim=-1)


class Block(nn.Module):
    """Post-norm Transformer block."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(HIDDEN, 3 * HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.up = nn.Linear(HIDDEN, NETWORK["intermediate_size"])
        self.down = nn.Linear(NETWORK["intermediate_size"], HIDDEN)
        self.norm1, self.norm2 = nn.LayerNorm(HIDDEN, eps=1e-7), nn.LayerNorm(HIDDEN, eps=1e-7)
        self.dropout = nn.Dropout(NETWORK["hidden_dropout_prob"])

    def forward(self, x, mask, cosine, sine):
        batch, length, _ = x.shape
        qkv = self.qkv(x).view(batch, length, 3, HEADS, HIDDEN // HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = rotate(qkv[0], cosine, sine), rotate(qkv[1], cosine, sine), qkv[2]
        context = F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=NETWORK["attention_probs_dropout_prob"]
        )
        context = context.transpose(1, 2).reshape(batch, length, HIDDEN)
        x = self.norm1(x + self.dropout(self.out(context)))
        return self.norm2(x + self.dropout(self.down(F.gelu(self.up(x)))))


class Network(nn.Module):
    """RoFormer with UniLM attention, pooler and tied language-model head; gives both losses."""

    def __init__(self):
        super().__init__()
        self.tokens, self.segments = nn.Embedding(NETWORK["vocab_size"], HIDDEN), nn.Embedding(2, HIDDEN)
        self.norm, self.lm_norm = nn.LayerNorm(HIDDEN, eps=1e-7), nn.LayerNorm(HIDDEN, eps=1e-7)
        self.dropout = nn.Dropout(NETWORK["hidden_dropout_prob"])
        self.blocks = nn.ModuleList(Block() for _ in range(NETWORK["num_hidden_layers"]))
        self.pooler, self.transform = nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.lm_bias = nn.Parameter(torch.zeros(NETWORK["vocab_size"]))
        for weight in self.parameters():
            if weight.dim() == 2:
                nn.init.trunc_normal_(weight, std=0.02)

    def forward(self, token_ids, segment_ids):
        length, size = token_ids.shape[1], HIDDEN // HEADS
        angles = torch.arange(length)[:, None] * 10000.0 ** (-2.0 * torch.arange(size // 2) / size)
        order = segment_ids.cumsum(1)
        mask = (order[:, None, :] <= order[:, :, None]) & (token_ids != 0)[:, None, :]
        x = self.dropout(self.norm(self.tokens(token_ids) + self.segments(segment_ids)))
        # In the dtype of queries and keys: float32 angles would turn them into float32.
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        cosine, sine = angles.cos().to(dtype), angles.sin().to(dtype)
        for block in self.blocks:
            x = block(x, mask[:, None], cosine, sine)
        is_target = segment_ids[:, 1:] == 1
        hidden = self.lm_norm(F.gelu(self.transform(x[:, :-1][is_target])))
        logits = F.linear(hidden, self.tokens.weight, self.lm_bias)
        generation = F.cross_entropy(logits.float(), token_ids[:, 1:][is_target])
        unit = F.normalize(self.pooler(x[:, 0]).float())
        rows = torch.arange(len(unit))
        scores = (unit @ unit.T * SCALE).masked_fill(rows[:, None] == rows, -1e12)
        return generation + F.cross_entropy(scores, rows ^ 1)


def main():
    """Serve rounds of training."""
    folder, dtype, steps = Path(sys.argv[1]), getattr(torch, sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(0)
    network = Network()
    decayed = [weight for weight in network.parameters() if weight.dim() > 1]
    others = [weight for weight in network.parameters() if weight.dim() == 1]
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)

    def train(turn):
        batches = padded_batches(folder, turn, steps)
        began = time.perf_counter()
        for batch in batches:
            token_ids = torch.from_numpy(batch.token_ids).long()
            segment_ids = torch.from_numpy(batch.segment_ids).long()
            with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                loss = network(token_ids, segment_ids)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
            optimizer.step()
            optimizer.zero_grad()
        return {"seconds": time.perf_counter() - began, "loss": float(loss.detach())} | count_work(batches)

    def product(m, k, n):
        a, b = torch.rand(m, k).to(dtype), torch.rand(k, n).to(dtype)
        return lambda: a @ b

    serve({"products": product_rate(product), "dtype": sys.argv[2]}, train)


if __name__ == "__main__":
    main()
