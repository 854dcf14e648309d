"""From an objective and an update rule to a module of compiled code: one generated file per specialisation."""
