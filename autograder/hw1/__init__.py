"""The exercises of homework 1."""
