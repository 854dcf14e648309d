"""batchgd: thousands to billions of independent gradient descents at once, and the minima they find."""

__version__ = "0.1.0.dev0"
