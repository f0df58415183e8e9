"""Price series from stated processes. Everything is drawn from the generator that the caller seeds.

A step is five minutes. A series is what `PriceHistory.sol` would have seen: relative changes from one price to the next,
and one that more than doubles counts as doubled. Each row of a result is a series of its own, with parameters of its own.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Process = Callable[[np.random.Generator, int, int], Floats]

STEPS_A_DAY = 288
LEAST_DAILY_VOLATILITY = 0.005
MOST_DAILY_VOLATILITY = 0.10


def stochastic_volatility(rng: np.random.Generator, series: int, steps: int) -> Floats:
    """Log-volatility is an AR(1) with a daily pattern and leverage; jumps come by a Poisson clock.

    log s[t] = log(d / sqrt(288)) - v^2 + h[t] + a cos(2 pi t / 288 + p)
    h[t+1]   = f h[t] + v sqrt(1 - f^2) e[t],  h[0] ~ N(0, v^2),  corr(e[t], z[t]) = r
    change   = exp(s[t] z[t] + b[t] k s[t] g[t]) - 1,  b[t] ~ Bernoulli(j / 288),  z, g ~ N(0, 1)

    Per series: d log-uniform in 0.5 % to 10 %, half-life of h log-uniform in 1 h to 48 h, v uniform in 0.2 to 0.8,
    r uniform in -0.5 to 0, a uniform in 0 to 0.5, p uniform, j uniform in 0 to 4 a day, k uniform in 3 to 8.
    """
    base = daily_volatility(rng, series) / np.sqrt(STEPS_A_DAY)
    half_life = np.exp(rng.uniform(np.log(12), np.log(576), series))
    persistence = 0.5 ** (1 / half_life)
    spread = rng.uniform(0.2, 0.8, series)
    leverage = rng.uniform(-0.5, 0.0, series)
    amplitude = rng.uniform(0.0, 0.5, series)
    phase = rng.uniform(0.0, 2 * np.pi, series)
    jump_rate = rng.uniform(0.0, 4.0, series) / STEPS_A_DAY
    jump_size = rng.uniform(3.0, 8.0, series)
    level = spread * rng.standard_normal(series)
    changes = np.empty((series, steps))
    for t in range(steps):
        pattern = amplitude * np.cos(2 * np.pi * t / STEPS_A_DAY + phase)
        sigma = base * np.exp(level - spread**2 + pattern)
        shock = rng.standard_normal(series)
        jump = (rng.random(series) < jump_rate) * jump_size * rng.standard_normal(series)
        changes[:, t] = sigma * (shock + jump)
        own = rng.standard_normal(series)
        drive = leverage * shock + np.sqrt(1 - leverage**2) * own
        level = persistence * level + spread * np.sqrt(1 - persistence**2) * drive
    return relative(changes)


def regime_switching(rng: np.random.Generator, series: int, steps: int) -> Floats:
    """Three regimes with volatilities of 0.5, 1 and 3 times the base, which last 6 h, 3 h and 1 h on average and then give
    way to one of the other two; innovations are Student t with 5 degrees of freedom, scaled to variance 1."""
    base = daily_volatility(rng, series) / np.sqrt(STEPS_A_DAY)
    factor = np.array([0.5, 1.0, 3.0])
    leave = 1 / np.array([72.0, 36.0, 12.0])
    regime = rng.integers(0, 3, series)
    changes = np.empty((series, steps))
    for t in range(steps):
        changes[:, t] = base * factor[regime] * rng.standard_t(5, series) / np.sqrt(5 / 3)
        moves = rng.random(series) < leave[regime]
        regime = np.where(moves, (regime + rng.integers(1, 3, series)) % 3, regime)
    return relative(changes)


def rough_volatility(rng: np.random.Generator, series: int, steps: int) -> Floats:
    """Log-volatility is 0.5 times a fractional Brownian motion with H = 0.1 that has variance 1 after a day."""
    base = daily_volatility(rng, series) / np.sqrt(STEPS_A_DAY)
    motion = fractional_motion(rng, series, steps, hurst=0.1)
    sigma = base[:, None] * np.exp(0.5 * motion)
    return relative(sigma * rng.standard_normal((series, steps)))


def fractional_motion(rng: np.random.Generator, series: int, steps: int, hurst: float) -> Floats:
    """Exact, by circulant embedding of the increments' covariance (Davies and Harte)."""
    lag = np.arange(steps + 1, dtype=np.float64)
    power = 2 * hurst
    covariance = 0.5 * (np.abs(lag + 1) ** power - 2 * lag**power + np.abs(lag - 1) ** power)
    circulant = np.concatenate([covariance, covariance[-2:0:-1]])
    eigenvalues = np.maximum(np.fft.fft(circulant).real, 0.0)
    size = circulant.size
    noise = rng.standard_normal((series, size)) + 1j * rng.standard_normal((series, size))
    increments = np.fft.fft(np.sqrt(eigenvalues / size) * noise, axis=1).real[:, :steps]
    return np.cumsum(increments, axis=1) / STEPS_A_DAY**hurst


def daily_volatility(rng: np.random.Generator, series: int) -> Floats:
    return np.exp(rng.uniform(np.log(LEAST_DAILY_VOLATILITY), np.log(MOST_DAILY_VOLATILITY), series))


def relative(logarithmic: Floats) -> Floats:
    return np.minimum(np.expm1(logarithmic), 1.0)
