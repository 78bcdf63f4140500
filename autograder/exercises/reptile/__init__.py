"""Reptile."""
