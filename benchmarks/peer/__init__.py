"""Other ways to run a batch of descents, one file each, and the cases on which all of them are timed."""
