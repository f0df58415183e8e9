"""Trains the decoder on the processor and writes `checkpoint.pt` beside `--out`.

    python train.py --minutes 40 --out /tmp/tiny-chat            # as many steps as fit, measured on the first sixty
    python train.py --steps 5000 --out /tmp/tiny-chat            # a count of steps: the same weights on the same machine
    python train.py --minutes 15 --out /tmp/more --from /tmp/tiny-chat/checkpoint.pt --rate 0.012 --flat 0 --seed 2

The count of steps is fixed once it is known, so that the learning rate reaches 0 at the last step whatever the machine
does meanwhile. Every random choice comes from `--seed`.
"""

import argparse
import json
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from model import Decoder, Shape, matrices
from tasks import SHARES, TASKS, Conversation, Mixture, draw_conversation, draw_held_out

HERE = Path(__file__).parent
PAD = 0
ROW_OF_QUESTION = 56
"""No question with its answer has more tokens. A row holds conversations one after the other, and none sees another."""
TOKENS = 2240
WAITING = 12
"""Conversations among which the one is looked for that fills the rest of a row."""
MEASURED_STEPS = 60
WARM_UP = 60
MOMENTUM = 0.95
DECAY = 0.02
REST_OF_RATE = 0.15
"""Embedding and norms learn by AdamW at this part of the rate of the matrices."""
NOTHING = -100
FAR_BELOW = -1e9


@dataclass(frozen=True)
class Batch:
    ids: Tensor
    targets: Tensor
    mask: Tensor


class Packer:
    """Fills rows with conversations; only the tokens of answers, with the end of the turn, have a target."""

    def __init__(self, tokenizer: Tokenizer, source: random.Random, mixture: Mixture) -> None:
        self.row = ROW_OF_QUESTION * mixture.most
        self.rows = TOKENS // self.row
        self.mixture = mixture
        self.tokenizer = tokenizer
        self.source = source
        self.control = {name: tokenizer.token_to_id(f"<|{name}|>") for name in ("system", "user", "assistant", "end")}
        self.waiting: list[tuple[list[int], list[int]]] = []
        self.conversations = 0

    def batch(self) -> Batch:
        ids = torch.full((self.rows, self.row), PAD)
        targets = torch.full((self.rows, self.row), NOTHING)
        owners = torch.full((self.rows, self.row), -1)
        for row in range(self.rows):
            used = 0
            for owner in range(self.row):
                fitting = self.next_of_at_most(self.row - used)
                if fitting is None:
                    break
                tokens, wanted = fitting
                end = used + len(tokens)
                ids[row, used:end] = torch.tensor(tokens)
                targets[row, used:end] = torch.tensor(wanted)
                owners[row, used:end] = owner
                used = end
        same = owners[:, None, :, None] == owners[:, None, None, :]
        mask = torch.where(same & causal(self.row), 0.0, FAR_BELOW)
        return Batch(ids, targets, mask)

    def next_of_at_most(self, length: int) -> tuple[list[int], list[int]] | None:
        """The first of those that wait that fits. All come to stand in some row: a new row takes any."""
        while len(self.waiting) < WAITING:
            self.waiting.append(self.conversation())
        for index, (tokens, _) in enumerate(self.waiting):
            if len(tokens) <= length:
                return self.waiting.pop(index)
        return None

    def conversation(self) -> tuple[list[int], list[int]]:
        """Tokens, and for each the token that should follow where that is the model's to say."""
        while True:
            tokens, spoken = self.encode(draw_conversation(self.source, self.mixture))
            if len(tokens) <= self.row:
                break
        self.conversations += 1
        following = zip(tokens[1:], spoken[1:], strict=True)
        return tokens, [token if is_spoken else NOTHING for token, is_spoken in following] + [NOTHING]

    def encode(self, conversation: Conversation) -> tuple[list[int], list[bool]]:
        tokens: list[int] = []
        spoken: list[bool] = []

        def say(role: str, text: str, is_spoken: bool) -> None:
            body = [*self.tokenizer.encode(text).ids, self.control["end"]]
            tokens.extend([self.control[role], *body])
            spoken.extend([False, *(is_spoken for _ in body)])

        if conversation.system is not None:
            say("system", conversation.system, False)
        for turn in conversation.turns:
            say("user", turn.prompt, False)
            say("assistant", turn.answer, True)
        return tokens, spoken


def causal(tokens: int) -> Tensor:
    return torch.ones(tokens, tokens, dtype=torch.bool).tril()


