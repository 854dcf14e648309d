"""Operations on a lane block, for rules with history or matrices.

Arguments are first slots in the flat workspace ``ws``: slot k of a lane is at ``ws[k * W + lane]``. A vector
takes D slots, a symmetric matrix the lower triangle row by row, D (D + 1) / 2 slots. W is 1 wherever this runs: a slot
is a number of a CUDA thread, a vector of the CPU's lanes (``compiler/lower/operations.py``), or a row of NumPy's.

For CUDA, like ``kernels/descend.py``, this is a template: its text is copied into modules, after D, W and the other
constants that a rule is compiled for. Elsewhere the functions are called, with these constants in place of those here.
"""

from batchgd.kernels.vecmath import sqrt, where

D = 1
W = 1
MEMORY = 1


def triangle(i):
    """Where row i of a lower triangle begins."""
    return (i * (i + 1)) >> 1


def clear(ws, out):
    """out <- 0, a number."""
    for lane in range(W):
        ws[out * W + lane] = 0.0


def multiply(ws, a, b, out):
    """out <- a b, of numbers."""
    for lane in range(W):
        ws[out * W + lane] = ws[a * W + lane] * ws[b * W + lane]


def dot(ws, a, b, out):
    """out <- a'b, a number."""
    for lane in range(W):
        ws[out * W + lane] = ws[a * W + lane] * ws[b * W + lane]
    for i in range(1, D):
        for lane in range(W):
            ws[out * W + lane] += ws[(a + i) * W + lane] * ws[(b + i) * W + lane]


def add_scaled(ws, number, a, y):
    """y <- y + number a."""
    for i in range(D):
        for lane in range(W):
            ws[(y + i) * W + lane] += ws[number * W + lane] * ws[(a + i) * W + lane]


def subtract_scaled(ws, number, a, y):
    """y <- y - number a."""
    for i in range(D):
        for lane in range(W):
            ws[(y + i) * W + lane] -= ws[number * W + lane] * ws[(a + i) * W + lane]


def scale(ws, number, a):
    """a <- number a."""
    for i in range(D):
        for lane in range(W):
            ws[(a + i) * W + lane] *= ws[number * W + lane]


def stretch(ws, diagonal, a):
    """a <- a diagonal matrix times a."""
    for i in range(D):
        for lane in range(W):
            ws[(a + i) * W + lane] *= ws[(diagonal + i) * W + lane]


def negated(ws, a, out):
    """out <- -a."""
    for i in range(D):
        for lane in range(W):
            ws[(out + i) * W + lane] = -ws[(a + i) * W + lane]


def keep_where(ws, condition, source, target, length):
    """target <- source, ``length`` slots, in lanes where the condition is not 0."""
    for i in range(length):
        for lane in range(W):
            ws[(target + i) * W + lane] = where(
                ws[condition * W + lane] != 0.0, ws[(source + i) * W + lane], ws[(target + i) * W + lane]
            )


def push(ws, condition, new, history, length):
    """Put a vector of ``length`` slots before a history of MEMORY such vectors where the condition holds."""
    for back in range(MEMORY * length - length):
        i = MEMORY * length - 1 - back
        for lane in range(W):
            ws[(history + i) * W + lane] = where(
                ws[condition * W + lane] != 0.0, ws[(history + i - length) * W + lane], ws[(history + i) * W + lane]
            )
    keep_where(ws, condition, new, history, length)


def multiple_of_diagonal(ws, condition, number, diagonal, matrix):
    """matrix <- number times a diagonal matrix where the condition holds."""
    for i in range(D):
        for j in range(i + 1):
            entry = matrix + triangle(i) + j
            for lane in range(W):
                value = where(i == j, ws[number * W + lane] * ws[(diagonal + i) * W + lane], 0.0)
                ws[entry * W + lane] = where(ws[condition * W + lane] != 0.0, value, ws[entry * W + lane])


def times_symmetric(ws, matrix, a, out):
    """out <- matrix a."""
    for i in range(D):
        for lane in range(W):
            ws[(out + i) * W + lane] = ws[(matrix + triangle(i)) * W + lane] * ws[a * W + lane]
        for j in range(1, i + 1):
            for lane in range(W):
                ws[(out + i) * W + lane] += ws[(matrix + triangle(i) + j) * W + lane] * ws[(a + j) * W + lane]
        for j in range(i + 1, D):
            for lane in range(W):
                ws[(out + i) * W + lane] += ws[(matrix + triangle(j) + i) * W + lane] * ws[(a + j) * W + lane]


def factor(ws, matrix, shift, out, total):
    """out <- the Cholesky factor L of matrix + shift I, with 1 / L_ii on its diagonal; NaN if it has none."""
    for j in range(D):
        for i in range(j, D):
            row, column = triangle(i), triangle(j)
            for lane in range(W):
                ws[total * W + lane] = ws[(matrix + row + j) * W + lane]
            for k in range(j):
                for lane in range(W):
                    ws[total * W + lane] -= ws[(out + row + k) * W + lane] * ws[(out + column + k) * W + lane]
            for lane in range(W):
                ws[(out + row + j) * W + lane] = ws[total * W + lane]
        diagonal = triangle(j) + j
        for lane in range(W):
            pivot = ws[(out + diagonal) * W + lane] + ws[shift * W + lane]
            ws[(out + diagonal) * W + lane] = 1.0 / sqrt(where(pivot > 0.0, pivot, -1.0))
        for i in range(j + 1, D):
            for lane in range(W):
                ws[(out + triangle(i) + j) * W + lane] *= ws[(out + diagonal) * W + lane]


def solve_lower(ws, lower, b, total):
    """b <- L^-1 b, with L from ``factor``."""
    for i in range(D):
        row = triangle(i)
        for lane in range(W):
            ws[total * W + lane] = ws[(b + i) * W + lane]
        for j in range(i):
            for lane in range(W):
                ws[total * W + lane] -= ws[(lower + row + j) * W + lane] * ws[(b + j) * W + lane]
        for lane in range(W):
            ws[(b + i) * W + lane] = ws[total * W + lane] * ws[(lower + row + i) * W + lane]


def solve(ws, lower, b, total):
    """b <- (L L')^-1 b, with L from ``factor``."""
    solve_lower(ws, lower, b, total)
    for back in range(D):
        i = D - 1 - back
        for lane in range(W):
            ws[total * W + lane] = ws[(b + i) * W + lane]
        for j in range(i + 1, D):
            for lane in range(W):
                ws[total * W + lane] -= ws[(lower + triangle(j) + i) * W + lane] * ws[(b + j) * W + lane]
        for lane in range(W):
            ws[(b + i) * W + lane] = ws[total * W + lane] * ws[(lower + triangle(i) + i) * W + lane]
