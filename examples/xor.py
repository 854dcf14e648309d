"""Teach a 2-4-1 network the exclusive or, from thousands of initial weights at once.

    python examples/xor.py

The loss of one pattern is plain Python; its gradient comes from the tracer's reverse sweep, which on a network is
backpropagation. A small weight decay makes the minima isolated. Hidden units can be exchanged, and a unit's weights can
all change sign, so 4! 2^4 = 384 minima are one network: ``canonical`` picks one of them.
"""

import numpy as np

import batchgd as bgd

HIDDEN = 4
DIM = 4 * HIDDEN + 1  # two weights and a bias into each hidden unit, one weight out of it, and the output's bias
PATTERNS = np.array([[-1.0, -1.0, -1.0], [-1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, -1.0]])  # x, y, x xor y
DECAY = 1e-3


def output(w, a, b):
    """The network: tanh units between two inputs and one linear output."""
    into, bias, out = w[: 2 * HIDDEN].reshape(HIDDEN, 2), w[2 * HIDDEN : 3 * HIDDEN], w[3 * HIDDEN : 4 * HIDDEN]
    hidden = np.tanh(into[:, 0] * a + into[:, 1] * b + bias)
    return np.sum(out * hidden) + w[-1]


def loss(w, pattern):
    """Squared error of one pattern, and the decay."""
    return (output(w, pattern[0], pattern[1]) - pattern[2]) ** 2 + DECAY * np.sum(w**2)


def backpropagation(w, pattern):
    """The gradient of ``loss``, written by hand."""
    into, bias, out = w[: 2 * HIDDEN].reshape(HIDDEN, 2), w[2 * HIDDEN : 3 * HIDDEN], w[3 * HIDDEN : 4 * HIDDEN]
    inputs = pattern[:2]
    hidden = np.tanh(into @ inputs + bias)
    error = 2.0 * (out @ hidden + w[-1] - pattern[2])  # of the output
    back = error * out * (1.0 - hidden**2)  # of what goes into each hidden unit
    return np.r_[np.outer(back, inputs).ravel(), back, error * hidden, error] + 2.0 * DECAY * w


def canonical(w):
    """Of the 384 equivalent networks, the one whose outgoing weights are positive and whose units are sorted."""
    into, bias, out = w[: 2 * HIDDEN].reshape(HIDDEN, 2), w[2 * HIDDEN : 3 * HIDDEN], w[3 * HIDDEN : 4 * HIDDEN]
    units = np.column_stack([into, bias, out]) * np.where(out < 0.0, -1.0, 1.0)[:, None]
    units = units[np.lexsort(np.round(units, 5).T)]
    return np.r_[units[:, :2].ravel(), units[:, 2], units[:, 3], w[-1]]


def train(starts=5_000, gtol=1e-8, **options):
    """Descend from weights in [-2, 2], with the whole data set at every update unless a ``batch_size`` is given."""
    method = options.pop("method", None)
    network = bgd.FiniteSum(loss, PATTERNS, box=[(-2.0, 2.0)] * DIM, name="xor", **options)
    return bgd.multistart(network, starts=starts, method=method, gtol=gtol)


def solved(weights):
    """Whether a network gets all four patterns right."""
    return all(output(weights, a, b) * wanted > 0.0 for a, b, wanted in PATTERNS)


def distinct(minima):
    """One row for every distinct network, without its equivalents."""
    _, first = np.unique(np.round([canonical(w) for w in minima.x], 3), axis=0, return_index=True)
    return minima[np.sort(first)]


if __name__ == "__main__":
    result = train()
    networks = distinct(result.minima)
    share = np.mean([solved(w) for w in result.x])
    print(f"{result.n} initial weights, {share:.1%} of them end in a network that knows xor")
    print(f"{len(result.minima)} minima reached by {result.n - result.unlabelled} of them; the rest stay at saddles")
    print(f"{len(networks)} up to the order and the signs of the hidden units:")
    for network in (networks[k] for k in range(min(len(networks), 8))):
        print(f"  loss {network['fun']:.6f}  {'knows' if solved(network['x']) else 'does not know'} xor")
