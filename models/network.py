"""Adam, written out: a network of a thousand weights needs no framework, and numpy on one thread repeats its bytes."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Parameters: TypeAlias = list[Floats]
# The gradient of the loss over a batch, one array for each parameter.
Gradient: TypeAlias = Callable[[Parameters, Floats, Floats], Parameters]


def dense_parameters(rng: np.random.Generator, sizes: list[int]) -> Parameters:
    """He initialisation; weights and bias of one layer after the other."""
    parameters: Parameters = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        parameters += [rng.normal(0, np.sqrt(2 / inputs), (inputs, outputs)), np.zeros(outputs)]
    return parameters


def forward(parameters: Parameters, x: Floats) -> list[Floats]:
    """What goes into each layer, and last what comes out; ReLU between layers."""
    values = [x]
    for at in range(0, len(parameters), 2):
        out = values[-1] @ parameters[at] + parameters[at + 1]
        values.append(out if at + 2 == len(parameters) else np.maximum(out, 0))
    return values


def backward(parameters: Parameters, values: list[Floats], of_output: Floats) -> Parameters:
    gradients: Parameters = []
    of_value = of_output
    for at in range(len(parameters) - 2, -1, -2):
        entering = values[at // 2]
        gradients = [entering.T @ of_value, of_value.sum(axis=0)] + gradients
        if at > 0:
            of_value = (of_value @ parameters[at].T) * (entering > 0)
    return gradients


def fit(
    rng: np.random.Generator,
    parameters: Parameters,
    gradient: Gradient,
    data: tuple[Floats, Floats],
    *,
    epochs: int,
    batch: int,
    rate: float,
) -> Parameters:
    """The learning rate falls to zero along half a cosine, so that the last step is as good a place to stop as any."""
    x, y = data
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    total = epochs * (len(x) // batch)
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - batch + 1, batch):
            rows = order[start : start + batch]
            step += 1
            now = rate * 0.5 * (1 + np.cos(np.pi * step / total))
            for i, g in enumerate(gradient(parameters, x[rows], y[rows])):
                first[i] = 0.9 * first[i] + 0.1 * g
                second[i] = 0.999 * second[i] + 0.001 * g * g
                unbiased = first[i] / (1 - 0.9**step)
                parameters[i] = parameters[i] - now * unbiased / (np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8)
    return parameters
