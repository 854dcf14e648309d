"""Running a batch of descents: backends, the clock, interrupts, progress, mixed precision."""
