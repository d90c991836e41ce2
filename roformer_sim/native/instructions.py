"""Instructions for compiled code that Numba has no words for: addresses, bits, waiting, exponentials."""

from __future__ import annotations

import math
import os
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

from roformer_sim.native.processor import IS_X86, LANES

# Decorated functions are for compiled code, whose calls have one argument less than Python sees.
intrinsic: Any = extending.intrinsic

BYTE, SHORT, WORD, LONG = (ir.IntType(bits) for bits in (8, 16, 32, 64))
FLOAT = ir.FloatType()
WORDS, FLOATS = ir.VectorType(WORD, LANES), ir.VectorType(FLOAT, LANES)


def constant(number: int) -> Any:
    return ir.Constant(LONG, number)


def prefetch(builder: Any, place: Any) -> None:
    """Into the second level of the cache, to be read."""
    kinds = [BYTE.as_pointer(), WORD, WORD, WORD]
    function = ir.FunctionType(ir.VoidType(), kinds)
    fetch = cgutils.get_or_insert_function(builder.module, function, "llvm.prefetch.p0i8")
    address = builder.inttoptr(place, BYTE.as_pointer())
    builder.call(fetch, [address, *(ir.Constant(WORD, number) for number in (0, 2, 1))])


@intrinsic
def fetch(typing, address):  # type: ignore[no-untyped-def]
    """Have the 64 bytes around ``address`` brought near, for whoever reads them soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        prefetch(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.uintp), generate


@intrinsic
def count_up(typing, address):  # type: ignore[no-untyped-def]
    """Add 1 to the int64 at ``address`` for all threads to see; what it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], LONG.as_pointer())
        return builder.atomic_rmw("add", place, constant(1), "seq_cst")

    return types.int64(types.uintp), generate


@intrinsic
def look(typing, address):  # type: ignore[no-untyped-def]
    """The int64 at ``address``, as another thread may have written it just now."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], LONG.as_pointer()), "seq_cst", 8)

    return types.int64(types.uintp), generate


@intrinsic
def put(typing, address, value):  # type: ignore[no-untyped-def]
    """Write the int64 at ``address`` for all threads to see."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[1], builder.inttoptr(arguments[0], LONG.as_pointer()), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.uintp, types.int64), generate


@intrinsic
def pause(typing):  # type: ignore[no-untyped-def]
    """Tell the processor that this thread waits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if IS_X86:
            function = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, function, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def give_way(typing):  # type: ignore[no-untyped-def]
    """Let the operating system run another thread."""
    name = "SwitchToThread" if os.name == "nt" else "sched_yield"

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = ir.FunctionType(WORD, [])
        builder.call(cgutils.get_or_insert_function(builder.module, function, name), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def floats_at(typing, address):  # type: ignore[no-untyped-def]
    """The float32 numbers at ``address``, to be read and written by index; nothing checks the index."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], FLOAT.as_pointer())

    return types.CPointer(types.float32)(types.uintp), generate


@intrinsic
def longs_at(typing, address):  # type: ignore[no-untyped-def]
    """The int64 numbers at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], LONG.as_pointer())

    return types.CPointer(types.int64)(types.uintp), generate


@intrinsic
def bytes_at(typing, address):  # type: ignore[no-untyped-def]
    """The bytes at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], BYTE.as_pointer())

    return types.CPointer(types.uint8)(types.uintp), generate


@intrinsic
def put_half(typing, address, value):  # type: ignore[no-untyped-def]
    """Write the bfloat16 nearest to a float32 (ties to even) at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[1], WORD)
        odd = builder.and_(builder.lshr(bits, ir.Constant(WORD, 16)), ir.Constant(WORD, 1))
        rounded = builder.add(builder.add(bits, ir.Constant(WORD, 0x7FFF)), odd)
        half = builder.trunc(builder.lshr(rounded, ir.Constant(WORD, 16)), SHORT)
        builder.store(half, builder.inttoptr(arguments[0], SHORT.as_pointer()), align=2)
        return context.get_dummy_value()

    return types.void(types.uintp, types.float32), generate


@intrinsic
def bits_of(typing, number):  # type: ignore[no-untyped-def]
    """The 32 bits of a float32 as an int32; those of positive numbers are in the order of the numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], WORD)

    return types.int32(types.float32), generate


