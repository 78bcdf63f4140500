"""The process that runs student code: shim.py is its program, wire.py the language in which it answers.

shim.py, wire.py and values.py are copied into the sandbox with the exercise's probe, and import nothing of the grader.
client.py and isolation.py stay outside.
"""
