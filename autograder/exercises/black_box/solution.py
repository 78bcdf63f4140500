"""Problem 2: a black-box meta-learner, after Santoro et al. (2016), "Meta-Learning with Memory-Augmented Neural
Networks".

An LSTM reads an episode as a sequence of (drawing, label) pairs. The labels of the query are kept from it, and where
they would stand it says what it believes they are. No gradient step is taken on a new task: all learning happens in
the hidden state while the support goes by.
"""

import torch
import torch.nn.functional as F
from torch import nn


def initialize_weights(lstm):
    """Start an LSTM from Xavier-uniform input weights, orthogonal recurrent weights and zero biases."""
    nn.init.xavier_uniform_(lstm.weight_ih_l0)
    nn.init.orthogonal_(lstm.weight_hh_l0)
    nn.init.zeros_(lstm.bias_ih_l0)
    nn.init.zeros_(lstm.bias_hh_l0)


class MANN(nn.Module):
    """Two LSTM layers: the first reads (drawing, label) pairs, the second writes N logits for each.

    Args:
        num_classes: N.
        samples_per_class: K, the support drawings of each class.
        hidden_dim: size of the first layer's hidden state.
    """

    def __init__(self, num_classes, samples_per_class, hidden_dim):
        super().__init__()
        self.num_classes = num_classes
        self.samples_per_class = samples_per_class
        self.layer1 = nn.LSTM(784 + num_classes, hidden_dim, batch_first=True)
        self.layer2 = nn.LSTM(hidden_dim, num_classes, batch_first=True)
        initialize_weights(self.layer1)
        initialize_weights(self.layer2)

    def forward(self, input_images, input_labels):
        """Predict the label of every drawing of a batch of episodes.

        Args:
            input_images: float tensor (B, K+1, N, 784).
            input_labels: float tensor (B, K+1, N, N), one-hot; its last row holds the query labels, which the network
                must not see (hw1/train.py puts zeros there when it tests). It belongs to the caller, who needs it for
                the loss: leave it as it is.

        Returns:
            Logits, a float tensor (B, K+1, N, N). Only the last row, the query, counts.
        """
        ### BEGIN SOLUTION
        #: Run layer1 and layer2 over the episodes and return logits (B, K+1, N, N).
        #:
        #: - An episode is one sequence of (K+1) * N steps, a drawing and its label at each: the whole support
        #:   before the first query. No episode knows of the others, or of an earlier call.
        #: - Where the label of a query would stand, all N of them, there are zeros. The caller's input_labels
        #:   stay as they are: they are the targets of the loss.
        #: - layer2 reads the outputs of layer1 as they are, and the outputs of layer2 are returned as they are.
        #:
        #: What is in memory in which order? Before you reshape, say which axis is to run fastest.
        B, rows, N, _ = input_images.shape
        hidden_labels = torch.zeros_like(input_labels[:, -1:])
        seen_labels = torch.cat([input_labels[:, :-1], hidden_labels], dim=1)
        sequence = torch.cat([input_images, seen_labels], dim=-1).reshape(B, rows * N, -1)
        states, _ = self.layer1(sequence)
        logits, _ = self.layer2(states)
        return logits.reshape(B, rows, N, N)
        ### END SOLUTION

    def loss_function(self, preds, labels):
        """Cross entropy of the query.

        Args:
            preds: logits (B, K+1, N, N), as forward returns them; any size.
            labels: one-hot labels (B, K+1, N, N).

        Returns:
            Scalar tensor: the mean over all B * N queries of  -log softmax(logits)[label].
        """
        ### BEGIN SOLUTION
        #: Return the mean cross entropy of the query, the last row, over all B * N queries: a scalar tensor
        #: through which gradients flow.
        #:
        #: Read in the documentation of F.cross_entropy which dimension it takes for the classes, and what it
        #: does with logits. It does not complain about a wrong one.
        N = self.num_classes
        return F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))
        ### END SOLUTION
