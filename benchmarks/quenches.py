"""Quenches of 13 Lennard-Jones atoms: a scalar L-BFGS in Numba against ``descend``: `python benchmarks/quenches.py`.

Both remember five steps and end at a slope of 1e-2. Time of the process counts, so that other work on the machine
disturbs little. Functions are traced before; the first of three rounds compiles.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numba import njit, prange

import batchgd as bgd

N, D, M = 13, 39, 5
GTOL = 1e-2
F = {"fastmath": {"contract"}, "error_model": "numpy"}


@njit(**F)
def fg(x, g):
    for j in range(D):
        g[j] = 0.0
    e = 0.0
    for i in range(N):
        for j in range(i):
            a = x[3 * i] - x[3 * j]
            b = x[3 * i + 1] - x[3 * j + 1]
            c = x[3 * i + 2] - x[3 * j + 2]
            v = 1.0 / (a * a + b * b + c * c)
            s = v * v * v
            e += 4.0 * (s * s - s)
            w = -(48.0 * s * s - 24.0 * s) * v
            g[3 * i] += w * a
            g[3 * i + 1] += w * b
            g[3 * i + 2] += w * c
            g[3 * j] -= w * a
            g[3 * j + 1] -= w * b
            g[3 * j + 2] -= w * c
    return e


@njit(**F)
def quench(x, gtol, maxiter, S, Y, rho, al, g, gn, d, xn):
    f = fg(x, g)
    k = 0
    nf = 1
    for _ in range(maxiter):
        big = 0.0
        for j in range(D):
            big = max(big, abs(g[j]))
        if big <= gtol:
            break
        for j in range(D):
            d[j] = -g[j]
        m = min(k, M)
        for t in range(m):
            i = (k - 1 - t) % M
            s = 0.0
            for j in range(D):
                s += S[i, j] * d[j]
            al[i] = rho[i] * s
            for j in range(D):
                d[j] -= al[i] * Y[i, j]
        if m > 0:
            i = (k - 1) % M
            yy = 0.0
            for j in range(D):
                yy += Y[i, j] * Y[i, j]
            sc = 1.0 / (rho[i] * yy)
            for j in range(D):
                d[j] *= sc
        else:
            s = 0.0
            for j in range(D):
                s += g[j] * g[j]
            sc = min(1.0, 1.0 / np.sqrt(s)) * 0.1
            for j in range(D):
                d[j] *= sc
        for t in range(m):
            i = (k - m + t) % M
            s = 0.0
            for j in range(D):
                s += Y[i, j] * d[j]
            b = rho[i] * s
            for j in range(D):
                d[j] += (al[i] - b) * S[i, j]
        gd = 0.0
        for j in range(D):
            gd += g[j] * d[j]
        if gd > 0:
            for j in range(D):
                d[j] = -d[j]
            gd = -gd
        a = 1.0
        ok = False
        for _ in range(30):
            for j in range(D):
                xn[j] = x[j] + a * d[j]
            fn = fg(xn, gn)
            nf += 1
            if fn <= f + 1e-4 * a * gd:
                ok = True
                break
            a *= 0.5
        if not ok:
            break
        i = k % M
        sy = 0.0
        for j in range(D):
            S[i, j] = xn[j] - x[j]
            Y[i, j] = gn[j] - g[j]
            sy += S[i, j] * Y[i, j]
            x[j] = xn[j]
            g[j] = gn[j]
        f = fn
        if sy > 0:
            rho[i] = 1.0 / sy
            k += 1
    return f, nf


@njit(parallel=True, **F)
def many(X, gtol, out, nf):
    for i in prange(len(X)):
        out[i], nf[i] = quench(
            X[i],
            gtol,
            2000,
            np.empty((M, D)),
            np.empty((M, D)),
            np.empty(M),
            np.empty(M),
            np.empty(D),
            np.empty(D),
            np.empty(D),
            np.empty(D),
        )


def energy(x):
    total = 0.0
    for i in range(N):
        for j in range(i):
            square = sum((x[3 * i + k] - x[3 * j + k]) ** 2 for k in range(3))
            s = 1 / square**3
            total += 4 * (s * s - s)
    return total


def by_rows(x):
    i, j = np.triu_indices(N, 1)
    p = x.reshape(N, 3)
    s = 1 / np.sum((p[i] - p[j]) ** 2, axis=1) ** 3
    return np.sum(4 * (s * s - s))


def main() -> None:
    """Print quenches a second of CPU time, and microseconds an evaluation, of three rounds."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--starts", type=int, default=2000)
    n = words.parse_args().starts
    starts = np.random.default_rng(0).uniform(-1.5, 1.5, (n, D))
    box = [(-1.5, 1.5)] * D
    ready = {"array code": bgd.Objective(by_rows, box=box), "a loop": bgd.Objective(energy, box=box)}
    for _ in range(3):
        out, nfev = np.empty(n), np.empty(n, np.int64)
        began = time.process_time()
        many(starts.copy(), GTOL, out, nfev)
        report("numba", time.process_time() - began, n, nfev)
        for name, fun in ready.items():
            began = time.process_time()
            result = bgd.descend(fun, starts, method="lbfgs", gtol=GTOL)
            report(f"batchgd, {name}", time.process_time() - began, n, result.nfev)


def report(name, seconds, n, nfev) -> None:
    rate, each = n / seconds, 1e6 * seconds / nfev.sum()
    print(f"{name}: {rate:,.0f} quenches/s, {each:.2f} us an evaluation, {nfev.mean():.0f} evaluations", flush=True)


if __name__ == "__main__":
    main()
