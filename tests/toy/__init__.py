"""A small exercise on which the engine's tests stand."""
