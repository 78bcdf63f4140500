"""The exercises of homework 2."""
