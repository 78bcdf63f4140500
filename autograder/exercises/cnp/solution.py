"""A conditional neural process (CNP), after Garnelo et al. (2018), "Conditional Neural Processes".

A task is a function, known at a few points. Each point of its support is encoded by itself, the mean of the encodings
stands for the function, and a decoder says from this mean what to expect at other points, and how sure of it it is.
"""

import torch
import torch.nn.functional as F
from torch import nn

MIN_DEVIATION = 0.1


def perceptron(inputs, hidden, outputs):
    """Make a network of two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )


class CNP(nn.Module):
    """A conditional neural process for functions from numbers to numbers.

    Args:
        hidden_dim: D, the numbers in a representation, and the width of all hidden layers.
    """

    def __init__(self, hidden_dim):
        super().__init__()
        self.encoder = perceptron(2, hidden_dim, hidden_dim)  # h: of x and y, in this order
        self.decoder = perceptron(hidden_dim + 1, hidden_dim, 2)  # g: of r and x, in this order

    def represent(self, x, y):
        """Represent a function by the points at which it is known: r = the mean over k of h(x_k, y_k).

        Args:
            x, y: float tensors (K, 1), for any K of 1 or more.

        Returns:
            r, a float tensor (D,).
        """
        ### BEGIN SOLUTION
        #: Encode each pair (x_k, y_k) by self.encoder, and return the mean of the encodings.
        #:
        #: - The encoder reads two numbers, x before y. It sees one point at a time, and does not know how many
        #:   there are.
        #: - The points are a set: neither their order nor giving all of them twice may make a difference.
        return self.encoder(torch.cat([x, y], dim=-1)).mean(dim=0)
        ### END SOLUTION

    def decode(self, r, x):
        """Predict a function at some points from its representation: a normal distribution for each.

        Args:
            r: float tensor (D,).
            x: float tensor (Q, 1), for any Q of 1 or more.

        Returns:
            (mean, deviation), float tensors (Q, 1): the decoder's first output is mu, and of its second, s, the
            deviation is  sigma = 0.1 + 0.9 log(1 + exp s).
        """
        ### BEGIN SOLUTION
        #: Run self.decoder on (r, x) for each x, r before x, and return the means and the deviations.
        #:
        #: - log(1 + exp s) is softplus. F.softplus does not overflow where exp(s) does.
        #: - MIN_DEVIATION, 0.1, is the floor: without it the loss grows without bounds where a prediction is wrong
        #:   and the network is sure of it.
        #: - Each x is answered by itself.
        mean, s = self.decoder(torch.cat([r.expand(len(x), -1), x], dim=-1)).split(1, dim=-1)
        return mean, MIN_DEVIATION + (1 - MIN_DEVIATION) * F.softplus(s)
        ### END SOLUTION

    def predict(self, x_support, y_support, x_query):
        """Predict a function at the query's points from its support: (mean, deviation), each (Q, 1)."""
        return self.decode(self.represent(x_support, y_support), x_query)

    def step(self, tasks):
        """Compute the loss of a batch of tasks; its gradient and the optimizer's step are the caller's.

        Args:
            tasks: a list of (x_support, y_support, x_query, y_query), float tensors (K, 1), (K, 1), (Q, 1), (Q, 1).

        Returns:
            Scalar tensor: the mean over tasks of the mean over the query of
            -log N(y; mu, sigma^2) = (y - mu)^2 / (2 sigma^2) + log sigma + log(2 pi) / 2.
            The last term is a constant, and may be left out.
        """
        loss_batch = []
        for x_support, y_support, x_query, y_query in tasks:
            ### BEGIN SOLUTION
            #: Predict the query from the support with self.predict, and append the mean of -log N(y; mu, sigma^2)
            #: over the query.
            #:
            #: - y_query holds the answers: it belongs in the loss, and nowhere else.
            #: - Where a function of PyTorch wants a deviation, and where a variance?
            mean, deviation = self.predict(x_support, y_support, x_query)
            loss_batch.append(-torch.distributions.Normal(mean, deviation).log_prob(y_query).mean())
            ### END SOLUTION
        return torch.stack(loss_batch).mean()
