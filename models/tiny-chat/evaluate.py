"""Measures both releases on held-out problems and writes `results.json` into their folders.

    python evaluate.py
    python evaluate.py int8

Greedy decoding with ONNX Runtime on the file that transformers.js reads, with the prompt as the chat template renders it.
An answer counts only if all of its text is right, work and result and unit, and the model ends it by itself.
"""

import json
import math
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from export import FOLDERS, LONGEST_ANSWER
from json_file import write_json
from tasks import (
    SMALL_TALK,
    SYSTEM,
    Example,
    added,
    all_conversions,
    draw_held_out,
    multiplied,
    subtracted,
)

PROBLEMS = 2000
OUTSIDE = 300
BATCH = 64
Z = 1.959964
"""Of a normal distribution, for 95 per cent."""


@dataclass(frozen=True)
class Question:
    """Text of the chat up to where the model goes on, and what it should say."""

    prompt: str
    answer: str
    group: str = ""


def chat(*messages: tuple[str, str]) -> str:
    return "".join(f"<|{role}|>{content}<|end|>" for role, content in messages) + "<|assistant|>"


def asked(example: Example, *before: tuple[str, str]) -> Question:
    group = " to ".join(example.key.split(" ")[1:3]) if example.task == "convert" else ""
    return Question(chat(*before, ("user", example.prompt)), example.answer, group)


class Speaker:
    """Greedy decoding of many prompts at once, those of one length together."""

    def __init__(self, model: Path, tokenizer: Tokenizer) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizer
        self.end = tokenizer.token_to_id("<|end|>")
        self.past = {
            value.name: (value.shape[1], value.shape[3])
            for value in self.session.get_inputs()
            if value.name.startswith("past_key_values")
        }
        self.outputs = [output.name for output in self.session.get_outputs()]

    def answers(self, prompts: list[str]) -> list[str | None]:
        """None where the model did not come to an end."""
        encoded = [self.tokenizer.encode(prompt).ids for prompt in prompts]
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, ids in enumerate(encoded):
            by_length[len(ids)].append(index)
        said: dict[int, str | None] = {}
        for indices in by_length.values():
            for start in range(0, len(indices), BATCH):
                chosen = indices[start : start + BATCH]
                said.update(zip(chosen, self.speak(np.array([encoded[i] for i in chosen])), strict=True))
        return [said[index] for index in range(len(prompts))]

    def speak(self, ids: np.ndarray) -> list[str | None]:
        rows = len(ids)
        past = {name: np.zeros((rows, heads, 0, size), np.float32) for name, (heads, size) in self.past.items()}
        spoken: list[list[int]] = [[] for _ in range(rows)]
        ended = [False] * rows
        length = 0
        for _ in range(LONGEST_ANSWER):
            tokens = ids.shape[1]
            feeds = {
                "input_ids": ids.astype(np.int64),
                "attention_mask": np.ones((rows, length + tokens), np.int64),
                "position_ids": np.tile(np.arange(length, length + tokens), (rows, 1)),
                **past,
            }
            logits, *present = self.session.run(self.outputs, feeds)
            past = dict(zip(self.past, present, strict=True))
            length += tokens
            ids = logits[:, -1].argmax(-1)[:, None]
            for row, token in enumerate(ids[:, 0].tolist()):
                ended[row] = ended[row] or token == self.end
                if not ended[row]:
                    spoken[row].append(token)
            if all(ended):
                break
        texts = (self.tokenizer.decode(tokens) for tokens in spoken)
        return [text if is_ended else None for text, is_ended in zip(texts, ended, strict=True)]


def interval(right: int, count: int) -> tuple[float, float]:
    """Wilson's, which does not leave 0 to 1."""
    share = right / count
    middle = share + Z * Z / (2 * count)
    half = Z * math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    below = 1 + Z * Z / count
    return (middle - half) / below, (middle + half) / below


def held_out(task: str) -> list[Question]:
    """Problems drawn with repetition, but no prompt twice; of conversions all that there are."""
    if task == "convert":
        return [asked(example) for example in all_conversions()]
    source = random.Random(f"evaluation {task}")
    questions: dict[str, Question] = {}
    while len(questions) < PROBLEMS:
        example = draw_held_out(source, task)
        questions.setdefault(example.prompt, asked(example))
    return list(questions.values())


