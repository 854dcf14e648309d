"""From a graph, with or without rows, to what computes it: NumPy, or LLVM vectors for blocks of lanes."""
