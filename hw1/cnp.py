"""Cnp, after WRITE: the authors, the year and the title of the paper.

WRITE: the idea of the method in two sentences.
"""


class Cnp:
    """WRITE: what an object of it is, and its arguments with shapes and units."""

    def step(self, inputs):
        """WRITE: what the student's function does, with its equation.

        Args:
            inputs: float tensor (n,). WRITE: shapes, dtype and pitfalls of each argument.

        Returns:
            Float tensor (n,). WRITE: shape and meaning of what comes back.
        """
        # TODO: WRITE: what the student is to do, as the TODO of the stub.
        raise NotImplementedError("Cnp.step is still to do")
