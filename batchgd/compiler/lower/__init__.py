"""From the graph to machine code for the CPU: vectors of lanes, one function per block of lanes."""
