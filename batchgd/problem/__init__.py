"""What the user specifies: box, starts, method, stopping rule, library functions; and the errors about mistakes."""
