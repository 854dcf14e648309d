"""Register what Numba must know to compile calls of our functions: import this before it compiles any.

Only CUDA kernels need it: the CPU's code is compiled without Numba.
"""

from numba.extending import register_jitable

from batchgd.kernels import minibatch, philox, splitmix, vecmath  # noqa: F401 - they note what is to be registered
from batchgd.kernels.jitable import JITABLE
from batchgd.kernels.vecmath.emitters import EMITTED
from batchgd.kernels.vecmath.overloads import give_overload

for each in EMITTED:
    give_overload(each)
for function, flags in JITABLE:
    register_jitable(**flags)(function)
