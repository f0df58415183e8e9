"""Makes liquidation-24h: how likely a price falls, within a day, to where a position backed by it is liquidated.

Boosted trees over six ratios. Ratios are made inside the graph, so that whoever asks hands in what it has; each of the three
that hold the distance may only lower the answer as it grows, so that more collateral never reads as more risk.
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from scipy.special import ndtr

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import forecast  # noqa: E402
import price_series  # noqa: E402
from price_series import Floats  # noqa: E402

Singles = NDArray[np.float32]

SEEDS = (1, 2, 3, 4, 5)
TRAINING_SERIES = 32_000
# Made in parts: eight days of all of them at once would be 600 MB.
PART_SERIES = 4_000
HELD_OUT_SERIES = 4_000
POSITIONS_A_SERIES = 8
DAY_STEPS = price_series.STEPS_A_DAY
WEEK_STEPS = 7 * DAY_STEPS
HOUR_STEPS = 12
# Logarithms of health factors: from 1 % to 100 % above the liquidation.
LEAST_DISTANCE, MOST_DISTANCE = np.log(1.01), np.log(2.0)
LEAST_VOLATILITY = 1e-6
INPUTS = ("health", "volatility 1h", "volatility 24h", "volatility 7d", "largest change 24h", "change 24h")
FEATURES = ("distance by 1h", "distance by 24h", "distance by 7d", "largest change", "trend", "log volatility")
NO_HIGHER = [-1, -1, -1, 0, 0, 0]

PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 8,
    "min_data_in_leaf": 1_000,
    "lambda_l2": 1.0,
    "monotone_constraints": NO_HIGHER,
    "use_missing": False,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
TREES = 160


class Positions(NamedTuple):
    inputs: Singles
    liquidated: Floats


def positions(process: price_series.Process, rng: np.random.Generator, series: int) -> Positions:
    """A week of history and the day after it; several positions stand on one series."""
    changes = process(rng, series, WEEK_STEPS + DAY_STEPS)
    past, day = changes[:, :WEEK_STEPS], changes[:, WEEK_STEPS:]
    last_day = past[:, -DAY_STEPS:]
    lowest = np.cumprod(1 + day, axis=1).min(axis=1)
    history = np.stack(
        [
            np.sqrt((past[:, -HOUR_STEPS:] ** 2).sum(axis=1)),
            np.sqrt((last_day**2).sum(axis=1)),
            np.sqrt((past**2).sum(axis=1)),
            np.abs(last_day).max(axis=1),
            np.prod(1 + last_day, axis=1) - 1,
        ],
        axis=1,
    )
    shape = (series, POSITIONS_A_SERIES)
    distance = np.exp(rng.uniform(np.log(LEAST_DISTANCE), np.log(MOST_DISTANCE), shape))
    liquidated = lowest[:, None] <= np.exp(-distance)
    rows = np.concatenate([np.exp(distance).reshape(-1, 1), np.repeat(history, POSITIONS_A_SERIES, axis=0)], axis=1)
    return Positions(rows.astype(np.float32), liquidated.reshape(-1).astype(np.float64))


def features(inputs: Singles) -> Singles:
    """In single precision, as the graph computes them."""
    health, hour, day, week, largest, change = inputs.T
    least = np.float32(LEAST_VOLATILITY)
    hour, day, week = np.maximum(hour, least), np.maximum(day, least), np.maximum(week, least)
    distance = np.log(health)
    by_hour = distance / (hour * np.float32(np.sqrt(24)))
    by_week = distance / (week * np.float32(np.sqrt(1 / 7)))
    return np.stack([by_hour, distance / day, by_week, largest / day, change / day, np.log(day)], axis=1)


def reflection(inputs: Singles) -> Floats:
    """The textbook: a Brownian motion of the last day's volatility reaches the barrier (reflection principle)."""
    distance = np.log(inputs[:, 0].astype(np.float64))
    return 2 * ndtr(-distance / np.maximum(inputs[:, 2], LEAST_VOLATILITY))


def regressors(inputs: Singles) -> Floats:
    """For the logistic baseline: the textbook's answer by each of the three volatilities as log-odds, and the other ratios."""
    columns = features(inputs).astype(np.float64)
    odds = [logit(np.clip(2 * ndtr(-columns[:, i]), 1e-6, 1 - 1e-6)) for i in range(3)]
    return np.stack([*odds, columns[:, 3], columns[:, 4], columns[:, 5], np.ones(len(columns))], axis=1)


def logit(p: Floats) -> Floats:
    return np.log(p) - np.log1p(-p)


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(x, -40, 40)))


def fit_logistic(x: Floats, y: Floats) -> Floats:
    """Newton's method, as long as it takes for seven weights."""
    weights = np.zeros(x.shape[1])
    for _ in range(25):
        p = sigmoid(x @ weights)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(x.shape[1])
        weights = weights + np.linalg.solve(hessian, x.T @ (y - p))
    return weights


