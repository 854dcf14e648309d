"""What several update rules share: the stages of a tick, operations on a lane block, line searches and trial steps."""
