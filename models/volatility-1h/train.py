"""Makes volatility-1h: trains five seeds, judges them, and writes the first one as model.onnx, with its results.

The network sees shapes, not sizes: changes divided by their root mean square, and the logarithm of that as one more
input. What it answers is a factor on the plain estimate, so that the forecast scales with what it is given.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import forecast  # noqa: E402
import network  # noqa: E402
import price_series  # noqa: E402
from price_series import Floats  # noqa: E402

SEEDS = (1, 2, 3, 4, 5)
TRAINING_SERIES = 3_000
HELD_OUT_SERIES = 1_000
SIZES = [2 * forecast.INPUT_STEPS + 1, 32, 16, 1]
# Of the root mean square, so that a flat history is no division by zero; far below any change that a pool sees.
LEAST_SQUARE = 1e-14
# The middle of the training range, and about its spread, in logarithms of a five-minute volatility.
CENTRE, SPREAD = -6.7, 0.9
MOST_FACTOR = 4.0
HOUR = float(np.sqrt(forecast.HOUR_STEPS))


def scale_of(changes: Floats) -> Floats:
    return np.sqrt((changes**2).mean(axis=1, keepdims=True) + LEAST_SQUARE)


def features(changes: Floats) -> Floats:
    scale = scale_of(changes)
    shape = changes / scale
    return np.concatenate([shape, np.abs(shape), (np.log(scale) - CENTRE) / SPREAD], axis=1)


def predict(parameters: network.Parameters, changes: Floats) -> Floats:
    factor = network.forward(parameters, features(changes))[-1]
    volatility = HOUR * scale_of(changes) * np.exp(np.clip(factor, -MOST_FACTOR, MOST_FACTOR))
    return np.clip(volatility[:, 0], 0.0, 1.0)


def gradient(parameters: network.Parameters, x: Floats, y: Floats) -> network.Parameters:
    """Of the mean square error of the logarithm."""
    values = network.forward(parameters, x)
    return network.backward(parameters, values, 2 * (values[-1] - y) / len(x))


def train(seed: int) -> tuple[network.Parameters, forecast.Baselines]:
    rng = np.random.default_rng([seed, 0])
    data = forecast.windows(price_series.stochastic_volatility, rng, TRAINING_SERIES)
    log_factor = np.log(data.target)[:, None] - np.log(HOUR * scale_of(data.changes))
    start = network.dense_parameters(rng, SIZES)
    start[-2] *= 0.1
    inputs = features(data.changes)
    fitted = network.fit(rng, start, gradient, (inputs, log_factor), epochs=12, batch=512, rate=2e-3)
    return fitted, forecast.tune(data)


PROCESSES: dict[str, price_series.Process] = {
    "stochastic volatility (held-out series of the training process)": price_series.stochastic_volatility,
    "regime switching (never trained on)": price_series.regime_switching,
    "rough volatility (never trained on)": price_series.rough_volatility,
}


def judge(seed: int, parameters: network.Parameters, baselines: forecast.Baselines) -> dict[str, dict[str, list[float]]]:
    """Log error and QLIKE of everybody, by process."""
    result: dict[str, dict[str, list[float]]] = {}
    for place, (name, process) in enumerate(PROCESSES.items()):
        data = forecast.windows(process, np.random.default_rng([seed, 1 + place]), HELD_OUT_SERIES)
        all_of_them = {"volatility-1h": predict(parameters, data.changes), **forecast.forecasts(baselines, data)}
        result[name] = {
            who: [forecast.log_error(f, data.target), forecast.qlike(f, data.target)] for who, f in all_of_them.items()
        }
    return result


def summary(judged: list[dict[str, dict[str, list[float]]]]) -> dict[str, object]:
    """Means over the seeds with half of their 95 % interval, and how far below each baseline the model's error is."""
    out: dict[str, object] = {}
    for name in PROCESSES:
        rows: dict[str, object] = {}
        for who in judged[0][name]:
            errors = [run[name][who] for run in judged]
            own = [run[name]["volatility-1h"] for run in judged]
            entry = {
                "log error": forecast.mean_and_half_width([e[0] for e in errors]),
                "QLIKE": forecast.mean_and_half_width([e[1] for e in errors]),
            }
            if who != "volatility-1h":
                less = [100 * (1 - o[0] / e[0]) for o, e in zip(own, errors)]
                entry["model's log error is lower by %"] = forecast.mean_and_half_width(less)
            rows[who] = {key: f"{mean:.4f} ± {half:.4f}" for key, (mean, half) in entry.items()}
        out[name] = rows
    return out


