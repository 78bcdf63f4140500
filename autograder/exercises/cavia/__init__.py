"""CAVIA."""
