"""Problem 1: prototypical networks, after Snell et al. (2017), "Prototypical Networks for Few-shot Learning".

A network f embeds drawings so that each class of a task is told by one point, its prototype: the mean of the class's
support features. A query belongs to the class of the nearest prototype.
"""

import torch
import torch.nn.functional as F
from torch import nn

from hw2 import util

NUM_INPUT_CHANNELS = 1
NUM_HIDDEN_CHANNELS = 64
KERNEL_SIZE = 3
NUM_CONV_LAYERS = 4


class ProtoNetNetwork(nn.Module):
    """Four convolution blocks, images (n, 1, 28, 28) to features (n, 64): the embedding f of the paper."""

    def __init__(self):
        super().__init__()
        layers = []
        in_channels = NUM_INPUT_CHANNELS
        for _ in range(NUM_CONV_LAYERS):
            layers += [
                nn.Conv2d(in_channels, NUM_HIDDEN_CHANNELS, KERNEL_SIZE, padding="same"),
                nn.BatchNorm2d(NUM_HIDDEN_CHANNELS),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            in_channels = NUM_HIDDEN_CHANNELS
        layers.append(nn.Flatten())
        self._layers = nn.Sequential(*layers)

    def forward(self, images):
        """Embed images (n, channels, height, width) as features (n, D)."""
        return self._layers(images)


class ProtoNet:
    """A prototypical network and its optimizer.

    Args:
        learning_rate: of Adam.
        log_dir: where hw2/train.py keeps logs and checkpoints.
        device: where to compute, "cpu" by default.
    """

    def __init__(self, learning_rate, log_dir, device="cpu"):
        self.device = torch.device(device)
        self._network = ProtoNetNetwork().to(self.device)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=learning_rate)
        self._log_dir = log_dir

    def _prototypes(self, features, labels):
        """One prototype a class, the mean of its support features (equation 1 of the paper).

            c_k = 1 / |S_k| * sum of f(x_i) over the (x_i, y_i) in S_k

        Args:
            features: float tensor (N * K, D).
            labels: integer tensor (N * K,) with values 0 .. N-1, each K times, in any order.

        Returns:
            Float tensor (N, D): row k is the prototype of class k. Gradients flow back into features.
        """
        ### BEGIN SOLUTION
        #: Return the mean of each class's features, (N, D), row k for class k.
        #:
        #: Labels come in any order, so go by their values and not by position. Keep the graph: under
        #: torch.no_grad() or after detach() the numbers would be right, but the network could no longer learn
        #: through the support.
        return torch.stack([features[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])
        ### END SOLUTION

    def _logits(self, features, prototypes):
        """Score each query against each prototype (equation 2 of the paper, before the softmax).

            logit_qk = -|| f(x_q) - c_k ||^2

        Args:
            features: float tensor (Q, D).
            prototypes: float tensor (N, D).

        Returns:
            Float tensor (Q, N), the negative squared Euclidean distances.
        """
        ### BEGIN SOLUTION
        #: Return the negative squared Euclidean distance of every query to every prototype, (Q, N).
        #:
        #: Squared, so no square root; negative, so that the nearest prototype has the largest logit; and no
        #: softmax, since the cross entropy applies it. Broadcasting (Q, 1, D) against (1, N, D) avoids loops.
        return -(features[:, None] - prototypes[None]).square().sum(dim=-1)
        ### END SOLUTION

    def _step(self, task_batch):
        """Loss and accuracies of a batch of tasks.

        Args:
            task_batch: a list of tasks (images_support, labels_support, images_query, labels_query): images
                (n, 1, 28, 28), ink 1, and integer labels (n,). Support and query have n = N * K and n = Q.

        Returns:
            (loss, accuracy_support, accuracy_query): the loss is a scalar tensor, the mean over the tasks of the cross
            entropy of the query; the accuracies are floats, means over the tasks, of classifying the support drawings
            and the query drawings by the same prototypes.
        """
        loss_batch = []
        accuracy_support_batch = []
        accuracy_query_batch = []
        for task in task_batch:
            images_support, labels_support, images_query, labels_query = (part.to(self.device) for part in task)
            ### BEGIN SOLUTION
            #: For this task: embed support and query with self._network, make prototypes of the support with
            #: self._prototypes, and compute logits of both against them with self._logits. Append
            #:     to loss_batch             the cross entropy of the query logits, a scalar tensor,
            #:     to accuracy_support_batch the accuracy on the support, a float (util.score computes it),
            #:     to accuracy_query_batch   the accuracy on the query, a float.
            #:
            #: _step is judged with other functions in the place of these two, so call them: then a mistake in one
            #: of them costs its own points only.
            #:
            #: Embed all support drawings in one pass, not class by class: batch normalisation takes its
            #: statistics from the pass, and those of a single class remove what tells it from the others.
            features_support = self._network(images_support)
            features_query = self._network(images_query)
            prototypes = self._prototypes(features_support, labels_support)
            logits_support = self._logits(features_support, prototypes)
            logits_query = self._logits(features_query, prototypes)
            loss_batch.append(F.cross_entropy(logits_query, labels_query))
            accuracy_support_batch.append(util.score(logits_support, labels_support))
            accuracy_query_batch.append(util.score(logits_query, labels_query))
            ### END SOLUTION
        return (
            torch.mean(torch.stack(loss_batch)),
            sum(accuracy_support_batch) / len(task_batch),
            sum(accuracy_query_batch) / len(task_batch),
        )
