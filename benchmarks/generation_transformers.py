"""Cached generation by transformers: a decoder of the same size (GPT-2's layout), PyTorch float32.

python generation_transformers.py
"""

import time

import torch
from generation_worker import NETWORK, NEW_TOKENS, SEP, TOP_P, serve, source_ids
from transformers import GPT2Config, GPT2LMHeadModel


def main():
    """Serve measurements."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=NETWORK["vocab_size"],
        n_embd=NETWORK["hidden_size"],
        n_layer=NETWORK["num_hidden_layers"],
        n_head=NETWORK["num_attention_heads"],
        eos_token_id=SEP,
        bos_token_id=SEP,
        pad_token_id=SEP,
    )
    model = GPT2LMHeadModel(config).eval()

    def answer(asked):
        ids = torch.tensor([source_ids(i) for i in range(asked["sources"])])
        began = time.perf_counter()
        with torch.inference_mode():
            found = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                top_k=0,
                top_p=TOP_P,
                num_return_sequences=asked["n"],
                min_new_tokens=NEW_TOKENS,
                max_new_tokens=NEW_TOKENS,
            )
        tokens = found.shape[0] * (found.shape[1] - ids.shape[1])
        return {"seconds": time.perf_counter() - began, "tokens": tokens}

    serve({}, answer)


if __name__ == "__main__":
    main()
