"""Poseidon over the scalar field of BN254, with constants that nobody chose: a shift register gives them (protocol.md)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617
_FIELD_BITS = 254
FULL_ROUNDS = 8
PARTIAL_ROUNDS = 60
CELLS = 6


def permute(inputs: list[int]) -> int:
    """Of five elements: cell 0 of the permutation of (0, *inputs)."""
    constants, matrix = parameters()
    state = [0, *inputs]
    for round in range(FULL_ROUNDS + PARTIAL_ROUNDS):
        full = not FULL_ROUNDS // 2 <= round < FULL_ROUNDS // 2 + PARTIAL_ROUNDS
        state = [cell + constant for cell, constant in zip(state, constants[CELLS * round :])]
        state = [pow(cell, 5, FIELD) if full or place == 0 else cell for place, cell in enumerate(state)]
        state = [sum(m * cell for m, cell in zip(row, state)) % FIELD for row in matrix]
    return state[0]


@cache
def parameters() -> tuple[list[int], list[list[int]]]:
    """The constants of all rounds, and the matrix by rows."""
    numbers = _numbers()
    constants: list[int] = []
    while len(constants) < CELLS * (FULL_ROUNDS + PARTIAL_ROUNDS):
        drawn = next(numbers)
        if drawn < FIELD:
            constants.append(drawn)
    xs, ys = ([next(numbers) % FIELD for _ in range(CELLS)] for _ in range(2))
    return constants, [[pow(x + y, -1, FIELD) for y in ys] for x in xs]


def _numbers() -> Iterator[int]:
    sizes = ((1, 2), (0, 4), (_FIELD_BITS, 12), (CELLS, 12), (FULL_ROUNDS, 10), (PARTIAL_ROUNDS, 10), (2**30 - 1, 30))
    register = [int(digit) for number, width in sizes for digit in f"{number:0{width}b}"]

    def step() -> int:
        bit = register[62] ^ register[51] ^ register[38] ^ register[23] ^ register[13] ^ register[0]
        register.append(bit)
        del register[0]
        return bit

    for _ in range(160):
        step()
    while True:
        number, taken = 0, 0
        while taken < _FIELD_BITS:
            counts, bit = step(), step()
            if counts:
                number, taken = 2 * number + bit, taken + 1
        yield number
