"""What the user specifies: box, starts, method, stopping rule, library functions; and how mistakes in it are
reported."""
