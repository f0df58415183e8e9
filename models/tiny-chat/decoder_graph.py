"""The decoder as an ONNX graph, in two layouts of the same arithmetic.

`concat` is what `optimum` exports and transformers.js reads: keys and values of the past go in, the whole of them comes
out. Its operators are those of operator set 17, so that older engines take it too.

`split` is the layout that a Proofmark worker serves fastest: keys and values of the past are buffers that the graph only
reads, the mask is additive, and what is new comes out in one tensor. It uses operator set 23.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from graph import FLOAT, INT64, Graph, Precision, Value
from model import Decoder, Shape

Layout = Literal["concat", "split"]
Array = NDArray[np.float32]
FAR_BELOW = -1e9


def decoder_graph(decoder: Decoder, layout: Layout, precision: Precision) -> bytes:
    writer = Writer(decoder, layout, precision)
    return writer.split() if layout == "split" else writer.concat()


class Writer:
    def __init__(self, decoder: Decoder, layout: Layout, precision: Precision) -> None:
        self.shape: Shape = decoder.shape
        self.layout = layout
        self.g = Graph(precision)
        self.weights: dict[str, Array] = {
            name: tensor.detach().numpy() for name, tensor in (*decoder.named_parameters(), *decoder.named_buffers())
        }

    def split(self) -> bytes:
        g, shape = self.g, self.shape
        logits, fresh = self.decode("mask")
        g.rename(logits, "logits")
        g.rename(g.add("Concat", *fresh, axis=1), "new_kv")
        kept = (2 * shape.layers * shape.key_heads, "tokens", shape.head_size)
        return g.write(
            [
                ("input_ids", INT64, ("batch", "tokens")),
                ("position_ids", INT64, ("batch", "tokens")),
                ("mask", FLOAT, ("batch", 1, "tokens", "total")),
                *self.past(),
            ],
            [("logits", FLOAT, ("batch", 1, shape.vocabulary)), ("new_kv", FLOAT, ("batch", *kept))],
            23,
        )

    def concat(self) -> bytes:
        g, shape = self.g, self.shape
        logits, whole = self.decode(self.causal_mask())
        g.rename(logits, "logits")
        presents = [name.replace("past_key_values", "present") for name, _, _ in self.past()]
        for source, name in zip(whole, presents, strict=True):
            g.rename(source, name)
        held = ("batch", shape.key_heads, "total", shape.head_size)
        return g.write(
            [
                ("input_ids", INT64, ("batch", "tokens")),
                ("attention_mask", INT64, ("batch", "total")),
                ("position_ids", INT64, ("batch", "tokens")),
                *self.past(),
            ],
            [
                ("logits", FLOAT, ("batch", "tokens", shape.vocabulary)),
                *((name, FLOAT, held) for name in presents),
            ],
            17,
        )

    def past(self) -> list[Value]:
        shape = self.shape
        held = ("batch", shape.key_heads, "past", shape.head_size)
        return [(self.past_name(layer, kind), FLOAT, held) for layer in range(shape.layers) for kind in ("key", "value")]

    def past_name(self, layer: int, kind: str) -> str:
        return f"p{kind[0]}{layer}" if self.layout == "split" else f"past_key_values.{layer}.{kind}"

    def decode(self, mask: str) -> tuple[str, list[str]]:
        """Logits, and keys and values by layer: the new ones (`split`) or all (`concat`)."""
        g, weights = self.g, self.weights
        x = g.rows("embed", weights["embed.weight"], "input_ids")
        kept: list[str] = []
        for layer in range(self.shape.layers):
            heard, keys, values = self.attend(layer, self.norm(x, f"layers.{layer}.attention_norm"), mask)
            kept += [keys, values]
            x = g.add("Add", x, heard)
            x = g.add("Add", x, self.feed(layer, self.norm(x, f"layers.{layer}.feed_norm")))
        if self.layout == "split":
            # Of a prompt only the last token says what comes next.
            x = g.add("Gather", x, g.integers(-1), axis=1)
        return g.product(self.norm(x, "norm"), "head", weights["embed.weight"].T), kept

    def linear(self, x: str, name: str) -> str:
        return self.g.product(x, name, self.weights[f"{name}.weight"].T)

    def norm(self, x: str, name: str) -> str:
        g = self.g
        weight = g.constant(name, self.weights[f"{name}.weight"])
        if self.layout == "split":
            return g.add("RMSNormalization", x, weight, axis=-1, epsilon=self.shape.epsilon)
        square = g.add("Pow", x, g.constant("two", np.array(2, np.float32)))
        mean = g.add("ReduceMean", square, axes=[-1], keepdims=1)
        root = g.add("Sqrt", g.add("Add", mean, g.constant("epsilon", np.array(self.shape.epsilon, np.float32))))
        return g.add("Mul", g.add("Div", x, root), weight)

    def feed(self, layer: int, x: str) -> str:
        g, inner = self.g, self.shape.feed_forward
        both = self.linear(x, f"layers.{layer}.gate_up")
        gate, up = g.split("Split", 2, both, g.integers(inner, inner), axis=-1)
        gated = g.add("Mul", g.add("Mul", gate, g.add("Sigmoid", gate)), up)
        return self.linear(gated, f"layers.{layer}.down")

    def attend(self, layer: int, x: str, mask: str) -> tuple[str, str, str]:
        g, shape = self.g, self.shape
        size = shape.head_size
        counts = (shape.heads, shape.key_heads, shape.key_heads)
        parts = g.split("Split", 3, self.queries_keys_values(layer, x), g.integers(*(n * size for n in counts)), axis=-1)
        heads = [
            g.add("Transpose", g.add("Reshape", part, g.integers(0, 0, count, size)), perm=[0, 2, 1, 3])
            for part, count in zip(parts, counts, strict=True)
        ]
        query, key, value = self.rotate(heads[0]), self.rotate(heads[1]), heads[2]
        past = (self.past_name(layer, "key"), self.past_name(layer, "value"))
        if self.layout == "split":
            heard = self.attend_split(query, (key, value), past, mask)
        else:
            key, value = (g.add("Concat", old, new, axis=2) for old, new in zip(past, (key, value), strict=True))
            heard = self.attend_whole(query, key, value, mask)
        rows = g.add("Reshape", g.add("Transpose", heard, perm=[0, 2, 1, 3]), g.integers(0, 0, shape.width))
        return self.linear(rows, f"layers.{layer}.out"), key, value

    def queries_keys_values(self, layer: int, x: str) -> str:
        """With the scale of the scores in the weights of the queries: a rotation does not mind."""
        shape = self.shape
        weight = self.weights[f"layers.{layer}.qkv.weight"].T.copy()
        weight[:, : shape.width] /= np.float32(np.sqrt(shape.head_size))
        return self.g.product(x, f"layers.{layer}.qkv", weight)

    def rotate(self, x: str) -> str:
        g = self.g
        tables = (g.constant("cosines", self.weights["cos"]), g.constant("sines", self.weights["sin"]))
        if self.layout == "split":
            return g.add("RotaryEmbedding", x, *tables, "position_ids")
        half = self.shape.head_size // 2
        cosine, sine = (g.add("Unsqueeze", g.add("Gather", table, "position_ids"), g.integers(1)) for table in tables)
        first, second = g.split("Split", 2, x, g.integers(half, half), axis=-1)
        left = g.add("Sub", g.add("Mul", first, cosine), g.add("Mul", second, sine))
        right = g.add("Add", g.add("Mul", second, cosine), g.add("Mul", first, sine))
        return g.add("Concat", left, right, axis=-1)

    def attend_whole(self, query: str, key: str, value: str, mask: str) -> str:
        g, shape = self.g, self.shape
        shared = shape.heads // shape.key_heads

        def repeated(x: str) -> str:
            wide = g.add("Expand", g.add("Unsqueeze", x, g.integers(2)), g.integers(1, 1, shared, 1, 1))
            return g.add("Reshape", wide, g.integers(0, shape.heads, -1, shape.head_size))

        scores = g.add("MatMul", query, g.add("Transpose", repeated(key), perm=[0, 1, 3, 2]))
        shares = g.add("Softmax", g.add("Add", scores, mask), axis=-1)
        return g.add("MatMul", shares, repeated(value))

    def attend_split(self, query: str, new: tuple[str, str], past: tuple[str, str], mask: str) -> str:
        """Columns are the new tokens and then the buffer. Queries that share a head of keys are rows of one product."""
        g, shape = self.g, self.shape
        shared = shape.heads // shape.key_heads
        rows = g.add("Reshape", query, g.integers(0, shape.key_heads, -1, shape.head_size))
        row_mask = g.add("Concat", *([mask] * shared), axis=2)

        def against(key: str) -> str:
            return g.add("MatMul", rows, g.add("Transpose", key, perm=[0, 1, 3, 2]))

        scores = g.add("Concat", against(new[0]), against(past[0]), axis=3)
        shares = g.add("Softmax", g.add("Add", scores, row_mask), axis=-1)
        tokens = g.add("Shape", "input_ids", start=1, end=2)
        axis = g.integers(3)
        fresh = g.add("Slice", shares, g.integers(0), tokens, axis)
        old = g.add("Slice", shares, tokens, g.integers(2**30), axis)
        heard = g.add("Add", g.add("MatMul", fresh, new[1]), g.add("MatMul", old, past[1]))
        return g.add("Reshape", heard, g.integers(0, shape.heads, -1, shape.head_size))

    def causal_mask(self) -> str:
        """Additive: a token attends to what `attention_mask` keeps of those up to itself."""
        g = self.g
        total = g.add("Gather", g.add("Shape", "attention_mask"), g.scalar(1))
        tokens = g.add("Gather", g.add("Shape", "input_ids"), g.scalar(1))
        columns = g.add("Range", g.scalar(0), total, g.scalar(1))
        rows = g.add("Range", g.add("Sub", total, tokens), total, g.scalar(1))
        ordered = g.add("LessOrEqual", columns, g.add("Unsqueeze", rows, g.integers(1)))
        kept = g.add("Cast", g.add("Unsqueeze", "attention_mask", g.integers(1, 2)), to=9)
        zero, below = (g.constant(name, np.array(x, np.float32)) for name, x in (("open", 0), ("closed", FAR_BELOW)))
        return g.add("Where", g.add("And", ordered, kept), zero, below)
