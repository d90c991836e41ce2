"""Truncation and draw of one row after another, compiled: no row is sorted but for a narrow band of it.

Weights of a row are float32 numbers, not negative, given by address.
"""

from __future__ import annotations

import numpy as np

from roformer_sim.native.compiling import compiled
from roformer_sim.native.instructions import bits_of, exponential, float_of, floats_at, larger

_BAND = 48
"""So many weights are put in order; a longer band is halved first."""

_BLOCK, _FEW = 256, 64
"""Weights that are added up or looked through together, before single ones are."""


@compiled
def _largest(address, size):  # type: ignore[no-untyped-def]
    values = floats_at(address)
    largest = values[0]
    for i in range(size):
        largest = larger(largest, values[i])
    return largest


@compiled
def _sum_of_exponentials(scores, size, highest, temperature, weights):  # type: ignore[no-untyped-def]
    """Write ``exp((score - highest) / temperature)`` into ``weights``, 0 below float32's range; their sum."""
    scale, total = np.float32(1.0 / temperature), 0.0
    for first in range(0, size, _BLOCK):
        given, written = floats_at(scores + 4 * first), floats_at(weights + 4 * first)
        here = np.float32(0.0)
        for i in range(min(_BLOCK, size - first)):
            power = (given[i] - highest) * scale
            weight = exponential(power)
            weight = weight if power > np.float32(-87.0) else np.float32(0.0)
            written[i] = weight
            here += weight
        total += float(here)
    return total


@compiled
def _at_least(weights, size, least):  # type: ignore[no-untyped-def]
    """How many weights are not below ``least``, and their sum."""
    number, mass = 0, 0.0
    for first in range(0, size, _BLOCK):
        values = floats_at(weights + 4 * first)
        number_here, mass_here = 0, np.float32(0.0)
        for i in range(min(_BLOCK, size - first)):
            number_here += values[i] >= least
            mass_here += values[i] if values[i] >= least else np.float32(0.0)
        number += number_here
        mass += float(mass_here)
    return number, mass