class Trained(NamedTuple):
    trees: lightgbm.Booster
    logistic: Floats
    rate: float


def train(seed: int) -> Trained:
    rng = np.random.default_rng([seed, 20])
    process = price_series.stochastic_volatility
    parts = [positions(process, rng, PART_SERIES) for _ in range(TRAINING_SERIES // PART_SERIES)]
    data = Positions(*(np.concatenate(column) for column in zip(*parts)))
    table = lightgbm.Dataset(features(data.inputs).astype(np.float64), data.liquidated)
    trees = lightgbm.train({**PARAMETERS, "seed": seed}, table, num_boost_round=TREES)
    return Trained(trees, fit_logistic(regressors(data.inputs), data.liquidated), float(data.liquidated.mean()))


PROCESSES: dict[str, price_series.Process] = {
    "stochastic volatility (held-out series of the training process)": price_series.stochastic_volatility,
    "regime switching (never trained on)": price_series.regime_switching,
    "rough volatility (never trained on)": price_series.rough_volatility,
}


def predict(trained: Trained, inputs: Singles) -> dict[str, Floats]:
    return {
        "liquidation-24h": np.asarray(trained.trees.predict(features(inputs).astype(np.float64)), dtype=np.float64),
        "logistic regression": sigmoid(regressors(inputs) @ trained.logistic),
        "reflection principle": reflection(inputs),
        "base rate": np.full(len(inputs), trained.rate),
    }


def log_loss(p: Floats, y: Floats) -> float:
    bounded = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-np.mean(y * np.log(bounded) + (1 - y) * np.log(1 - bounded)))


def brier(p: Floats, y: Floats) -> float:
    return float(np.mean((p - y) ** 2))


def held_out(seed: int, place: int, process: price_series.Process) -> Positions:
    return positions(process, np.random.default_rng([seed, 21 + place]), HELD_OUT_SERIES)


def judge(trained: list[Trained]) -> dict[str, dict[str, dict[str, str]]]:
    result: dict[str, dict[str, dict[str, str]]] = {}
    for place, (name, process) in enumerate(PROCESSES.items()):
        runs = []
        for seed, one in zip(SEEDS, trained):
            data = held_out(seed, place, process)
            answers = predict(one, data.inputs).items()
            scores = {who: (log_loss(p, data.liquidated), brier(p, data.liquidated)) for who, p in answers}
            runs.append((scores, float(data.liquidated.mean())))
        rows: dict[str, dict[str, str]] = {"liquidated": {"share": spread([rate for _, rate in runs])}}
        for who in runs[0][0]:
            entry = {
                "log loss": spread([scores[who][0] for scores, _ in runs]),
                "Brier": spread([scores[who][1] for scores, _ in runs]),
            }
            if who != "liquidation-24h":
                less = [100 * (1 - scores["liquidation-24h"][0] / scores[who][0]) for scores, _ in runs]
                entry["model's log loss is lower by %"] = spread(less)
            rows[who] = entry
        result[name] = rows
    return result


def spread(values: list[float]) -> str:
    mean, half = forecast.mean_and_half_width(values)
    return f"{mean:.4f} ± {half:.4f}"


def calibration(trained: Trained) -> dict[str, str]:
    """What the released file says and what came true, on held-out series of the training process."""
    data = held_out(SEEDS[0], 0, price_series.stochastic_volatility)
    p = predict(trained, data.inputs)["liquidation-24h"]
    bounds = [0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 1.0]
    result: dict[str, str] = {}
    for low, high in zip(bounds, bounds[1:]):
        rows = (p >= low) & (p < high)
        said, true = p[rows].mean(), data.liquidated[rows].mean()
        result[f"{low:g} to {high:g}"] = f"{said:.4f} said, {true:.4f} true, {int(rows.sum())} positions"
    return result


class Columns(NamedTuple):
    """The attributes of a TreeEnsembleRegressor, each a column over all nodes of all trees, or over all leaves."""

    nodes: dict[str, list[Any]]
    leaves: dict[str, list[Any]]


def round_down(threshold: float) -> float:
    """For singles x, x <= threshold holds exactly where x <= this does."""
    single = np.float32(threshold)
    return float(single if float(single) <= threshold else np.nextafter(single, np.float32(-np.inf)))


def columns_of(trees: lightgbm.Booster) -> Columns:
    nodes: dict[str, list[Any]] = {
        name: [] for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
    }
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}

    def add(tree: int, node: dict[str, Any], next_id: int) -> int:
        """Parents before children, as the worker's scan wants it; gives back the first number that is free."""
        place = len(nodes["treeids"])
        is_leaf = "leaf_value" in node
        row = {
            "treeids": tree,
            "nodeids": next_id,
            "featureids": 0 if is_leaf else node["split_feature"],
            "values": 0.0 if is_leaf else round_down(node["threshold"]),
            "modes": "LEAF" if is_leaf else "BRANCH_LEQ",
            "truenodeids": 0,
            "falsenodeids": 0,
        }
        for name, value in row.items():
            nodes[name].append(value)
        if is_leaf:
            for name, value in {"treeids": tree, "nodeids": next_id, "ids": 0, "weights": node["leaf_value"]}.items():
                leaves[name].append(value)
            return next_id + 1
        nodes["truenodeids"][place] = next_id + 1
        after = add(tree, node["left_child"], next_id + 1)
        nodes["falsenodeids"][place] = after
        return add(tree, node["right_child"], after)

    for tree in trees.dump_model()["tree_info"]:
        add(tree["tree_index"], tree["tree_structure"], 0)
    return Columns(nodes, leaves)