def after_turns(source: random.Random, earlier: int, count: int) -> Iterable[Question]:
    for _ in range(count):
        before: list[tuple[str, str]] = []
        for _ in range(earlier):
            example = draw_held_out(source, source.choice(("add", "subtract", "convert")))
            before += [("user", example.prompt), ("assistant", example.answer)]
        yield asked(draw_held_out(source, source.choice(("add", "subtract", "convert"))), *before)


def outside(source: random.Random) -> dict[str, list[Question]]:
    """What the model was not trained for, or seldom. Most of it should fail, and the card says how much does."""

    def number(digits: int) -> int:
        return source.randrange(10 ** (digits - 1), 10**digits)

    def question(prompt: str, answer: str) -> Question:
        return Question(chat(("user", prompt)), answer)

    def many(make: Callable[[], Question]) -> list[Question]:
        return [make() for _ in range(OUTSIDE)]

    def four_digits() -> Question:
        a, b = number(4), number(4)
        return question(f"What is {a} + {b}?", added(a, b))

    def four_and_three() -> Question:
        a, b = number(4), number(3)
        return question(f"What is {a} + {b}?", added(a, b))

    def below_zero() -> Question:
        a, b = sorted((number(3), number(3)))
        return question(f"What is {a} - {b}?", str(a - b))

    def other_phrasing() -> Question:
        a, b = number(3), number(3)
        return question(f"How much is {a} and {b} together?", added(a, b))

    def three_numbers() -> Question:
        a, b, c = number(3), number(3), number(3)
        return question(f"What is {a} + {b} + {c}?", str(a + b + c))

    def large_conversion() -> Question:
        n = number(4)
        return question(f"How many minutes are in {n} hours?", f"{multiplied(n, 60)} minutes")

    def other_unit() -> Question:
        n = number(3)
        return question(f"How many months are in {n} years?", f"{multiplied(n, 12)} months")

    return {
        "4-digit + 4-digit": many(four_digits),
        "4-digit + 3-digit": many(four_and_three),
        "differences below zero": many(below_zero),
        "an unseen phrasing of addition": many(other_phrasing),
        "three summands": many(three_numbers),
        "conversions of 4-digit numbers": many(large_conversion),
        "an unseen pair of units (years, months)": many(other_unit),
    }


def result_of(text: str) -> str:
    """What stands after the work."""
    return text.rsplit(": ", 1)[-1]


def judge(speaker: Speaker, questions: list[Question]) -> dict[str, object]:
    said = speaker.answers([question.prompt for question in questions])
    right = [answer == question.answer for answer, question in zip(said, questions, strict=True)]
    results = [
        answer is not None and result_of(answer) == result_of(question.answer)
        for answer, question in zip(said, questions, strict=True)
    ]
    low, high = interval(sum(right), len(right))
    verdict: dict[str, object] = {
        "count": len(right),
        "right": sum(right),
        "accuracy": round(sum(right) / len(right), 4),
        "interval95": [round(low, 4), round(high, 4)],
        "resultRight": round(sum(results) / len(results), 4),
    }
    pairs = zip(questions, right, strict=True)
    wrong = Counter(question.group for question, is_right in pairs if question.group != "" and not is_right)
    if wrong:
        verdict["wrongBy"] = dict(sorted(wrong.items()))
    return verdict


def main() -> None:
    chosen = sys.argv[1:] or list(FOLDERS)
    for folder, file in (FOLDERS[precision] for precision in chosen):
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        speaker = Speaker(folder / "onnx" / file, tokenizer)
        turns = random.Random("turns")
        talk = [Question(chat(("user", prompt)), answer) for prompt, answer in SMALL_TALK]
        with_system = [
            asked(draw_held_out(turns, "add"), ("system", turns.choice(SYSTEM))) for _ in range(OUTSIDE)
        ]
        report = {
            "heldOut": {task: judge(speaker, held_out(task)) for task in ("add", "subtract", "convert")},
            "afterASystemMessage": judge(speaker, with_system),
            "secondQuestion": judge(speaker, list(after_turns(turns, 1, 2 * OUTSIDE))),
            "thirdQuestion": judge(speaker, list(after_turns(turns, 2, 2 * OUTSIDE))),
            "sixthQuestion": judge(speaker, list(after_turns(turns, 5, OUTSIDE))),
            "tenthQuestion": judge(speaker, list(after_turns(turns, 9, OUTSIDE))),
            "smallTalk": judge(speaker, talk),
            "outside": {
                name: judge(speaker, questions) for name, questions in outside(random.Random("outside")).items()
            },
        }
        write_json(folder / "results.json", report)
        print(folder.name, json.dumps(report))


if __name__ == "__main__":
    main()
