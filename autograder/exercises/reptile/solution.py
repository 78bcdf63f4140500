"""Problem 3: Reptile, after Nichol et al. (2018), "On First-Order Meta-Learning Algorithms".

Reptile learns an initialisation theta from which a task is learned in a few gradient steps. It learns each task of a
batch by steps on minibatches, and then moves theta a part of the way towards where these trainings ended.
"""

import torch
import torch.nn.functional as F
from torch import autograd

from hw2 import network


class Reptile:
    """An initialisation, and how it is moved.

    Args:
        num_outputs: N, the classes of a task.
        num_inner_steps: k, gradient steps of the inner loop.
        inner_lr: alpha, their learning rate.
        batch_size: drawings in a minibatch of the inner loop.
        outer_lr: epsilon when training begins: which share of the way theta moves, 0 .. 1.
        log_dir: where hw2/train.py keeps logs and checkpoints.
        device: where to compute, "cpu" by default.

    Attributes:
        _meta_parameters: theta, a dict of leaf tensors by name.
    """

    def __init__(self, num_outputs, num_inner_steps, inner_lr, batch_size, outer_lr, log_dir, device="cpu"):
        self.device = torch.device(device)
        parameters = network.initial_parameters(num_outputs, self.device)
        self._meta_parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
        self._num_inner_steps = num_inner_steps
        self._inner_lr = inner_lr
        self._batch_size = batch_size
        self._outer_lr = outer_lr
        self._log_dir = log_dir

    def _forward(self, images, parameters):
        """Class logits (n, N) of images (n, 1, 28, 28) under the given parameters: see hw2/network.py."""
        return network.logits(images, parameters)

    def _inner_loop(self, images, labels):
        """Learn one task: k gradient steps, each on a minibatch of its drawings, starting from theta.

            phi_0 = theta,   phi_{i+1} = phi_i - alpha * grad_{phi_i} L(phi_i, minibatch i)

        Args:
            images: drawings of the task (n, 1, 28, 28), in any order.
            labels: integer tensor (n,).

        Returns:
            phi after all steps, a dict by name like self._meta_parameters, which keep their values. Nobody
            differentiates through the steps, and phi needs no graph.
        """
        ### BEGIN SOLUTION
        #: Take self._num_inner_steps gradient steps from theta, and return where they end.
        #:
        #: What must hold:
        #: - Each step has a minibatch of its own: self._batch_size different drawings, chosen at random; all n of
        #:   them where there are no more. They go through self._forward together.
        #: - L is the mean cross entropy of the minibatch.
        #: - Each step starts from the last one's result, and moves all parameters. theta keeps its values.
        phi = {name: tensor.detach().clone() for name, tensor in self._meta_parameters.items()}
        for _ in range(self._num_inner_steps):
            minibatch = torch.randperm(len(labels))[: self._batch_size]
            phi = {name: tensor.requires_grad_() for name, tensor in phi.items()}
            loss = F.cross_entropy(self._forward(images[minibatch], phi), labels[minibatch])
            gradients = dict(zip(phi, autograd.grad(loss, list(phi.values())), strict=True))
            phi = {name: (tensor - self._inner_lr * gradients[name]).detach() for name, tensor in phi.items()}
        return phi
        ### END SOLUTION

    def _outer_step(self, task_batch, done):
        """Move theta towards what the tasks of a batch make of it.

            theta <- theta + epsilon * mean over the tasks of (phi - theta)

        Args:
            task_batch: a list of tasks (images_support, labels_support, images_query, labels_query). Reptile needs no
                query: it learns from all drawings of a task, as if they were one support.
            done: the share of the training that is over, from 0 to 1. With it epsilon falls from self._outer_lr to 0,
                in a straight line.

        Returns:
            Nothing: self._meta_parameters has other values afterwards.
        """
        ### BEGIN SOLUTION
        #: Learn each task with self._inner_loop, all from the same theta, and move theta by epsilon times the mean
        #: of phi - theta. No gradient is taken here, and no graph is needed: what does torch.no_grad() do?
        results = []
        for images_support, labels_support, images_query, labels_query in task_batch:
            images = torch.cat([images_support, images_query]).to(self.device)
            labels = torch.cat([labels_support, labels_query]).to(self.device)
            results.append(self._inner_loop(images, labels))
        epsilon = self._outer_lr * (1 - done)
        with torch.no_grad():
            for name, theta in self._meta_parameters.items():
                theta += epsilon * torch.stack([phi[name] - theta for phi in results]).mean(dim=0)
        ### END SOLUTION