class Muon:
    """Momentum whose step is made orthogonal (Jordan et al. 2024), for all matrices of one form at a time."""

    COEFFICIENTS = (3.4445, -4.7750, 2.0315)
    ROUNDS = 5

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        by_form: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
        for parameter in parameters:
            by_form[parameter.shape].append(parameter)
        self.groups = list(by_form.values())
        self.momenta = [torch.zeros(len(group), *group[0].shape) for group in self.groups]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for group, momentum in zip(self.groups, self.momenta, strict=True):
            gradient = torch.stack([parameter.grad for parameter in group])
            momentum.mul_(MOMENTUM).add_(gradient)
            update = self.orthogonal(gradient.add_(momentum, alpha=MOMENTUM))
            rows, columns = group[0].shape
            scale = max(1.0, rows / columns) ** 0.5
            for parameter, direction in zip(group, update, strict=True):
                parameter.mul_(1 - rate * DECAY).add_(direction, alpha=-rate * scale)

    def orthogonal(self, x: Tensor) -> Tensor:
        a, b, c = self.COEFFICIENTS
        is_tall = x.shape[1] > x.shape[2]
        x = x.transpose(1, 2) if is_tall else x
        x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
        for _ in range(self.ROUNDS):
            square = x @ x.transpose(1, 2)
            x = a * x + (b * square + c * square @ square) @ x
        return x.transpose(1, 2) if is_tall else x


@torch.no_grad()
def accuracy(model: Decoder, packer: Packer, task: str, count: int) -> float:
    """The share of held-out prompts whose answer, with its end, is what the model finds likeliest token for token.

    With the right answer given this is what greedy decoding gives too: the first wrong token ends both.
    """
    source = random.Random(f"progress {task}")
    control = packer.control
    right = 0
    for _ in range(0, count, 100):
        examples = [draw_held_out(source, task) for _ in range(100)]
        encoded = []
        for example in examples:
            prompt = [control["user"], *packer.tokenizer.encode(example.prompt).ids, control["end"], control["assistant"]]
            answer = [*packer.tokenizer.encode(example.answer).ids, control["end"]]
            encoded.append((prompt, answer))
        longest = max(len(prompt) + len(answer) for prompt, answer in encoded)
        ids = torch.full((len(encoded), longest), PAD)
        for row, (prompt, answer) in enumerate(encoded):
            ids[row, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
        mask = torch.where(causal(longest), 0.0, FAR_BELOW)
        likeliest = model(ids, mask, ids >= 0).argmax(-1).view(ids.shape)
        for row, (prompt, answer) in enumerate(encoded):
            said = likeliest[row, len(prompt) - 1 : len(prompt) - 1 + len(answer)].tolist()
            right += said == answer
    return right / count


def rate_at(step: int, steps: int, peak: float, flat: float) -> float:
    """Rises over the first steps, stays, and falls in a line to 0."""
    warm = min(1.0, (step + 1) / WARM_UP)
    begin = int(flat * steps)
    falling = 1.0 if step < begin else (steps - step) / (steps - begin)
    return peak * warm * falling


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float)
    length.add_argument("--steps", type=int)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--from", type=Path, dest="start")
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--flat", type=float, default=0.5)
    parser.add_argument("--longer", type=float, default=0.12, help="share of conversations with several questions")
    parser.add_argument("--most", type=int, default=2, help="questions in one conversation")
    parser.add_argument("--shares", type=int, nargs=len(TASKS), default=SHARES, metavar=TASKS, help="of a hundred")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    mixture = Mixture(given.longer, given.most, tuple(given.shares))
    packer = Packer(tokenizer, random.Random(given.seed), mixture)
    model = Decoder(Shape(tokenizer.get_vocab_size()))
    if given.start is not None:
        model.load_state_dict(torch.load(given.start))
    by_muon = matrices(model)
    muon = Muon(by_muon)
    chosen = {id(parameter) for parameter in by_muon}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
    adam = torch.optim.AdamW(rest, lr=given.rate, betas=(0.9, 0.98), weight_decay=0.0)
    print(f"{sum(parameter.numel() for parameter in model.parameters())} parameters", flush=True)

    steps = given.steps
    losses: list[float] = []
    began = time.monotonic()
    step = 0
    while steps is None or step < steps:
        # Until the count is known, the rate is what it is at the beginning of any run.
        rate = rate_at(step, steps or 1_000_000, given.rate, given.flat)
        batch = packer.batch()
        at = batch.targets != NOTHING
        loss = F.cross_entropy(model(batch.ids, batch.mask, at), batch.targets[at])
        loss.backward()
        for group in adam.param_groups:
            group["lr"] = rate * REST_OF_RATE
        adam.step()
        muon.step(rate)
        model.zero_grad()
        losses.append(loss.item())
        step += 1
        if steps is None and step == MEASURED_STEPS:
            a_step = (time.monotonic() - began) / MEASURED_STEPS
            steps = int(given.minutes * 60 / a_step)
            print(f"{a_step:.3f} s a step: {steps} steps", flush=True)
        if step % 250 == 0 or step == steps:
            report = {
                "step": step,
                "of": steps,
                "seconds": round(time.monotonic() - began),
                "conversations": packer.conversations,
                "rate": round(rate, 5),
                "loss": round(sum(losses[-100:]) / len(losses[-100:]), 5),
                **{task: accuracy(model, packer, task, 300) for task in ("add", "subtract", "convert")},
            }
            print(json.dumps(report), flush=True)
            torch.save(model.state_dict(), given.out / "checkpoint.pt")


if __name__ == "__main__":
    main()
