"""The innermost loops, written in LLVM's instructions: a few rows times a panel of outputs, in registers.

A panel is :data:`~roformer_sim.native.processor.PANEL` outputs (or one register of them) side by side, in the
order in which they are read: for each step of the sum one number an output, or four in int8. Everything is
given as addresses and distances in bytes, so that parts of arrays are multiplied without a copy.
"""

from __future__ import annotations

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
    int32. Few sums at once wait for one another: with fewer than eight, steps are shared out among several
    sums an output.
    """
    distance = types.intp
    kinds = (distance, *([types.uintp, distance] * 2), distance, types.uintp, types.uintp, distance)

    @intrinsic
    def multiply(typing, rows, a, a_row, panel, panel_step, steps, start, c, c_row):  # type: ignore[no-untyped-def]
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            end = builder.append_basic_block("end")
            choice = builder.switch(arguments[0], end)
            for height in range(1, tallest + 1):
                block = builder.append_basic_block(f"rows_{height}")
                choice.add_case(_constant(height), block)
                builder.position_at_end(block)
                _Loop(builder, height, registers, kind, arguments[1:]).generate()
                builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return types.void(*kinds), generate

    return multiply


def _chains(sums: int) -> int:
    return 4 if sums <= 2 else 2 if sums < 8 else 1


class _Loop:
    """Writes one kernel's instructions."""

    def __init__(self, builder: Any, rows: int, registers: int, kind: Kind, arguments: Any) -> None:
        self.builder, self.rows, self.registers, self.kind = builder, rows, registers, kind
        self.a, self.a_row, self.panel, self.panel_step, self.steps, self.start, self.c, self.c_row = (
            arguments
        )
        self.vector = _WORDS if kind == "int8" else _FLOATS

    def generate(self) -> None:
        """Steps in groups of as many as there are chains, then the rest one by one, then sums are stored."""
        chains = _chains(self.rows * self.registers) if self.kind != "int8" else 1
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
            offset = self._plus(self.builder.mul(self.c_row, _constant(row)), 4 * LANES * register)
            self.builder.store(value, self._address(self.c, self.vector, offset), align=4)

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
        for chain in range(width):
            new += self._step(self._plus(step, chain), running[chain * count : (chain + 1) * count])
        step.add_incoming(self._plus(step, width), builder.block)
        for phi, value in zip(running, new, strict=True):
            phi.add_incoming(value, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return running

    def _step(self, step: Any, sums: list[Any]) -> list[Any]:
        builder = self.builder
        here = builder.mul(step, self.panel_step)
        outputs = [self._outputs(here, register) for register in range(self.registers)]
        across = builder.mul(step, _constant(4))
        result = []
        for row in range(self.rows):
            place = builder.add(across, builder.mul(self.a_row, _constant(row)))
            number = self._load(self.a, _WORD if self.kind == "int8" else _FLOAT, place, 4)
            same = self._everywhere(number)
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
        function = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
        fma = cgutils.get_or_insert_function(self.builder.module, function, f"llvm.fma.v{LANES}f32")
        return self.builder.call(fma, [same, outputs, total])

    def _everywhere(self, number: Any) -> Any:
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(nothing, number, ir.Constant(_WORD, 0))
        return self.builder.shuffle_vector(first, nothing, ir.Constant(_WORDS, [0] * LANES))

    def _load(self, base: Any, kind: Any, offset: Any, align: int) -> Any:
        return self.builder.load(self._address(base, kind, offset), align=align)

    def _address(self, base: Any, kind: Any, offset: Any) -> Any:
        return self.builder.inttoptr(self.builder.add(base, offset), kind.as_pointer())

    def _plus(self, value: Any, number: int) -> Any:
        return self.builder.add(value, _constant(number)) if number else value


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
def words_at(typing, address):  # type: ignore[no-untyped-def]
    """The int32 numbers at ``address``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], _WORD.as_pointer())

    return types.CPointer(types.int32)(types.uintp), generate


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
