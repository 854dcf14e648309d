"""The longer parts of ``reliability.py``: one file each."""