def constant(name: str, value: Floats) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value, dtype=np.float32), name)


def graph(parameters: network.Parameters) -> onnx.ModelProto:
    node = helper.make_node
    nodes = [
        node("Clip", ["changes", "minus_one", "one"], ["x"]),
        node("Mul", ["x", "x"], ["squares"]),
        node("ReduceMean", ["squares"], ["mean"], axes=[1], keepdims=1),
        node("Add", ["mean", "least_square"], ["mean_above_zero"]),
        node("Sqrt", ["mean_above_zero"], ["scale"]),
        node("Div", ["x", "scale"], ["shape"]),
        node("Abs", ["shape"], ["sizes"]),
        node("Log", ["scale"], ["log_scale"]),
        node("Sub", ["log_scale", "centre"], ["centred"]),
        node("Div", ["centred", "spread"], ["level"]),
        node("Concat", ["shape", "sizes", "level"], ["h0"], axis=1),
    ]
    layers = len(parameters) // 2
    for i in range(layers):
        out = "log_factor" if i + 1 == layers else f"a{i + 1}"
        nodes.append(node("Gemm", [f"h{i}", f"w{i}", f"b{i}"], [out]))
        if i + 1 < layers:
            nodes.append(node("Relu", [out], [f"h{i + 1}"]))
    nodes += [
        node("Clip", ["log_factor", "least_factor", "most_factor"], ["bounded"]),
        node("Exp", ["bounded"], ["factor"]),
        node("Mul", ["scale", "hour"], ["plain"]),
        node("Mul", ["plain", "factor"], ["unbounded"]),
        node("Clip", ["unbounded", "zero", "one"], ["volatility"]),
    ]
    scalars = {
        "minus_one": -1.0,
        "one": 1.0,
        "zero": 0.0,
        "least_square": LEAST_SQUARE,
        "centre": CENTRE,
        "spread": SPREAD,
        "least_factor": -MOST_FACTOR,
        "most_factor": MOST_FACTOR,
        "hour": HOUR,
    }
    weights = [constant(f"{'wb'[i % 2]}{i // 2}", p) for i, p in enumerate(parameters)]
    body = helper.make_graph(
        nodes,
        "volatility-1h",
        [helper.make_tensor_value_info("changes", TensorProto.FLOAT, ["batch", forecast.INPUT_STEPS])],
        [helper.make_tensor_value_info("volatility", TensorProto.FLOAT, ["batch", 1])],
        [constant(name, np.float32(value)) for name, value in scalars.items()] + weights,
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], producer_name="proofmark", ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def write_requests() -> None:
    """Four histories of the held-out process, and the corners: nothing moved, one jump, everything doubled."""
    data = forecast.windows(price_series.stochastic_volatility, np.random.default_rng([SEEDS[0], 9]), 4)
    rows = np.zeros((7, forecast.INPUT_STEPS), dtype=np.float32)
    rows[:4] = data.changes[:: len(data.changes) // 4][:4]
    rows[5, -1] = -0.05
    rows[6] = 1.0
    for name, chosen in {"one": rows[:1], "seven": rows}.items():
        values = [float(v) for v in chosen.reshape(-1)]
        entry = {"name": "changes", "shape": list(chosen.shape), "datatype": "FP32", "data": values}
        path = HERE / "samples" / f"{name}.request.json"
        path.write_text(json.dumps({"inputs": [entry]}) + "\n")


def main() -> None:
    trained = [train(seed) for seed in SEEDS]
    judged = [judge(seed, *pair) for seed, pair in zip(SEEDS, trained)]
    results = {
        "decay of 16": ", ".join(str(baselines.decay) for _, baselines in trained),
        "decay of all the past": ", ".join(str(baselines.past_decay) for _, baselines in trained),
        "results": summary(judged),
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    (HERE / "model.onnx").write_bytes(graph(trained[0][0]).SerializeToString(deterministic=True))
    write_requests()


if __name__ == "__main__":
    main()
