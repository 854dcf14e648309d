"""Trouble with a device: its memory is full, or it is lost. Exceptions of all libraries are known by their names."""

_FULL = ("OUT_OF_MEMORY", "out of memory", "OutOfMemory")
_OF_DEVICES = ("CudaAPIError", "CudaDriverError", "CUDARuntimeError", "CUDADriverError")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether less work at once may succeed.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError("x"))
    (True, False)
    """
    return isinstance(error, MemoryError) or (
        _is_of_a_device(error) and any(word in f"{type(error).__name__} {error}" for word in _FULL)
    )


def is_lost(error: BaseException) -> bool:
    """Whether the device fails, so that nothing more can be done on it by this process.

    >>> class CudaAPIError(Exception):
    ...     pass
    >>> is_lost(CudaAPIError("[719] CUDA_ERROR_LAUNCH_FAILED")), is_lost(ValueError("x"))
    (True, False)
    """
    return _is_of_a_device(error) and not is_out_of_memory(error)


def _is_of_a_device(error: BaseException) -> bool:
    names = {cls.__name__ for cls in type(error).__mro__}
    return bool(names & {*_OF_DEVICES, "OutOfMemoryError"})
