"""Random functions of three coordinates that decide, loop and return early, and dual numbers to differentiate them."""

import random

import numpy as np


class Dual:
    """A value and its gradient; comparisons are those of the values, so a plain function takes its own path."""

    def __init__(self, value, slope):
        self.value, self.slope = np.float64(value), slope

    def __add__(self, other):
        other = dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        other = dual(other)
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    def __truediv__(self, other):
        other = dual(other)
        slope = self.slope / other.value - self.value * other.slope / other.value**2
        return Dual(self.value / other.value, slope)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -dual(other)

    def __rsub__(self, other):
        return dual(other) - self

    def __rtruediv__(self, other):
        return dual(other) / self

    def __abs__(self):
        return self * np.sign(self.value)

    def __lt__(self, other):
        return self.value < dual(other).value

    def __le__(self, other):
        return self.value <= dual(other).value

    def __gt__(self, other):
        return self.value > dual(other).value

    def __ge__(self, other):
        return self.value >= dual(other).value

    def sqrt(self):
        return Dual(np.sqrt(self.value), self.slope * 0.5 / np.sqrt(self.value))

    def log(self):
        return Dual(np.log(self.value), self.slope / self.value)

    def exp(self):
        return Dual(np.exp(self.value), self.slope * np.exp(self.value))

    def sin(self):
        return Dual(np.sin(self.value), self.slope * np.cos(self.value))


def dual(value):
    return value if isinstance(value, Dual) else Dual(value, np.zeros(3))


NAMES = ["x[0]", "x[1]", "x[2]", "a", "b", "c"]


def expression(draw, depth):
    if depth == 0 or draw.random() < 0.25:
        return draw.choice([*NAMES, f"{draw.uniform(-1, 1):.2f}"])

    def inner():
        return expression(draw, depth - 1)

    shapes = [
        *[lambda: f"({inner()} {draw.choice('+-*')} {inner()})"] * 6,
        lambda: f"({inner()} / (1.5 + {draw.choice(NAMES)} * {draw.choice(NAMES)}))",
        lambda: f"np.{draw.choice(['sin', 'exp'])}({draw.choice(NAMES)})",
        lambda: f"np.{draw.choice(['sqrt', 'log'])}(1.0 * {inner()})",
        lambda: f"{draw.choice(['max', 'min'])}({inner()}, {inner()})",
        lambda: f"sorted([{', '.join(NAMES[:3])}])[{draw.randrange(3)}]",
        lambda: f"abs({inner()})",
    ]
    return draw.choice(shapes)()


def condition(draw):
    one = f"{expression(draw, 1)} {draw.choice(['<', '<=', '>', '>='])} {expression(draw, 1)}"
    another = f"{expression(draw, 1)} > {expression(draw, 0)}"
    return draw.choice([one, one, one, f"{one} and {another}", f"{one} or not {another}"])


def block(draw, depth, indent, left):
    lines, margin = [], "    " * indent
    for _ in range(draw.randrange(1, 4)):
        kind = draw.random()
        if kind < 0.5 or depth == 0 or left[0] <= 0:
            lines.append(f"{margin}{draw.choice('abc')} = {expression(draw, 2)}")
            continue
        left[0] -= 1
        if kind < 0.8:
            lines += [f"{margin}if {condition(draw)}:", *block(draw, depth - 1, indent + 1, left)]
            if draw.random() < 0.6:
                lines += [f"{margin}else:", *block(draw, depth - 1, indent + 1, left)]
        elif kind < 0.9:
            left[0] -= 1
            lines += [f"{margin}for _ in range(3):", f"{margin}    if {condition(draw)}:", f"{margin}        break"]
            lines += [f"{margin}    a = a * 0.7 + {expression(draw, 1)}"]
        else:
            lines += [f"{margin}if {condition(draw)}:", f"{margin}    return {expression(draw, 2)} + 0.0 * x[0]"]
    return lines


def program(seed):
    """The source of a function."""
    draw = random.Random(seed)
    body = ["    a, b, c = x[0], x[1] * x[2], x[2] - x[0]", *block(draw, 3, 1, [4])]
    return "\n".join(["def function(x):", *body, f"    return {expression(draw, 2)} + a * b + 0.0 * x[1]"])
