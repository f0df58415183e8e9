"""The decoder: the shape that Hugging Face calls llama (RMSNorm, rotary positions, grouped queries, SwiGLU, tied head)."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    vocabulary: int
    layers: int = 5
    width: int = 128
    heads: int = 4
    key_heads: int = 2
    feed_forward: int = 384
    context: int = 512
    rope_base: float = 10_000.0
    epsilon: float = 1e-5

    @property
    def head_size(self) -> int:
        return self.width // self.heads


def rotary_tables(shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosine and sine of every angle, a row for each position."""
    size = shape.head_size
    frequencies = shape.rope_base ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = torch.outer(torch.arange(shape.context, dtype=torch.float64), frequencies)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


class Norm(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.width))
        self.epsilon = shape.epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.epsilon)


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        kept = 2 * shape.key_heads * shape.head_size
        self.attention_norm = Norm(shape)
        self.qkv = nn.Linear(shape.width, shape.width + kept, bias=False)
        self.out = nn.Linear(shape.width, shape.width, bias=False)
        self.feed_norm = Norm(shape)
        self.gate_up = nn.Linear(shape.width, 2 * shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def attend(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        """x [batch, tokens, width]; mask is added to the scores."""
        shape = self.shape
        batch, tokens, _ = x.shape
        joined = self.qkv(self.attention_norm(x)).view(batch, tokens, -1, shape.head_size).transpose(1, 2)
        q, k, v = joined.split((shape.heads, shape.key_heads, shape.key_heads), 1)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        shared = shape.heads // shape.key_heads
        k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return x + self.out(attended.transpose(1, 2).reshape(batch, tokens, shape.width))

    def feed(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(self.feed_norm(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Decoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape)
        cos, sin = rotary_tables(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        nn.init.normal_(self.embed.weight, std=0.02)
        for name, parameter in self.layers.named_parameters():
            if parameter.dim() == 2:
                # What a layer adds starts small, so that five of them do not drown the embedding.
                scale = 0.3 if name.endswith(("out.weight", "down.weight")) else 1.0
                nn.init.normal_(parameter, std=scale / math.sqrt(parameter.shape[1]))

    def forward(self, ids: Tensor, mask: Tensor, at: Tensor) -> Tensor:
        """Logits of the tokens that `at` chooses. After the last attention the others are of no use to anyone."""
        tokens = ids.shape[1]
        cos, sin = self.cos[:tokens], self.sin[:tokens]
        *layers, last = self.layers
        x = self.embed(ids)
        for layer in layers:
            x = layer.feed(layer.attend(x, cos, sin, mask))
        x = last.feed(last.attend(x, cos, sin, mask)[at])
        return F.linear(self.norm(x), self.embed.weight)


def matrices(model: Decoder) -> list[nn.Parameter]:
    """What the layers multiply by: all that is trained by Muon and stored in eight bits by the int8 variant."""
    return [parameter for parameter in model.layers.parameters() if parameter.dim() == 2]
