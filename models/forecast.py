"""The task that both volatility models have, the baselines that they have to beat, and how they are judged."""

from dataclasses import dataclass

import numpy as np

from price_series import Floats, Process

# What PriceHistory.sol hands out, and one hour of five-minute steps.
INPUT_STEPS = 16
HOUR_STEPS = 12
WEEK_STEPS = 2016
# Before the first window, so that the average over the whole past has one.
WARM_UP_STEPS = 288
# Of five means; 97.5 % of Student's distribution with four degrees of freedom.
T_FOUR = 2.776


@dataclass(frozen=True)
class Windows:
    """Rows of sixteen changes, the realised volatility of the hour after them, and an EWMA over all the past for each decay."""

    changes: Floats
    target: Floats
    past: dict[float, Floats]


DECAYS: tuple[float, ...] = (0.7, 0.75, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.97, 0.98, 0.99)


def windows(process: Process, rng: np.random.Generator, series: int) -> Windows:
    """Windows do not overlap: no change is in two of them."""
    changes = process(rng, series, WEEK_STEPS)
    size = INPUT_STEPS + HOUR_STEPS
    starts = range(WARM_UP_STEPS - INPUT_STEPS, WEEK_STEPS - size + 1, size)
    rows = [changes[:, start : start + size] for start in starts]
    both = np.stack(rows, axis=1).reshape(-1, size)
    ends = [start + INPUT_STEPS - 1 for start in starts]
    past = {decay: average_of_past(changes, decay)[:, ends].reshape(-1) for decay in DECAYS}
    target = np.sqrt((both[:, INPUT_STEPS:] ** 2).sum(axis=1))
    return Windows(both[:, :INPUT_STEPS], np.clip(target, 1e-9, 1.0), past)


def average_of_past(changes: Floats, decay: float) -> Floats:
    """An exponentially weighted mean of squares over everything up to each step, as volatility of an hour."""
    mean = np.empty_like(changes)
    current = changes[:, 0] ** 2
    for t in range(changes.shape[1]):
        current = decay * current + (1 - decay) * changes[:, t] ** 2
        mean[:, t] = current
    return np.sqrt(HOUR_STEPS * mean)


def last_hour(changes: Floats) -> Floats:
    return floor(np.sqrt((changes[:, -HOUR_STEPS:] ** 2).sum(axis=1)))


def weighted(changes: Floats, decay: float) -> Floats:
    """EWMA over the sixteen changes that the pool hands out, weights scaled to one."""
    weights = decay ** np.arange(INPUT_STEPS - 1, -1, -1.0)
    return floor(np.sqrt(HOUR_STEPS * (changes**2 @ (weights / weights.sum()))))


def floor(volatility: Floats) -> Floats:
    return np.maximum(volatility, 1e-9)


@dataclass(frozen=True)
class Baselines:
    """Tuned on the training split: the decays, and (a, b) of a calibration exp(a + b log EWMA)."""

    decay: float
    past_decay: float
    calibration: tuple[float, float]


def tune(train: Windows) -> Baselines:
    log_target = np.log(train.target)
    decay = min(DECAYS, key=lambda d: log_error(weighted(train.changes, d), train.target))
    past_decay = min(DECAYS, key=lambda d: log_error(floor(train.past[d]), train.target))
    slope, offset = np.polyfit(np.log(weighted(train.changes, decay)), log_target, 1)
    return Baselines(decay, past_decay, (float(offset), float(slope)))


def forecasts(baselines: Baselines, data: Windows) -> dict[str, Floats]:
    offset, slope = baselines.calibration
    ewma = weighted(data.changes, baselines.decay)
    return {
        "last hour": last_hour(data.changes),
        "EWMA of 16": ewma,
        "EWMA of 16, calibrated": np.exp(offset + slope * np.log(ewma)),
        "EWMA of all the past": floor(data.past[baselines.past_decay]),
    }


def log_error(forecast: Floats, target: Floats) -> float:
    """Root mean square error of the logarithm: 0.3 means about 30 % off."""
    return float(np.sqrt(np.mean((np.log(forecast) - np.log(target)) ** 2)))


def qlike(forecast: Floats, target: Floats) -> float:
    """The loss that ranks forecasts of variance in the same order whatever the noise of the realised one (Patton, 2011)."""
    ratio = (target / forecast) ** 2
    return float(np.mean(ratio - np.log(ratio) - 1))


def mean_and_half_width(values: list[float]) -> tuple[float, float]:
    """Of five seeds: the mean, and half of its 95 % confidence interval."""
    assert len(values) == 5
    return float(np.mean(values)), float(T_FOUR * np.std(values, ddof=1) / np.sqrt(5))