@intrinsic
def float_of(typing, bits):  # type: ignore[no-untyped-def]
    """The float32 that has these 32 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], FLOAT)

    return types.float32(types.int32), generate


def _exponential(builder: Any, x: Any, lanes: int) -> Any:
    kind, words = (FLOATS, WORDS) if lanes > 1 else (FLOAT, WORD)
    ending = f"v{lanes}f32" if lanes > 1 else "f32"

    def number(value: float) -> Any:
        return ir.Constant(kind, [value] * lanes if lanes > 1 else value)

    def whole_number(value: int) -> Any:
        return ir.Constant(words, [value] * lanes if lanes > 1 else value)

    def call(name: str, *values: Any) -> Any:
        function = ir.FunctionType(kind, [kind] * len(values))
        return builder.call(
            cgutils.get_or_insert_function(builder.module, function, f"llvm.{name}.{ending}"), values
        )

    power = builder.fmul(x, number(1 / math.log(2)))
    power = builder.select(builder.fcmp_ordered(">", power, number(-126.0)), power, number(-126.0))
    whole = call("floor", builder.fadd(power, number(0.5)))
    rest = builder.fsub(power, whole)
    value = number(math.log(2) ** 6 / math.factorial(6))
    for degree in range(5, -1, -1):
        value = call("fma", value, rest, number(math.log(2) ** degree / math.factorial(degree)))
    exponent = builder.add(builder.fptosi(whole, words), whole_number(127))
    power_of_two = builder.bitcast(builder.shl(exponent, whole_number(23)), kind)
    return builder.fmul(value, power_of_two)


@intrinsic
def exponential(typing, x):  # type: ignore[no-untyped-def]
    """``exp(x)`` of a float32 not above 88; relative error below 1e-7 (1 + |x|), never below 1e-38.

    2 to the whole part of ``x / ln 2`` is put together from bits, 2 to the rest (-1/2 to 1/2) is a polynomial
    of degree 6, its coefficients ``ln(2)^n / n!``: no library call, so that loops around it run in vector
    registers.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _exponential(builder, arguments[0], 1)

    return types.float32(types.float32), generate


@intrinsic
def exponentials(typing, address, registers):  # type: ignore[no-untyped-def]
    """Make ``exp(x - max x)`` of float32 numbers, so many whole registers of them; 1 over their sum.

    Written out, because loops as short as a sentence are not turned into vectors by themselves.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        base, count = arguments

        def place(index: Any) -> Any:
            offset = builder.mul(index, constant(4 * LANES))
            return builder.inttoptr(builder.add(base, offset), FLOATS.as_pointer())

        def over_all(start: Any, combine: Any) -> Any:
            """``combine(running, index)`` from ``start`` over all registers."""
            before, body, after = (builder.block, *map(builder.append_basic_block, ("body", "after")))
            builder.branch(body)
            builder.position_at_end(body)
            index, running = builder.phi(LONG), builder.phi(start.type)
            index.add_incoming(constant(0), before)
            running.add_incoming(start, before)
            new, following = combine(running, index), builder.add(index, constant(1))
            index.add_incoming(following, body)
            running.add_incoming(new, body)
            builder.cbranch(builder.icmp_signed("<", following, count), body, after)
            builder.position_at_end(after)
            return new

        def call(name: str, result: Any, *values: Any) -> Any:
            function = ir.FunctionType(result, [value.type for value in values])
            return builder.call(
                cgutils.get_or_insert_function(builder.module, function, f"llvm.{name}.v{LANES}f32"),
                values,
                fastmath=("reassoc", "nnan"),
            )

        def larger_of(running: Any, index: Any) -> Any:
            return call("maxnum", FLOATS, running, builder.load(place(index), align=4))

        def add(running: Any, index: Any) -> Any:
            powers = builder.fsub(builder.load(place(index), align=4), largest)
            weights = _exponential(builder, powers, LANES)
            builder.store(weights, place(index), align=4)
            return builder.fadd(running, weights)

        first = over_all(builder.load(place(constant(0)), align=4), larger_of)
        same = builder.insert_element(
            ir.Constant(FLOATS, ir.Undefined),
            call("vector.reduce.fmax", FLOAT, first),
            ir.Constant(WORD, 0),
        )
        zeros = ir.Constant(WORDS, [0] * LANES)
        largest = builder.shuffle_vector(same, ir.Constant(FLOATS, ir.Undefined), zeros)
        sums = over_all(ir.Constant(FLOATS, [0.0] * LANES), add)
        total = call("vector.reduce.fadd", FLOAT, ir.Constant(FLOAT, 0.0), sums)
        return builder.fdiv(ir.Constant(FLOAT, 1.0), total)

    return types.float32(types.uintp, types.intp), generate


@intrinsic
def to_byte(typing, number):  # type: ignore[no-untyped-def]
    """A float32 from 0 to 255 cut to a byte."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.trunc(builder.fptosi(arguments[0], WORD), BYTE)

    return types.uint8(types.float32), generate


@intrinsic
def larger(typing, a, b):  # type: ignore[no-untyped-def]
    """The larger of two float32 that are numbers; maxima of loops run in vector registers by it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = ir.FunctionType(FLOAT, [FLOAT] * 2)
        larger_of = cgutils.get_or_insert_function(builder.module, function, "llvm.maxnum.f32")
        return builder.call(larger_of, arguments, fastmath=("nnan", "nsz"))

    return types.float32(types.float32, types.float32), generate
