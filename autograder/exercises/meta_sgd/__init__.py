"""Meta-SGD."""
