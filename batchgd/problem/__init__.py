"""What the user states: box, starts, method, stopping rule, library functions; and how mistakes in it are reported."""
