"""Momentum on the steps of another rule: d <- μ d + (step of the rule), x <- x + d (Graves 2013, arXiv:1308.0850)."""

VECTORS = ("trail",)


def point(following, x, trail, trail_momentum):
    """One coordinate of the next point."""
    trail = trail_momentum * trail + (following - x)
    return x + trail, trail
