"""Imaml."""
