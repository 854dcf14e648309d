"""The exceptions that batchgd raises, each with one line that gives the cause and the remedy."""


class InputError(ValueError):
    """What was passed in cannot be used; raised before any work starts."""


class TraceError(InputError):
    """A Python function could not be turned into an expression graph, or the graph disagrees with it."""


class BackendError(InputError):
    """The backend that was asked for does not work on this machine."""


class TraceSizeWarning(UserWarning):
    """A traced function is so large that a kernel made of it compiles slowly and keeps its state in memory."""
