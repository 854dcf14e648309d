"""From a graph, with or without rows, to what computes it."""
