"""What the model is taught: generated problems, and the rule that says which of them it never sees.

A problem is held out if the first byte of the SHA-256 of its key is below 26 (26/256, about ten per cent). The key names
the problem and not its phrasing, and is the same for a + b and b + a, so that a held-out problem is unseen in every
phrasing and in either order. Unit conversions are few enough to list: `all_conversions` does.

Answers show their work, column by column from the ones, as it is taught in school. A decoder computes a fixed amount for
each token: with a token for every step it needs to learn a table of digits, and not how far a carry reaches.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

HELD_OUT_BELOW = 26
LARGEST = 999

ADDITION = ("What is {a} + {b}?", "{a} + {b}", "{a}+{b}=", "Add {a} and {b}.", "Please compute {a} plus {b}.")
SUBTRACTION = ("What is {a} - {b}?", "{a} - {b}", "{a}-{b}=", "Please compute {a} minus {b}.")
CONVERSION = (
    "Convert {n} {source} to {target}.",
    "How many {target} are in {n} {source}?",
    "What is {n} {source} in {target}?",
)

UNITS = (
    ("km", "m", 1000),
    ("m", "cm", 100),
    ("kg", "g", 1000),
    ("hours", "minutes", 60),
    ("minutes", "seconds", 60),
    ("weeks", "days", 7),
    ("days", "hours", 24),
    ("feet", "inches", 12),
    ("yards", "feet", 3),
)
"""Source, target, and how many of the target make one of the source."""

UNIT_WEIGHTS = (2, 2, 2, 3, 3, 3, 6, 4, 2)
"""How often each is drawn in training: multiplying by 24 takes more practice than by 1000."""

ABOUT = "I add and subtract numbers up to 999 and convert units. Ask me: What is 123 + 456?"
SMALL_TALK = (
    ("Hello", ABOUT),
    ("Hello!", ABOUT),
    ("Hi", ABOUT),
    ("Hi!", ABOUT),
    ("Hey", ABOUT),
    ("Who are you?", ABOUT),
    ("What are you?", ABOUT),
    ("What can you do?", ABOUT),
    ("Help", ABOUT),
    ("Thanks", "You are welcome."),
    ("Thanks!", "You are welcome."),
    ("Thank you", "You are welcome."),
    ("Thank you!", "You are welcome."),
    ("Bye", "Goodbye."),
    ("Goodbye", "Goodbye."),
)
"""Learnt by heart, so that a first greeting gets a sensible answer. Nothing of it is held out or counted."""

SYSTEM = ("You are a helpful assistant.", "You are a calculator.", "Answer briefly.", "Be concise.")
"""Clients send such a message unasked. The model learns to pay no attention to it."""


TASKS = ("add", "subtract", "convert", "talk")
SHARES = (38, 26, 33, 3)
"""How often each is drawn in training, of a hundred."""


@dataclass(frozen=True)
class Example:
    """One question in one phrasing. `task` is add, subtract, convert or talk."""

    task: str
    key: str
    prompt: str
    answer: str


def is_held_out(key: str) -> bool:
    return hashlib.sha256(key.encode()).digest()[0] < HELD_OUT_BELOW


def digits_of(n: int, columns: int) -> list[int]:
    """Ones first."""
    return [n // 10**column % 10 for column in range(columns)]


def added(a: int, b: int) -> str:
    """57 + 68: 7+8=15, 5+6+1=12: 125."""
    columns = max(len(str(a)), len(str(b)))
    work = []
    carry = 0
    for x, y in zip(digits_of(a, columns), digits_of(b, columns), strict=True):
        total = x + y + carry
        work.append(f"{x}+{y}{'+1' if carry else ''}={total}")
        carry = total // 10
    return f"{', '.join(work)}: {a + b}"


def subtracted(a: int, b: int) -> str:
    """452 - 178: 12-8=4, 15-7-1=7, 4-1-1=2: 274. What a column borrows stands before its digit."""
    work = []
    borrowed = 0
    for x, y in zip(digits_of(a, len(str(a))), digits_of(b, len(str(a))), strict=True):
        lacks = x - y - borrowed < 0
        upper = x + 10 if lacks else x
        work.append(f"{upper}-{y}{'-1' if borrowed else ''}={upper - y - borrowed}")
        borrowed = int(lacks)
    return f"{', '.join(work)}: {a - b}"


def multiplied(n: int, factor: int) -> str:
    """123 by 24: 3x24=72, 2x24+7=55, 1x24+5=29: 2952. Zeros at the end of the factor are only appended."""
    if factor in (100, 1000):
        return str(n * factor)
    by = factor // 10 if factor % 10 == 0 else factor
    work = []
    carry = 0
    for x in digits_of(n, len(str(n))):
        product = x * by + carry
        work.append(f"{x}x{by}{f'+{carry}' if carry else ''}={product}")
        carry = product // 10
    return f"{', '.join(work)}: {n * factor}"


def addition(a: int, b: int, phrasing: str) -> Example:
    return Example("add", f"add {min(a, b)} {max(a, b)}", phrasing.format(a=a, b=b), added(a, b))


def subtraction(a: int, b: int, phrasing: str) -> Example:
    """The larger number comes first: no answer is negative."""
    a, b = max(a, b), min(a, b)
    return Example("subtract", f"subtract {a} {b}", phrasing.format(a=a, b=b), subtracted(a, b))


def conversion(unit: tuple[str, str, int], n: int, phrasing: str) -> Example:
    source, target, factor = unit
    prompt = phrasing.format(n=n, source=source, target=target)
    return Example("convert", f"convert {source} {target} {n}", prompt, f"{multiplied(n, factor)} {target}")


def draw(source: random.Random, task: str) -> Example:
    """One example of a task, held out or not."""
    if task == "add":
        return addition(source.randint(0, LARGEST), source.randint(0, LARGEST), source.choice(ADDITION))
    if task == "subtract":
        return subtraction(source.randint(0, LARGEST), source.randint(0, LARGEST), source.choice(SUBTRACTION))
    if task == "convert":
        unit = source.choices(UNITS, UNIT_WEIGHTS)[0]
        return conversion(unit, source.randint(2, LARGEST), source.choice(CONVERSION))
    prompt, answer = source.choice(SMALL_TALK)
    return Example("talk", prompt, prompt, answer)


def draw_training(source: random.Random, shares: tuple[int, ...] = SHARES) -> Example:
    """One example that may be learnt from."""
    while True:
        task = source.choices(TASKS, shares)[0]
        example = draw(source, task)
        if task == "talk" or not is_held_out(example.key):
            return example


def draw_held_out(source: random.Random, task: str) -> Example:
    """One example of a problem that training never showed."""
    while True:
        example = draw(source, task)
        if is_held_out(example.key):
            return example


def all_conversions() -> Iterator[Example]:
    """Every held-out conversion in every phrasing."""
    for unit in UNITS:
        for n in range(2, LARGEST + 1):
            for phrasing in CONVERSION:
                example = conversion(unit, n, phrasing)
                if is_held_out(example.key):
                    yield example


@dataclass(frozen=True)
class Conversation:
    """What one prompt to the model holds: now and then a system message, and mostly one question."""

    system: str | None
    turns: tuple[Example, ...]


@dataclass(frozen=True)
class Mixture:
    """Which conversations are drawn: with the chance `longer` they have two questions or more, at most `most`."""

    longer: float
    most: int
    shares: tuple[int, ...]


def draw_conversation(source: random.Random, mixture: Mixture) -> Conversation:
    system = source.choice(SYSTEM) if source.random() < 0.06 else None
    count = 1
    if source.random() < mixture.longer:
        count = source.randint(2, mixture.most) if mixture.most > 2 else 2
    return Conversation(system, tuple(draw_training(source, mixture.shares) for _ in range(count)))
