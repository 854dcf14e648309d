"""The user's own compiled function as an objective: how it is called, checked and named."""
