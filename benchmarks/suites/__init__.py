"""The asv suites: one file per subject. `docs/benchmarks.md` has the commands."""
