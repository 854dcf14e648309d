"""What is asked of a landscape beyond its minima; what runs again uses the engine and the minima, never the calls."""
