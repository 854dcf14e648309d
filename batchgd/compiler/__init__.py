"""From a Python function to machine code: trace, derivatives, objectives, and the code of a run."""
