"""The parts of the CUDA shell: kernels, the launch configuration, streams, and what runs on them when.

``numba.cuda`` is named here, in ``launch_cuda.py``, in ``assemble.py``, and where compiled kernels are kept on disk.
"""
