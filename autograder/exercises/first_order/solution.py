"""First-order MAML, after Finn et al. (2017), "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks".

MAML's outer gradient runs back through every inner step. First-order MAML (section 5.2) takes the gradients of those
steps for constants: what is left of the outer gradient is the gradient of the query loss where the steps ended.
"""

import torch
import torch.nn.functional as F
from torch import autograd

from hw2 import network, util


class FirstOrderMAML:
    """An initialisation, and the optimizer that learns it from gradients of first order.

    Args:
        num_outputs: N, the classes of a task.
        num_inner_steps: k, gradient steps of the inner loop.
        inner_lr: alpha, their learning rate.
        outer_lr: learning rate of Adam, the optimizer of the outer loop.
        log_dir: where hw2/train.py keeps logs and checkpoints.
        device: where to compute, "cpu" by default.

    Attributes:
        _meta_parameters: theta, a dict of leaf tensors by name.
    """

    def __init__(self, num_outputs, num_inner_steps, inner_lr, outer_lr, log_dir, device="cpu"):
        self.device = torch.device(device)
        parameters = network.initial_parameters(num_outputs, self.device)
        self._meta_parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
        self._num_inner_steps = num_inner_steps
        self._inner_lr = inner_lr
        self._optimizer = torch.optim.Adam(self._meta_parameters.values(), lr=outer_lr)
        self._log_dir = log_dir

    def _forward(self, images, parameters):
        """Class logits (n, N) of images (n, 1, 28, 28) under the given parameters: see hw2/network.py."""
        return network.logits(images, parameters)

    def _on_device(self, task):
        """The four parts of a task, where the parameters are."""
        return [part.to(self.device) for part in task]

    def _inner_loop(self, images, labels):
        """Adapt to one task: k gradient steps on its support, starting from theta.

            phi_0 = theta,   phi_{i+1} = phi_i - alpha * grad_{phi_i} L(phi_i, support)

        Args:
            images: support images (N * K, 1, 28, 28).
            labels: integer tensor (N * K,).

        Returns:
            phi after all steps, a dict by name like self._meta_parameters, which keep their values. Nobody
            differentiates through the steps, and phi needs no graph.
        """
        ### BEGIN SOLUTION
        #: Take self._num_inner_steps gradient steps from theta, and return where they end.
        #:
        #: What must hold:
        #: - L is the mean cross entropy of the support, its logits those of self._forward(images, parameters).
        #: - Each step starts from the last one's result, and moves all parameters. theta keeps its values.
        #: - At no time is more than one earlier step's graph kept: a hundred steps take no more memory than two. What
        #:   keeps the graph of a step, and what lets it go?
        phi = {name: theta.detach().clone() for name, theta in self._meta_parameters.items()}
        for _ in range(self._num_inner_steps):
            phi = {name: tensor.requires_grad_() for name, tensor in phi.items()}
            loss = F.cross_entropy(self._forward(images, phi), labels)
            gradients = dict(zip(phi, autograd.grad(loss, list(phi.values())), strict=True))
            phi = {name: (tensor - self._inner_lr * gradients[name]).detach() for name, tensor in phi.items()}
        return phi
        ### END SOLUTION

    def _outer_gradient(self, task_batch):
        """The outer gradient of a batch of tasks, with all inner gradients taken for constants.

            d L(phi, query) / d theta  =  (d phi / d theta)^T grad_phi L(phi, query),   where d phi / d theta = I

        Args:
            task_batch: a list of tasks (images_support, labels_support, images_query, labels_query).

        Returns:
            (gradient, outer_loss, accuracy_query): a dict of tensors by name and of shape like self._meta_parameters;
            the query loss at the adapted parameters, a number; the query accuracy there, a number. All three are
            averaged over the tasks. theta keeps its values: the caller hands the gradient to the optimizer.
        """
        ### BEGIN SOLUTION
        #: Adapt to each task's support by self._inner_loop. Return the mean over the tasks of the gradient, at the
        #: adapted parameters, of the query's mean cross entropy, and with it (gradient, outer_loss, accuracy_query).
        #: util.score computes an accuracy.
        #:
        #: The graph of one task's query is gone before the next task comes, so that a batch of a hundred tasks takes
        #: little more memory than one: what grows is at most one gradient for each task. When do you differentiate?
        gradient = {name: torch.zeros_like(theta) for name, theta in self._meta_parameters.items()}
        losses, accuracies = [], []
        for task in task_batch:
            images_support, labels_support, images_query, labels_query = self._on_device(task)
            phi = {n: tensor.requires_grad_() for n, tensor in self._inner_loop(images_support, labels_support).items()}
            logits = self._forward(images_query, phi)
            loss = F.cross_entropy(logits, labels_query)
            for name, part in zip(phi, autograd.grad(loss, list(phi.values())), strict=True):
                gradient[name] += part / len(task_batch)
            losses.append(loss.item())
            accuracies.append(util.score(logits, labels_query))
        return gradient, sum(losses) / len(losses), sum(accuracies) / len(accuracies)
        ### END SOLUTION