def constant(name: str, value: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value, dtype=np.float32), name)


def graph(trees: lightgbm.Booster) -> onnx.ModelProto:
    node = helper.make_node
    nodes, leaves = columns_of(trees)
    forest = node(
        "TreeEnsembleRegressor",
        ["ratios"],
        ["log_odds"],
        domain="ai.onnx.ml",
        n_targets=1,
        **{f"nodes_{name}": column for name, column in nodes.items()},
        **{f"target_{name}": column for name, column in leaves.items()},
    )
    columns = ["health", "hour", "day", "week", "largest", "change"]
    steps = [
        node("Split", ["position", "ones"], columns, axis=1),
        *(node("Max", [name, "least_volatility"], [f"{name}_"]) for name in ("hour", "day", "week")),
        node("Log", ["health"], ["distance"]),
        node("Mul", ["hour_", "root_of_24"], ["hour_scaled"]),
        node("Mul", ["week_", "root_of_seventh"], ["week_scaled"]),
        node("Div", ["distance", "hour_scaled"], ["by_hour"]),
        node("Div", ["distance", "day_"], ["by_day"]),
        node("Div", ["distance", "week_scaled"], ["by_week"]),
        node("Div", ["largest", "day_"], ["largest_ratio"]),
        node("Div", ["change", "day_"], ["trend"]),
        node("Log", ["day_"], ["log_volatility"]),
        node("Concat", ["by_hour", "by_day", "by_week", "largest_ratio", "trend", "log_volatility"], ["ratios"], axis=1),
        forest,
        node("Sigmoid", ["log_odds"], ["open"]),
        node("LessOrEqual", ["health", "one"], ["is_over"]),
        node("Where", ["is_over", "one", "open"], ["probability"]),
    ]
    constants = [
        numpy_helper.from_array(np.ones(len(columns), dtype=np.int64), "ones"),
        constant("least_volatility", LEAST_VOLATILITY),
        constant("root_of_24", np.sqrt(24)),
        constant("root_of_seventh", np.sqrt(1 / 7)),
        constant("one", 1.0),
    ]
    body = helper.make_graph(
        steps,
        "liquidation-24h",
        [helper.make_tensor_value_info("position", TensorProto.FLOAT, ["batch", len(columns)])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch", 1])],
        constants,
    )
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(body, opset_imports=sets, producer_name="proofmark", ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def check_export(encoded: bytes, trained: Trained) -> None:
    """The file has to say what the trees say: leaves exactly, sums of them as singles add up."""
    data = held_out(SEEDS[0], 0, price_series.stochastic_volatility)
    (answer,) = onnxruntime.InferenceSession(encoded).run(None, {"position": data.inputs})
    worst = np.abs(answer[:, 0] - predict(trained, data.inputs)["liquidation-24h"]).max()
    if worst > 1e-5:
        raise SystemExit(f"the file differs from the trees by {worst}")


def write_requests() -> None:
    """Positions of the held-out process, and three corners: already liquidated, nothing ever moved, and far away."""
    data = held_out(SEEDS[0], 0, price_series.stochastic_volatility)
    rows = data.inputs[:: len(data.inputs) // 8][:8].copy()
    rows[5] = [1.0, 0.01, 0.05, 0.1, 0.02, -0.03]
    rows[6] = [1.5, 0.0, 0.0, 0.0, 0.0, 0.0]
    rows[7] = [10.0, 0.002, 0.01, 0.03, 0.002, 0.0]
    for name, chosen in {"one": rows[:1], "eight": rows}.items():
        values = [float(v) for v in chosen.reshape(-1)]
        entry = {"name": "position", "shape": list(chosen.shape), "datatype": "FP32", "data": values}
        (HERE / "samples" / f"{name}.request.json").write_text(json.dumps({"inputs": [entry]}) + "\n")


def main() -> None:
    trained = [train(seed) for seed in SEEDS]
    released = trained[0]
    encoded = graph(released.trees).SerializeToString(deterministic=True)
    check_export(encoded, released)
    results = {"results": judge(trained), "calibration": calibration(released)}
    (HERE / "results.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    (HERE / "model.onnx").write_bytes(encoded)
    write_requests()


if __name__ == "__main__":
    main()
