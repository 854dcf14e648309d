"""The parts of `gpu.py`: what is measured, the processes that measure it, and how it is reported."""
