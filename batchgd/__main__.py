"""``python -m batchgd``: the shell's command, where its script is not on the path."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:  # `-m` puts the working folder first, where a queue.py would stand in for Python's
        sys.path.append(sys.path.pop(0))
    from batchgd.cli import main

    sys.exit(main())