@compiled
def _band(weights, size, least, below, band):  # type: ignore[no-untyped-def]
    """The weights from ``least`` to ``below``, largest first, into the array ``band``; how many."""
    found = 0
    for first in range(0, size, _FEW):
        values, until = floats_at(weights + 4 * first), min(_FEW, size - first)
        here = 0
        for i in range(until):
            here += (values[i] >= least) & (values[i] < below)
        if here:
            for i in range(until):
                if least <= values[i] < below:
                    band[found] = values[i]
                    found += 1
    band[:found].sort()
    for i in range(found // 2):
        band[i], band[found - 1 - i] = band[found - 1 - i], band[i]
    return found


@compiled
def cut(weights, size, limit, wanted, band):  # type: ignore[no-untyped-def]
    """Where the largest weights end that are ``limit`` in number or ``wanted`` in sum, whichever comes first.

    The weight with which the sum is reached stays. The border is looked for by halving an interval of the
    bits of float32, which are in the order of the numbers, until few weights are left in it.

    Args:
        band: (size,) float32, written.

    Returns:
        The least weight that stays, how many of exactly that weight stay, and the sum of what stays.
    """
    number_low, mass_low = _at_least(weights, size, np.float32(0.0))
    if number_low <= limit and mass_low < wanted:
        return np.float32(0.0), number_low, mass_low
    low, high = 0, bits_of(_largest(weights, size)) + 1
    number, mass = 0, 0.0  # of what is not below high
    if wanted < mass_low:
        # What is below this cannot be missed, were it every weight.
        small = np.float32(0.999 * (mass_low - wanted) / size)
        low, number_low = bits_of(small), _at_least(weights, size, small)[0]
    while number_low - number > _BAND and high - low > 1:
        middle = (low + high) // 2
        number_here, mass_here = _at_least(weights, size, float_of(middle))
        if number_here >= limit or mass_here >= wanted:
            low, number_low = middle, number_here
        else:
            high, number, mass = middle, number_here, mass_here
    found = _band(weights, size, float_of(low), float_of(high), band)
    last, ties = np.float32(0.0), 0
    for i in range(found):
        if number >= limit or (mass >= wanted and number > 0):
            break
        ties = ties + 1 if i > 0 and band[i] == last else 1
        last = band[i]
        mass += last
        number += 1
    return last, ties, mass


@compiled
def truncated(weights, size, total, top_k, top_p, band):  # type: ignore[no-untyped-def]
    """:func:`cut` by top-k and then top-p of what is left; ``top_k`` 0 and ``top_p`` 1 or more are none."""
    limit = size if top_k <= 0 or top_k > size else top_k
    wanted = np.inf
    if top_p < 1.0:
        wanted = top_p * (cut(weights, size, limit, np.inf, band)[2] if limit < size else total)
    if limit == size and wanted == np.inf:
        return np.float32(0.0), size, total
    return cut(weights, size, limit, wanted, band)


@compiled
def _remove(weights, size, least, ties):  # type: ignore[no-untyped-def]
    """Make what does not stay 0; of weights equal to the least those with lower ids stay."""
    values, equal = floats_at(weights), 0
    for i in range(size):
        equal += values[i] == least
        values[i] = values[i] if values[i] >= least else np.float32(0.0)
    if equal > ties:
        for i in range(size):
            if values[i] == least:
                ties -= 1
                if ties < 0:
                    values[i] = np.float32(0.0)


@compiled
def _first_beyond(weights, size, wanted):  # type: ignore[no-untyped-def]
    """The first id whose running sum exceeds ``wanted``; where rounding leaves none, the last that adds."""
    values, running, first = floats_at(weights), 0.0, 0
    while first + _BLOCK < size:
        block = 0.0
        for i in range(_BLOCK):
            block += values[first + i]
        if running + block > wanted:
            break
        running += block
        first += _BLOCK
    token = -1
    for i in range(first, size):
        running += values[i]
        if values[i] > 0.0:
            token = i
            if running > wanted:
                return token
    while token < 0 and first > 0:
        first -= 1
        if values[first] > 0.0:
            token = first
    return max(token, 0)


@compiled
def draw_rows(  # type: ignore[no-untyped-def]
    begin, end, scores, uniforms, banned, temperature, top_k, top_p, greedy, tokens, log_probabilities
) -> None:
    """Draw the next token of rows ``begin`` to ``end`` by the rule of ``draw_tokens``.

    Args:
        scores: (rows, vocabulary) float32, each row without gaps; banned ones are set to minus infinity.
        banned: (number,) int64.
        tokens, log_probabilities: (rows,) int64 and float64, written.
    """
    size = scores.shape[1]
    memory, band = np.empty(size, np.float32), np.empty(size, np.float32)
    weights, saved = memory.ctypes.data, np.empty(len(banned), np.float32)
    for row in range(begin, end):
        address = scores.ctypes.data + row * scores.strides[0]
        line = floats_at(address)
        for i in range(len(banned)):
            saved[i] = line[banned[i]]
            line[banned[i]] = -np.inf
        highest, best = _largest(address, size), 0
        total = _sum_of_exponentials(address, size, highest, 1.0, weights)
        everything = total
        for i in range(len(banned)):
            everything += np.exp(np.float64(saved[i]) - np.float64(highest))
        if greedy:
            while line[best] < highest:
                best += 1
        else:
            if temperature != 1.0:
                total = _sum_of_exponentials(address, size, highest, temperature, weights)
            least, ties, kept = truncated(weights, size, total, top_k, top_p, band)
            _remove(weights, size, least, ties)
            best = _first_beyond(weights, size, uniforms[row] * kept)
        tokens[row] = best
        log_probabilities[row] = np.float64(line[best]) - np.float64(highest) - np.log(everything)
    memory[0] = 0.0  # known by its address alone, it would be given back after the last mention
