"""Makes volatility-1h-int8: the same forecast in integers from input to output, so that a circuit or a contract can compute
the same ones. Trained with its rounding in place: what is judged here is, bit for bit, what the ONNX file computes.

    h1 = min(255, max(0, x  W1 + b1) div 2^8)      x  sixteen magnitudes, 0 to 255
    h2 = min(255, max(0, h1 W2 + b2) div 2^8)      W  -64 to 64; b carries the half that makes div round
    y  =          max(0, h2 W3 + b3)               in 32nds of the unit of x
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import forecast  # noqa: E402
import network  # noqa: E402
import price_series  # noqa: E402
from price_series import Floats  # noqa: E402

Integers = NDArray[np.int64]

SEEDS = (1, 2, 3, 4, 5)
TRAINING_SERIES = 3_000
HELD_OUT_SERIES = 1_000
SIZES = [forecast.INPUT_STEPS, 32, 8, 1]
SHIFT = 8
MOST_ACTIVATION = 255
# Not 127: engines multiply pairs of bytes into sixteen bits, and 2 * 255 * 64 is the most that fits without saturating.
MOST_WEIGHT = 64
# One unit of a magnitude; the unit that the figures are for, and not part of the model.
UNIT = 1e-4
OUTPUT_PARTS = 32
# Of an accumulator, for each unit of a trained bias: biases then learn about as fast as weights.
BIAS_SCALE = 1024
# In units: below it, errors of the logarithm would be about rounding only.
LOSS_OFFSET = 1.0


class Layer(NamedTuple):
    weights: Integers
    bias: Integers


def magnitudes(changes: Floats) -> Integers:
    """As a contract makes them: in whole units, half up, and whatever is larger counts as 255."""
    return np.minimum(np.floor(np.abs(changes) / UNIT + 0.5), MOST_ACTIVATION).astype(np.int64)


def rounded(parameters: network.Parameters) -> list[Layer]:
    layers: list[Layer] = []
    for at in range(0, len(parameters), 2):
        weights = np.rint(np.clip(parameters[at] * MOST_WEIGHT, -MOST_WEIGHT, MOST_WEIGHT)).astype(np.int64)
        bias = np.rint(parameters[at + 1] * BIAS_SCALE).astype(np.int64)
        half = 0 if at + 2 == len(parameters) else 1 << (SHIFT - 1)
        layers.append(Layer(weights, bias + half))
    return layers


def run(layers: list[Layer], x: Integers) -> list[Integers]:
    """What goes into each layer, and last what comes out."""
    values = [x]
    for place, (weights, bias) in enumerate(layers):
        sums = np.maximum(values[-1] @ weights + bias, 0)
        values.append(sums if place + 1 == len(layers) else np.minimum(sums >> SHIFT, MOST_ACTIVATION))
    return values


def gradient(parameters: network.Parameters, x: Floats, y: Floats) -> network.Parameters:
    """Of the mean square error of the logarithm, through the integers as if rounding were nothing (straight-through)."""
    layers = rounded(parameters)
    values = run_floats(layers, x)
    units = values[-1] / OUTPUT_PARTS
    error = np.log(units + LOSS_OFFSET) - np.log(y + LOSS_OFFSET)
    of_sums = 2 * error / (units + LOSS_OFFSET) / OUTPUT_PARTS / len(x)
    gradients: network.Parameters = []
    for place in range(len(layers) - 1, -1, -1):
        entering = values[place]
        of_weights = MOST_WEIGHT * (entering.T @ of_sums)
        gradients = [of_weights, BIAS_SCALE * of_sums.sum(axis=0)] + gradients
        if place > 0:
            inside = (entering > 0) & (entering < MOST_ACTIVATION)
            of_sums = (of_sums @ layers[place].weights.T) * inside / (1 << SHIFT)
    return gradients


def run_floats(layers: list[Layer], x: Floats) -> list[Floats]:
    """The same integers in doubles, which hold them exactly and multiply faster."""
    values = [x]
    for place, (weights, bias) in enumerate(layers):
        sums = np.maximum(values[-1] @ weights.astype(np.float64) + bias, 0)
        last = place + 1 == len(layers)
        values.append(sums if last else np.minimum(np.floor(sums / (1 << SHIFT)), MOST_ACTIVATION))
    return values


def start(rng: np.random.Generator) -> network.Parameters:
    """Mostly positive weights: every unit lives, and averages of magnitudes are near what is sought."""
    parameters: network.Parameters = []
    for inputs, outputs in zip(SIZES, SIZES[1:]):
        parameters += [rng.normal(2 / inputs, 1 / np.sqrt(inputs), (inputs, outputs)), np.zeros(outputs)]
    return parameters


def train(seed: int) -> list[Layer]:
    rng = np.random.default_rng([seed, 0])
    data = forecast.windows(price_series.stochastic_volatility, rng, TRAINING_SERIES)
    x = magnitudes(data.changes).astype(np.float64)
    y = data.target[:, None] / UNIT
    return rounded(network.fit(rng, start(rng), gradient, (x, y), epochs=30, batch=512, rate=2e-3))


PROCESSES: dict[str, price_series.Process] = {
    "stochastic volatility (held-out series of the training process)": price_series.stochastic_volatility,
    "regime switching (never trained on)": price_series.regime_switching,
    "rough volatility (never trained on)": price_series.rough_volatility,
}


def volatility(layers: list[Layer], changes: Floats) -> Floats:
    """Of an answer of zero, the least that is above it."""
    return np.maximum(run(layers, magnitudes(changes))[-1][:, 0], 1) / OUTPUT_PARTS * UNIT


def held_out(seed: int, place: int, process: price_series.Process) -> forecast.Windows:
    """The same series that the float model is judged on."""
    return forecast.windows(process, np.random.default_rng([seed, 1 + place]), HELD_OUT_SERIES)


def errors(trained: list[list[Layer]]) -> dict[str, str]:
    result: dict[str, str] = {}
    for place, (name, process) in enumerate(PROCESSES.items()):
        runs = []
        for seed, layers in zip(SEEDS, trained):
            data = held_out(seed, place, process)
            runs.append(forecast.log_error(volatility(layers, data.changes), data.target))
        mean, half = forecast.mean_and_half_width(runs)
        result[name] = f"{mean:.4f} ± {half:.4f}"
    return result


def against_sibling(layers: list[Layer]) -> dict[str, dict[str, str]]:
    """How far the released twin is from the released float model, by how much the sixteen changes moved."""
    session = onnxruntime.InferenceSession(str(HERE.parent / "volatility-1h" / "model.onnx"))
    data = held_out(SEEDS[0], 0, price_series.stochastic_volatility)
    (answer,) = session.run(None, {"changes": data.changes.astype(np.float32)})
    floats = np.maximum(answer[:, 0].astype(np.float64), 1e-9)
    twin = volatility(layers, data.changes)
    off = np.abs(np.log(twin / floats))
    moved = np.sqrt((data.changes**2).mean(axis=1)) / UNIT
    bounds = [0.0, 1.0, 3.0, 10.0, 30.0, 100.0, np.inf]
    result: dict[str, dict[str, str]] = {}
    for low, high in zip(bounds, bounds[1:]):
        rows = (moved >= low) & (moved < high)
        result[f"{low:g} to {high:g} units"] = {
            "rows": str(int(rows.sum())),
            "median": f"{100 * np.median(off[rows]):.1f} %",
            "95th percentile": f"{100 * np.percentile(off[rows], 95):.1f} %",
            "log error of the twin": f"{forecast.log_error(twin[rows], data.target[rows]):.4f}",
            "log error of volatility-1h": f"{forecast.log_error(floats[rows], data.target[rows]):.4f}",
        }
    return result


def bounds_of(layers: list[Layer]) -> dict[str, str]:
    """The least and the most that any accumulator can be, whatever the input."""
    out: dict[str, str] = {}
    for place, (weights, bias) in enumerate(layers):
        most = np.maximum(weights, 0).sum(axis=0) * MOST_ACTIVATION + np.maximum(bias, 0)
        least = np.minimum(weights, 0).sum(axis=0) * MOST_ACTIVATION + np.minimum(bias, 0)
        out[f"layer {place + 1}"] = f"{int(least.min())} to {int(most.max())}"
    return out


def graph(layers: list[Layer]) -> onnx.ModelProto:
    node = helper.make_node
    nodes: list[onnx.NodeProto] = []
    constants = [
        numpy_helper.from_array(np.array(1 << SHIFT, dtype=np.int32), "divisor"),
        numpy_helper.from_array(np.array(MOST_ACTIVATION, dtype=np.int32), "most"),
    ]
    for i, (weights, bias) in enumerate(layers):
        entering = "magnitudes" if i == 0 else f"h{i}"
        last = i + 1 == len(layers)
        constants.append(numpy_helper.from_array(weights.astype(np.int8), f"w{i + 1}"))
        constants.append(numpy_helper.from_array(bias.astype(np.int32), f"b{i + 1}"))
        nodes.append(node("MatMulInteger", [entering, f"w{i + 1}"], [f"p{i + 1}"]))
        nodes.append(node("Add", [f"p{i + 1}", f"b{i + 1}"], [f"s{i + 1}"]))
        nodes.append(node("Relu", [f"s{i + 1}"], ["volatility" if last else f"r{i + 1}"]))
        if not last:
            nodes.append(node("Div", [f"r{i + 1}", "divisor"], [f"d{i + 1}"]))
            nodes.append(node("Min", [f"d{i + 1}", "most"], [f"m{i + 1}"]))
            nodes.append(node("Cast", [f"m{i + 1}"], [f"h{i + 1}"], to=TensorProto.UINT8))
    body = helper.make_graph(
        nodes,
        "volatility-1h-int8",
        [helper.make_tensor_value_info("magnitudes", TensorProto.UINT8, ["batch", forecast.INPUT_STEPS])],
        [helper.make_tensor_value_info("volatility", TensorProto.INT32, ["batch", 1])],
        constants,
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], producer_name="proofmark", ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def write_requests() -> None:
    """Four held-out histories and the corners: nothing moved, one jump, nothing but jumps."""
    data = held_out(SEEDS[0], 0, price_series.stochastic_volatility)
    rows = np.zeros((7, forecast.INPUT_STEPS), dtype=np.int64)
    rows[:4] = magnitudes(data.changes[:: len(data.changes) // 4][:4])
    rows[5, -1] = MOST_ACTIVATION
    rows[6] = MOST_ACTIVATION
    for name, chosen in {"one": rows[:1], "seven": rows}.items():
        values = [int(v) for v in chosen.reshape(-1)]
        entry = {"name": "magnitudes", "shape": list(chosen.shape), "datatype": "UINT8", "data": values}
        (HERE / "samples" / f"{name}.request.json").write_text(json.dumps({"inputs": [entry]}) + "\n")


def main() -> None:
    trained = [train(seed) for seed in SEEDS]
    released = trained[0]
    results = {
        "log error": errors(trained),
        "against volatility-1h": against_sibling(released),
        "accumulators": bounds_of(released),
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    (HERE / "model.onnx").write_bytes(graph(released).SerializeToString(deterministic=True))
    write_requests()


if __name__ == "__main__":
    main()
