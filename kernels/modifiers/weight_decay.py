"""Decoupled weight decay: the step is followed by x <- x - η λ x (Loshchilov and Hutter 2019, arXiv:1711.05101).

As in Algorithm 2 there, with the schedule's factor and η in one: x on the right is the point before the step.
"""


def point(following, x, learning_rate, decay_rate):
    """One coordinate of the next point."""
    return following - learning_rate * decay_rate * x
