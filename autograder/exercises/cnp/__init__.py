"""Exercise: conditional neural processes."""
