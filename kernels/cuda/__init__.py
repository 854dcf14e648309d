"""What the CUDA shell is made of: kernels, the launch configuration, streams, and what runs on them when.

Only here, in ``launch_cuda.py`` and in ``assemble.py`` is ``numba.cuda`` named.
"""
