"""Problem 1: the centre of numbers, and how far they spread around it."""


class Toy:
    """Takes numbers together."""

    def centre(self, values):
        """Return the mean of float array (n,)."""
        ### BEGIN SOLUTION
        #: Return the mean.
        total = 0.0
        for value in values:
            total = total + value
        return total / len(values)
        ### END SOLUTION

    def spread(self, values):
        """Return the mean squared distance of float array (n,) from its centre."""
        ### BEGIN SOLUTION
        #: Return the mean squared distance.
        return sum((value - self.centre(values)) ** 2 for value in values) / len(values)
        ### END SOLUTION
