"""What importing the package loads, and how long a tokenizer takes to make."""

from __future__ import annotations

import subprocess
import sys
import time

from roformer_sim.text import Tokenizer

HEAVY = ("tensorflow", "keras", "jax", "torch", "jieba")


def test_importing_loads_no_network_library_and_no_dictionary():
    program = f"import sys, roformer_sim.text; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_second_tokenizer_is_made_in_moments(tokens):
    Tokenizer(tokens)
    begin = time.process_time()
    Tokenizer(tokens)
    assert time.process_time() - begin < 0.3
