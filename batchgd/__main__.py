"""``python -m batchgd``: the shell's command, where its script is not on the path."""

import sys

from batchgd.cli import main

if __name__ == "__main__":
    sys.exit(main())
