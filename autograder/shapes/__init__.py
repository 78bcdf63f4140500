"""What exercises of one shape share: parts of probes, whole questions, families of checks, whole checks.

    functions    plain functions on arrays: the answer is the reference's, the gradient flows, order makes no difference
    episodic     a batch of tasks of characters in, a loss and accuracies out
    gradient     a dict of parameters: an inner loop, an outer step
    regression   tasks of functions, such as sinusoids; no classes

A shape's probe.py is copied into the box of a worker and imports NumPy, torch and autograder.worker.values alone; its
checks.py never goes there. An exercise imports what it needs by name, `from autograder.shapes.gradient.probe import
inner_loop`, and so has the question, or the check. Each package begins with an example.
"""
