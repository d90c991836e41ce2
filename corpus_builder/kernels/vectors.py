"""512 bits at a time inside compiled code.

A :class:`Lanes` value is a vector of eight 64-bit words in LLVM's own terms, so that it becomes one AVX-512
register, two of AVX2 or four of SSE and NEON, on whatever machine compiles it. Only compiled functions can
hold one.
"""

from __future__ import annotations

from typing import Any

import numba.extending
from llvmlite import ir
from numba import types
from numba.extending import models, register_model

# Declared with the compiler's own arguments, called with others: for a type checker, anything.
intrinsic: Any = numba.extending.intrinsic

LANE_WORDS = 8
LANE_BITS = 64 * LANE_WORDS
_VECTOR = ir.VectorType(ir.IntType(64), LANE_WORDS)


class Lanes(types.Type):
    """Numba's type of such a vector."""

    def __init__(self) -> None:
        super().__init__(name="Lanes512")


_LANES = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _VECTOR)


def _address(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer())


@intrinsic
def load(typing_context: Any, words: Any, at: Any) -> Any:
    """Eight words of a contiguous uint64 array from place ``at`` (uint64)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature.args[0], *arguments), align=8)

    return _LANES(words, types.uint64), generate


@intrinsic
def store(typing_context: Any, words: Any, at: Any, lanes: Any) -> Any:
    """Write eight words to a contiguous uint64 array from place ``at`` (uint64)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _address(context, builder, signature.args[0], *arguments[:2]), align=8)
        return context.get_dummy_value()

    return types.void(words, types.uint64, _LANES), generate


@intrinsic
def low_bits(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """The low bit of ``a + b + c`` in each of 512 places: ``a ^ b ^ c``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b, c = arguments
        return builder.xor(builder.xor(a, b), c)

    return _LANES(_LANES, _LANES, _LANES), generate


@intrinsic
def high_bits(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """The high bit of ``a + b + c`` in each of 512 places: where two of them or more are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b, c = arguments
        return builder.or_(builder.and_(a, b), builder.and_(builder.or_(a, b), c))

    return _LANES(_LANES, _LANES, _LANES), generate


@intrinsic
def both(typing_context: Any, a: Any, b: Any) -> Any:
    """``a & b``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.and_(*arguments)

    return _LANES(_LANES, _LANES), generate


@intrinsic
def one_of(typing_context: Any, a: Any, b: Any) -> Any:
    """``a ^ b``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.xor(*arguments)

    return _LANES(_LANES, _LANES), generate


@intrinsic
def either(typing_context: Any, a: Any, b: Any) -> Any:
    """``a | b``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.or_(*arguments)

    return _LANES(_LANES, _LANES), generate


@intrinsic
def any_bit(typing_context: Any, lanes: Any) -> Any:
    """Whether any of the 512 bits is set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = builder.bitcast(arguments[0], ir.IntType(LANE_BITS))
        return builder.icmp_unsigned("!=", whole, ir.Constant(whole.type, 0))

    return types.boolean(_LANES), generate


@intrinsic
def lowest_bit(typing_context: Any, word: Any) -> Any:
    """Number of the lowest bit set in a uint64 that is not 0: ``lowest_bit(0b1000) == 3``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), True))

    return types.int64(types.uint64), generate
