"""The innermost loops, written in LLVM's instructions: a few rows times a panel of outputs, in registers.

A panel is :data:`~roformer_sim.native.processor.PANEL` outputs (or one register of them) side by side, in the
order in which they are read: for each step of the sum one number an output, or four in int8. Everything is
given as addresses and distances in bytes, so that parts of arrays are multiplied without a copy.
"""

from __future__ import annotations

import math
import os
from typing import Any, Literal

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from roformer_sim.native.processor import IS_X86, LANES, TALLEST

Kind = Literal["float32", "bfloat16", "int8"]
"""Of the panel: numbers, the upper halves of numbers, or bytes whose products are added up four at a time."""

_BYTE, _SHORT, _WORD, _LONG = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_FLOAT = ir.FloatType()
_WORDS, _FLOATS = ir.VectorType(_WORD, LANES), ir.VectorType(_FLOAT, LANES)
_VNNI = f"llvm.x86.avx512.vpdpbusd.{32 * LANES}"


def microkernel(registers: int, kind: Kind, tallest: int = TALLEST) -> Any:
    """``c = start + a @ panel`` for a few rows and ``registers`` registers of outputs, for compiled code.

    The function takes ``(rows, a, a_row, panel, panel_step, steps, start, c, c_row)``: how many rows, 1 to
    ``tallest``; address and distance of the rows of ``a`` in bytes; address of the panel and the distance of
    its steps; the number of steps; the address of the number that each output's sum begins with; address and
    distance of the rows of the result.

    ``a`` is float32 (one a step); in int8 four unsigned bytes a step times four signed ones of the panel, sums
    int32. Those become numbers again by three addresses more, of float32: ``of_rows`` and ``of_outputs``, whose
    product a sum is multiplied by, and ``bias``, which is added.

    ``ahead`` and ``ahead_step``: an address and a distance in bytes; memory there is fetched step by step while
    the sums are made, for whoever reads it next. A distance of 0 fetches nothing new.

    A row's sums are made in the same order whatever rows stand beside it, so that a sentence gets the same
    numbers, to the last bit, alone and among others. Kernels of one row, whose few sums would wait for one
    another, share out the steps among several sums an output.
    """
    distance = types.intp
    kinds = (distance, *([types.uintp, distance] * 2), distance, types.uintp, types.uintp, distance)
    kinds += (types.uintp, distance) + (types.uintp,) * 3

    @intrinsic
    def multiply(  # type: ignore[no-untyped-def]
        typing, rows, a, a_row, panel, panel_step, steps, start, c, c_row, ahead, ahead_step,
        of_rows, of_outputs, bias,
    ):
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            end = builder.append_basic_block("end")
            choice = builder.switch(arguments[0], end)
            for height in range(1, tallest + 1):
                block = builder.append_basic_block(f"rows_{height}")
                choice.add_case(_constant(height), block)
                builder.position_at_end(block)
                chains = _CHAINS.get(registers, 1) if tallest == 1 else 1
                _Loop(builder, height, registers, kind, arguments[1:]).generate(chains)
                builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return types.void(*kinds), generate

    return multiply


# Sums an output, of kernels of one row, by their registers.
_CHAINS = {1: 4, 2: 4, 4: 2}


