"""The methods and schedules available as ``bgd.<name>``: all that the files of this folder list, and nothing else."""

from batchgd.problem.methods.descent import *
from batchgd.problem.methods.momentum import *
from batchgd.problem.methods.adaptive import *
from batchgd.problem.methods.adam import *
from batchgd.problem.methods.signs import *
from batchgd.problem.methods.second_order import *
from batchgd.problem.methods.residuals import *
from batchgd.problem.methods.flow import *
from batchgd.problem.methods.schedules import *
