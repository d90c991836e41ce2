"""The innermost loops, written in LLVM's instructions: a few rows times a panel of outputs, in registers.

A panel is :data:`~roformer_sim.native.processor.PANEL` outputs (or one register of them) side by side, in the
order in which they are read: for each step of the sum one number an output, or four in int8. Everything is
given as addresses and distances in bytes, so that parts of arrays are multiplied without a copy.
"""

from __future__ import annotations

from typing import Any, Literal

from llvmlite import ir
from numba.core import cgutils, types

from roformer_sim.native.instructions import (
    FLOAT,
    FLOATS,
    LONG,
    SHORT,
    WORD,
    WORDS,
    constant,
    intrinsic,
    prefetch,
)
from roformer_sim.native.processor import LANES, TALLEST

Kind = Literal["float32", "bfloat16", "int8"]
"""Of the panel: numbers, the upper halves of numbers, or bytes whose products are added up four at a time."""

_VNNI = f"llvm.x86.avx512.vpdpbusd.{32 * LANES}"


def microkernel(registers: int, kind: Kind, tallest: int = TALLEST) -> Any:
    """``c = start + a @ panel`` for a few rows and ``registers`` registers of outputs, for compiled code.

    The function takes ``(rows, a, a_row, panel, panel_step, steps, start, c, c_row)``: how many rows, 1 to
    ``tallest``; address and distance of the rows of ``a`` in bytes; address of the panel and the distance of
    its steps; the number of steps; the address of the number that each output's sum begins with; address and
    distance of the rows of the result.

    ``a`` is float32 (one a step); in int8 four unsigned bytes a step times four signed ones of the panel,
    sums int32. Those become numbers again by three addresses more, of float32: ``of_rows`` and
    ``of_outputs``, whose product a sum is multiplied by, and ``bias``, which is added.

    ``ahead`` and ``ahead_step``: an address and a distance in bytes; memory there is fetched step by step
    while the sums are made, for whoever reads it next. A distance of 0 fetches nothing new.

    A row's sums are made in the same order whatever rows stand beside it, so that a sentence gets the same
    numbers, to the last bit, alone and among others. Kernels of one row, whose few sums would wait for one
    another, share out the steps among several sums an output.
    """
    distance = types.intp
    kinds = (distance, *([types.uintp, distance] * 2), distance, types.uintp, types.uintp, distance)
    kinds += (types.uintp, distance) + (types.uintp,) * 3

    @intrinsic
    def multiply(  # type: ignore[no-untyped-def]
        typing,
        rows,
        a,
        a_row,
        panel,
        panel_step,
        steps,
        start,
        c,
        c_row,
        ahead,
        ahead_step,
        of_rows,
        of_outputs,
        bias,
    ):
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            end = builder.append_basic_block("end")
            choice = builder.switch(arguments[0], end)
            for height in range(1, tallest + 1):
                block = builder.append_basic_block(f"rows_{height}")
                choice.add_case(constant(height), block)
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
        self.vector = WORDS if kind == "int8" else FLOATS

    def generate(self, chains: int) -> None:
        """Steps in groups of ``chains``, then the rest one by one, then the sums are stored."""
        empty = ir.Constant(self.vector, [0 if self.kind == "int8" else 0.0] * LANES)
        start = [
            self._load(self.start, self.vector, constant(4 * LANES * register), 4)
            for register in range(self.registers)
        ]
        sums = [start[register] for _ in range(self.rows) for register in range(self.registers)]
        whole = self.builder.sub(self.steps, self.builder.srem(self.steps, constant(chains)))
        if chains > 1:
            many = sums + [empty] * (len(sums) * (chains - 1))
            many = self._loop(constant(0), whole, many, chains)
            sums = many[: len(sums)]
            for chain in range(1, chains):
                part = many[chain * len(sums) : (chain + 1) * len(sums)]
                sums = [self.builder.fadd(x, y) for x, y in zip(sums, part, strict=True)]
        sums = self._loop(whole if chains > 1 else constant(0), self.steps, sums, 1)
        for number, value in enumerate(sums):
            row, register = divmod(number, self.registers)
            if self.kind == "int8":
                value = self._scaled(value, row, register)
            offset = self._plus(self.builder.mul(self.c_row, constant(row)), 4 * LANES * register)
            self.builder.store(value, self._address(self.c, FLOATS, offset), align=4)

    def _scaled(self, value: Any, row: int, register: int) -> Any:
        """Whole numbers back to numbers."""
        offset = constant(4 * LANES * register)
        of_row = self._everywhere(self._load(self.of_rows, FLOAT, constant(4 * row), 4), FLOATS)
        of_outputs = self._load(self.of_outputs, FLOATS, offset, 4)
        scale = self.builder.fmul(of_row, of_outputs)
        number = self.builder.sitofp(value, FLOATS)
        return self._fma(number, scale, self._load(self.bias, FLOATS, offset, 4))

    def _loop(self, first: Any, end: Any, sums: list[Any], width: int) -> list[Any]:
        """Add up steps ``first`` to ``end``, ``width`` a round, each into sums of its own."""
        builder = self.builder
        before = builder.block
        head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        step = builder.phi(LONG)
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
        prefetch(self.builder, self.builder.add(self.ahead, self.builder.mul(step, self.ahead_step)))

    def _step(self, step: Any, sums: list[Any]) -> list[Any]:
        builder = self.builder
        here = builder.mul(step, self.panel_step)
        outputs = [self._outputs(here, register) for register in range(self.registers)]
        across = builder.mul(step, constant(4))
        result = []
        for row in range(self.rows):
            place = builder.add(across, builder.mul(self.a_row, constant(row)))
            number = self._load(self.a, WORD if self.kind == "int8" else FLOAT, place, 4)
            same = self._everywhere(number, self.vector)
            for register in range(self.registers):
                result.append(self._add(sums[row * self.registers + register], same, outputs[register]))
        return result

    def _outputs(self, here: Any, register: int) -> Any:
        if self.kind != "bfloat16":
            return self._load(self.panel, self.vector, self._plus(here, 4 * LANES * register), 4)
        halves = self._load(
            self.panel, ir.VectorType(SHORT, LANES), self._plus(here, 2 * LANES * register), 2
        )
        words = self.builder.zext(halves, WORDS)
        upper = self.builder.shl(words, ir.Constant(WORDS, [16] * LANES))
        return self.builder.bitcast(upper, FLOATS)

    def _add(self, total: Any, same: Any, outputs: Any) -> Any:
        if self.kind == "int8":
            function = ir.FunctionType(WORDS, [WORDS] * 3)
            add = cgutils.get_or_insert_function(self.builder.module, function, _VNNI)
            return self.builder.call(add, [total, same, outputs])
        return self._fma(same, outputs, total)

    def _fma(self, a: Any, b: Any, c: Any) -> Any:
        function = ir.FunctionType(FLOATS, [FLOATS] * 3)
        fma = cgutils.get_or_insert_function(self.builder.module, function, f"llvm.fma.v{LANES}f32")
        return self.builder.call(fma, [a, b, c])

    def _everywhere(self, number: Any, vector: Any) -> Any:
        nothing = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(nothing, number, ir.Constant(WORD, 0))
        return self.builder.shuffle_vector(first, nothing, ir.Constant(WORDS, [0] * LANES))

    def _load(self, base: Any, kind: Any, offset: Any, align: int) -> Any:
        return self.builder.load(self._address(base, kind, offset), align=align)

    def _address(self, base: Any, kind: Any, offset: Any) -> Any:
        return self.builder.inttoptr(self.builder.add(base, offset), kind.as_pointer())

    def _plus(self, value: Any, number: int) -> Any:
        return self.builder.add(value, constant(number)) if number else value