class _Loop:
    """Writes one kernel's instructions."""

    def __init__(self, builder: Any, rows: int, registers: int, kind: Kind, arguments: Any) -> None:
        self.builder, self.rows, self.registers, self.kind = builder, rows, registers, kind
        self.a, self.a_row, self.panel, self.panel_step, self.steps, self.start = arguments[:6]
        self.c, self.c_row, self.ahead, self.ahead_step = arguments[6:10]
        self.of_rows, self.of_outputs, self.bias = arguments[10:]
        self.vector = _WORDS if kind == "int8" else _FLOATS

    def generate(self, chains: int) -> None:
        """Steps in groups of ``chains``, then the rest one by one, then the sums are stored."""
        empty = ir.Constant(self.vector, [0 if self.kind == "int8" else 0.0] * LANES)
        start = [
            self._load(self.start, self.vector, _constant(4 * LANES * register), 4)
            for register in range(self.registers)
        ]
        sums = [start[register] for _ in range(self.rows) for register in range(self.registers)]
        whole = self.builder.sub(self.steps, self.builder.srem(self.steps, _constant(chains)))
        if chains > 1:
            many = sums + [empty] * (len(sums) * (chains - 1))
            many = self._loop(_constant(0), whole, many, chains)
            sums = many[: len(sums)]
            for chain in range(1, chains):
                part = many[chain * len(sums) : (chain + 1) * len(sums)]
                sums = [self.builder.fadd(x, y) for x, y in zip(sums, part, strict=True)]
        sums = self._loop(whole if chains > 1 else _constant(0), self.steps, sums, 1)
        for number, value in enumerate(sums):
            row, register = divmod(number, self.registers)
            if self.kind == "int8":
                value = self._scaled(value, row, register)
            offset = self._plus(self.builder.mul(self.c_row, _constant(row)), 4 * LANES * register)
            self.builder.store(value, self._address(self.c, _FLOATS, offset), align=4)

    def _scaled(self, value: Any, row: int, register: int) -> Any:
        """Whole numbers back to numbers."""
        offset = _constant(4 * LANES * register)
        of_row = self._everywhere(self._load(self.of_rows, _FLOAT, _constant(4 * row), 4), _FLOATS)
        of_outputs = self._load(self.of_outputs, _FLOATS, offset, 4)
        scale = self.builder.fmul(of_row, of_outputs)
        number = self.builder.sitofp(value, _FLOATS)
        return self._fma(number, scale, self._load(self.bias, _FLOATS, offset, 4))

    def _loop(self, first: Any, end: Any, sums: list[Any], width: int) -> list[Any]:
        """Add up steps ``first`` to ``end``, ``width`` a round, each into sums of its own."""
        builder = self.builder
        before = builder.block
        head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        step = builder.phi(_LONG)
        running = [builder.phi(self.vector) for _ in sums]
        step.add_incoming(first, before)
        for phi, value in zip(running, sums, strict=True):
            phi.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", step, end), body, after)
        builder.position_at_end(body)
        count = self.rows * self.registers
        new: list[Any] = []
        self._fetch(step)
        for chain in range(width):
            new += self._step(self._plus(step, chain), running[chain * count : (chain + 1) * count])
        step.add_incoming(self._plus(step, width), builder.block)
        for phi, value in zip(running, new, strict=True):
            phi.add_incoming(value, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return running

    def _fetch(self, step: Any) -> None:
        _prefetch(self.builder, self.builder.add(self.ahead, self.builder.mul(step, self.ahead_step)))

    def _step(self, step: Any, sums: list[Any]) -> list[Any]:
        builder = self.builder
        here = builder.mul(step, self.panel_step)
        outputs = [self._outputs(here, register) for register in range(self.registers)]
        across = builder.mul(step, _constant(4))
        result = []
        for row in range(self.rows):
            place = builder.add(across, builder.mul(self.a_row, _constant(row)))
            number = self._load(self.a, _WORD if self.kind == "int8" else _FLOAT, place, 4)
            same = self._everywhere(number, self.vector)
            for register in range(self.registers):
                result.append(self._add(sums[row * self.registers + register], same, outputs[register]))
        return result

    def _outputs(self, here: Any, register: int) -> Any:
        if self.kind != "bfloat16":
            return self._load(self.panel, self.vector, self._plus(here, 4 * LANES * register), 4)
        halves = self._load(
            self.panel, ir.VectorType(_SHORT, LANES), self._plus(here, 2 * LANES * register), 2
        )
        words = self.builder.zext(halves, _WORDS)
        upper = self.builder.shl(words, ir.Constant(_WORDS, [16] * LANES))
        return self.builder.bitcast(upper, _FLOATS)

    def _add(self, total: Any, same: Any, outputs: Any) -> Any:
        if self.kind == "int8":
            function = ir.FunctionType(_WORDS, [_WORDS] * 3)
            add = cgutils.get_or_insert_function(self.builder.module, function, _VNNI)
            return self.builder.call(add, [total, same, outputs])
        return self._fma(same, outputs, total)

    def _fma(self, a: Any, b: Any, c: Any) -> Any:
        function = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
        fma = cgutils.get_or_insert_function(self.builder.module, function, f"llvm.fma.v{LANES}f32")
        return self.builder.call(fma, [a, b, c])

    def _everywhere(self, number: Any, vector: Any) -> Any:
        nothing = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(nothing, number, ir.Constant(_WORD, 0))
        return self.builder.shuffle_vector(first, nothing, ir.Constant(_WORDS, [0] * LANES))

    def _load(self, base: Any, kind: Any, offset: Any, align: int) -> Any:
        return self.builder.load(self._address(base, kind, offset), align=align)

    def _address(self, base: Any, kind: Any, offset: Any) -> Any:
        return self.builder.inttoptr(self.builder.add(base, offset), kind.as_pointer())

    def _plus(self, value: Any, number: int) -> Any:
        return self.builder.add(value, _constant(number)) if number else value


def _prefetch(builder: Any, place: Any) -> None:
    """Into the second level of the cache, to be read."""
    kinds = [_BYTE.as_pointer(), _WORD, _WORD, _WORD]
    function = ir.FunctionType(ir.VoidType(), kinds)
    fetch = cgutils.get_or_insert_function(builder.module, function, "llvm.prefetch.p0i8")
    address = builder.inttoptr(place, _BYTE.as_pointer())
    builder.call(fetch, [address, *(ir.Constant(_WORD, number) for number in (0, 2, 1))])


@intrinsic
def fetch(typing, address):  # type: ignore[no-untyped-def]
    """Have the 64 bytes around ``address`` brought near, for whoever reads them soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _prefetch(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.uintp), generate


def _constant(number: int) -> Any:
    return ir.Constant(_LONG, number)


@intrinsic
def count_up(typing, address):  # type: ignore[no-untyped-def]
    """Add 1 to the int64 at ``address`` for all threads to see; what it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], _LONG.as_pointer())
        return builder.atomic_rmw("add", place, _constant(1), "seq_cst")

    return types.int64(types.uintp), generate


