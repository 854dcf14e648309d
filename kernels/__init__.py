"""Everything that runs once per trajectory; imported as ``batchgd.kernels`` and under no other name."""

if __name__ != "batchgd.kernels":
    raise ImportError(
        f"this folder was imported as {__name__!r}; it is part of batchgd and is imported as 'batchgd.kernels'"
    )
