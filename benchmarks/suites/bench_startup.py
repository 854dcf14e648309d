"""Start-up: the cost of a new process before it descends."""

import os
import subprocess
import sys

from .common import fresh_folder

SMALL = "import batchgd as bgd; bgd.multistart('rastrigin', dim=10, starts=1000)"


def _python(code, **environment):
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, check=True, capture_output=True)


class Startup:
    """Whole processes, including the start of the interpreter."""

    timeout = 120

    def setup(self):
        _python(SMALL)

    def time_interpreter_alone(self):
        _python("pass")

    def time_import(self):
        _python("import batchgd")

    def time_import_and_name_the_solver(self):
        _python("import batchgd; batchgd.multistart")

    def time_second_process(self):
        """Everything was compiled by an earlier process."""
        _python(SMALL)


class FirstProcess:
    """A process that finds no compiled code at all."""

    number = 1
    repeat = 3
    warmup_time = 0
    timeout = 120

    def time_first_process(self):
        _python(SMALL, BATCHGD_CACHE_DIR=str(fresh_folder()))