@intrinsic
def look(typing, address):  # type: ignore[no-untyped-def]
    """The int64 at ``address``, as another thread may have written it just now."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], _LONG.as_pointer()), "seq_cst", 8)

    return types.int64(types.uintp), generate


@intrinsic
def put(typing, address, value):  # type: ignore[no-untyped-def]
    """Write the int64 at ``address`` for all threads to see."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(
            arguments[1], builder.inttoptr(arguments[0], _LONG.as_pointer()), "seq_cst", 8
        )
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
        function = ir.FunctionType(_WORD, [])
        builder.call(cgutils.get_or_insert_function(builder.module, function, name), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def floats_at(typing, address):  # type: ignore[no-untyped-def]
    """The float32 numbers at ``address``, to be read and written by index; nothing checks the index."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], _FLOAT.as_pointer())

    return types.CPointer(types.float32)(types.uintp), generate


@intrinsic
def longs_at(typing, address):  # type: ignore[no-untyped-def]
    """The int64 numbers at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], _LONG.as_pointer())

    return types.CPointer(types.int64)(types.uintp), generate


@intrinsic
def bytes_at(typing, address):  # type: ignore[no-untyped-def]
    """The bytes at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], _BYTE.as_pointer())

    return types.CPointer(types.uint8)(types.uintp), generate


@intrinsic
def put_half(typing, address, value):  # type: ignore[no-untyped-def]
    """Write the bfloat16 nearest to a float32 (ties to even) at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[1], _WORD)
        odd = builder.and_(builder.lshr(bits, ir.Constant(_WORD, 16)), ir.Constant(_WORD, 1))
        rounded = builder.add(builder.add(bits, ir.Constant(_WORD, 0x7FFF)), odd)
        half = builder.trunc(builder.lshr(rounded, ir.Constant(_WORD, 16)), _SHORT)
        builder.store(half, builder.inttoptr(arguments[0], _SHORT.as_pointer()), align=2)
        return context.get_dummy_value()

    return types.void(types.uintp, types.float32), generate


@intrinsic
def bits_of(typing, number):  # type: ignore[no-untyped-def]
    """The 32 bits of a float32 as an int32; those of positive numbers are in the order of the numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _WORD)

    return types.int32(types.float32), generate


@intrinsic
def float_of(typing, bits):  # type: ignore[no-untyped-def]
    """The float32 that has these 32 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _FLOAT)

    return types.float32(types.int32), generate


def _exponential(builder: Any, x: Any, lanes: int) -> Any:
    kind, words = (_FLOATS, _WORDS) if lanes > 1 else (_FLOAT, _WORD)
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
            offset = builder.mul(index, _constant(4 * LANES))
            return builder.inttoptr(builder.add(base, offset), _FLOATS.as_pointer())

        def over_all(start: Any, combine: Any) -> Any:
            """``combine(running, index)`` from ``start`` over all registers."""
            before, body, after = (builder.block, *map(builder.append_basic_block, ("body", "after")))
            builder.branch(body)
            builder.position_at_end(body)
            index, running = builder.phi(_LONG), builder.phi(start.type)
            index.add_incoming(_constant(0), before)
            running.add_incoming(start, before)
            new, following = combine(running, index), builder.add(index, _constant(1))
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
            return call("maxnum", _FLOATS, running, builder.load(place(index), align=4))

        def add(running: Any, index: Any) -> Any:
            powers = builder.fsub(builder.load(place(index), align=4), largest)
            weights = _exponential(builder, powers, LANES)
            builder.store(weights, place(index), align=4)
            return builder.fadd(running, weights)

        first = over_all(builder.load(place(_constant(0)), align=4), larger_of)
        same = builder.insert_element(
            ir.Constant(_FLOATS, ir.Undefined), call("vector.reduce.fmax", _FLOAT, first), ir.Constant(_WORD, 0)
        )
        zeros = ir.Constant(_WORDS, [0] * LANES)
        largest = builder.shuffle_vector(same, ir.Constant(_FLOATS, ir.Undefined), zeros)
        sums = over_all(ir.Constant(_FLOATS, [0.0] * LANES), add)
        total = call("vector.reduce.fadd", _FLOAT, ir.Constant(_FLOAT, 0.0), sums)
        return builder.fdiv(ir.Constant(_FLOAT, 1.0), total)

    return types.float32(types.uintp, types.intp), generate


@intrinsic
def to_byte(typing, number):  # type: ignore[no-untyped-def]
    """A float32 from 0 to 255 cut to a byte."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.trunc(builder.fptosi(arguments[0], _WORD), _BYTE)

    return types.uint8(types.float32), generate


@intrinsic
def larger(typing, a, b):  # type: ignore[no-untyped-def]
    """The larger of two float32 that are numbers; maxima of loops run in vector registers by it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = ir.FunctionType(_FLOAT, [_FLOAT] * 2)
        larger_of = cgutils.get_or_insert_function(builder.module, function, "llvm.maxnum.f32")
        return builder.call(larger_of, arguments, fastmath=("nnan", "nsz"))

    return types.float32(types.float32, types.float32), generate
