"""MAML++, after Antoniou, Edwards and Storkey (2019), "How to train your MAML".

MAML with several inner steps is hard to train. MAML++ mends it in six places: the loss of every step counts at first,
each step has learning rates, batch-norm statistics and batch-norm weights of its own, training begins with first-order
gradients, and the outer learning rate falls along a cosine.

Where this differs from the paper: the weights of the steps' losses change linearly, for which it gives no formula, and
the loss before the first step is left out. Rates are of a tensor, not of a layer. And testing, too, normalises by the
statistics of the batch, as the authors' program does. The paper's text gives each step running statistics for that: by
these our own run stayed at chance (20.6% in validation, 87.5% in training). Theta and the rates are learned for inner
gradients that run through the statistics of a batch of five drawings; through fixed ones they are other gradients.
"""

import math

import torch
import torch.nn.functional as F
from torch import autograd

from hw2 import network, util

MOMENTUM = 0.1  # share of a running statistic that each batch replaces
FIRST_ORDER_SHARE = 1 / 3  # of the training
MULTI_STEP_SHARE = 1 / 2  # of the training: then the last step alone counts
LAST_RATE_SHARE = 0.01  # what is left of the outer learning rate in the end


def loss_weights(num_steps, progress):
    """How much the query loss after each inner step counts: the v_j of the multi-step loss (MSL).

        v_j = (1 - p) / T   for j < T,      v_T = (1 - p) / T + p,      p = min(progress, 1)

    All steps count alike in the beginning, and the last step alone in the end.

    Args:
        num_steps: T, at least 1.
        progress: a float, 0 in the beginning; from 1 on nothing changes any more.

    Returns:
        Float tensor (T,). Its sum is 1.
    """
    ### BEGIN SOLUTION
    #: Return the T weights, that of the first step first.
    p = min(progress, 1.0)
    weights = torch.full((num_steps,), (1 - p) / num_steps)
    weights[-1] += p
    return weights
    ### END SOLUTION


def outer_rate(first, last, progress):
    """The learning rate of the outer loop, which falls along half a wave of the cosine (Loshchilov and Hutter, 2017).

        last + (first - last) * (1 + cos(pi * p)) / 2,      p = min(progress, 1)

    Args:
        first, last: what it is in the beginning and in the end.
        progress: a float, 0 in the beginning, 1 in the end; from then on the rate stays.

    Returns:
        A float.
    """
    ### BEGIN SOLUTION
    #: Return the rate. It falls slowly at both ends, and is halfway between first and last at progress = 1/2.
    return last + (first - last) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2
    ### END SOLUTION


class MAMLPlusPlus:
    """An initialisation, what belongs to each inner step, and the optimizer of both.

    Args:
        num_outputs: N, the classes of a task.
        num_inner_steps: T, steps of the inner loop, at least 1.
        inner_lr: what all inner learning rates are when training begins.
        outer_lr: learning rate of Adam, the optimizer of the outer loop, in the beginning.
        num_iterations: how long the training is: its annealings go by that.
        log_dir: where hw2/train.py keeps logs and checkpoints.
        device: where to compute, "cpu" by default.

    Attributes:
        _meta_parameters: theta, a dict of leaf tensors by name.
        _inner_lrs: alpha, what _initial_rates returned.
        _norms: of batch normalisation, by layer: "gain0" and "bias0" to "gain3" and "bias3", leaf tensors (T, C) with a
            row for each step. The outer loop learns them, the inner loop leaves them as they are.
        _statistics: running statistics of training, "mean0" and "var0" to "mean3" and "var3", tensors (T, C). They
            are kept to be looked at: nothing is computed from them.
        _iteration: how many outer steps have been taken, which the training program counts.
        _num_first_order: so many of them are of first order.
        _num_multi_step: after so many of them the loss of the last inner step alone counts.
    """

    def __init__(self, num_outputs, num_inner_steps, inner_lr, outer_lr, num_iterations, log_dir, device="cpu"):
        self.device = torch.device(device)
        self._num_inner_steps = num_inner_steps
        parameters = network.initial_parameters(num_outputs, self.device)
        self._meta_parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
        self._norms, self._statistics = {}, {}
        for i in range(network.NUM_CONV_LAYERS):
            ones = torch.ones(num_inner_steps, network.NUM_HIDDEN_CHANNELS, device=self.device)
            self._norms |= {f"gain{i}": ones.clone().requires_grad_(), f"bias{i}": (0 * ones).requires_grad_()}
            self._statistics |= {f"mean{i}": 0 * ones, f"var{i}": ones}
        self._inner_lrs = self._initial_rates(inner_lr)
        learned = [*self._meta_parameters.values(), *self._inner_lrs.values(), *self._norms.values()]
        self._optimizer = torch.optim.Adam(learned, lr=outer_lr)
        self._outer_lr, self._num_iterations = outer_lr, num_iterations
        self._iteration = 0
        self._num_first_order = round(FIRST_ORDER_SHARE * num_iterations)
        self._num_multi_step = max(1, round(MULTI_STEP_SHARE * num_iterations))
        self._log_dir = log_dir

    def _begin(self, iteration):
        """Get ready for an outer step: remember how many there were, and set the optimizer's learning rate."""
        self._iteration = iteration
        last = LAST_RATE_SHARE * self._outer_lr
        for group in self._optimizer.param_groups:
            group["lr"] = outer_rate(self._outer_lr, last, iteration / self._num_iterations)

    def _forward(self, images, parameters, step, train):
        """Class logits (n, N) of images (n, 1, 28, 28) under the given parameters.

        As in hw2/network.py, but with your batch normalisation, of this inner step.

        Args:
            images: (n, 1, 28, 28).
            parameters: a dict by name like self._meta_parameters.
            step: 0 .. T-1, whose gains, biases and running statistics are used.
            train: see _normalise.
        """
        x = images
        for i in range(network.NUM_CONV_LAYERS):
            x = F.conv2d(x, parameters[f"conv{i}"], parameters[f"b{i}"], stride=2, padding=network.KERNEL_SIZE // 2)
            x = F.relu(self._normalise(x, i, step, train))
        return F.linear(x.mean(dim=(2, 3)), parameters["w4"], parameters["b4"])

    def _on_device(self, task):
        """The four parts of a task, where the parameters are."""
        return [part.to(self.device) for part in task]

    def _initial_rates(self, inner_lr):
        """Make alpha as it is before training: a learning rate for each tensor of theta and each inner step (LSLR).

        Args:
            inner_lr: the value of all of them.

        Returns:
            A dict by the names of self._meta_parameters. Each tensor is of shape (T,), where the parameters are, and
            the optimizer, which is given these very tensors, can learn each of its numbers by itself.
        """
        ### BEGIN SOLUTION
        #: Return a dict of leaf tensors, one for each of self._meta_parameters, with self._num_inner_steps numbers
        #: that are inner_lr. What must a tensor have for an optimizer to learn it?
        return {
            name: torch.full((self._num_inner_steps,), inner_lr, device=self.device).requires_grad_()
            for name in self._meta_parameters
        }
        ### END SOLUTION

    def _normalise(self, x, layer, step, train):
        """Batch normalisation with gains, biases and running statistics of one inner step (BNWB and BNRS).

            gain * (x - mean) / sqrt(var + 1e-5) + bias,   for each channel

        Args:
            x: float tensor (n, C, height, width). mean and var are its own, over drawings and positions, always.
            layer: 0 .. 3.
            step: 0 .. T-1: the row of this layer's tensors in self._norms and self._statistics.
            train: whether the running statistics of this layer and step go towards those of x,
                running = (1 - MOMENTUM) * running + MOMENTUM * of x (there var may be the unbiased one, as
                F.batch_norm's), or stay as they are.

        Returns:
            Float tensor like x.
        """
        ### BEGIN SOLUTION
        #: Normalise x. F.batch_norm does all of it with the right rows:
        #: it moves the running statistics that it is given.
        #: Gradients of what you return can be taken with respect to x, gain and bias.
        mean, var = self._statistics[f"mean{layer}"][step], self._statistics[f"var{layer}"][step]
        return F.batch_norm(
            x,
            mean if train else None,
            var if train else None,
            self._norms[f"gain{layer}"][step],
            self._norms[f"bias{layer}"][step],
            training=True,
            momentum=MOMENTUM,
        )
        ### END SOLUTION

    def _inner_loop(self, images, labels, train, second_order):
        """Adapt to one task: T steps, each with rates and batch normalisation of its own.

            theta_0 = theta,   theta_{j+1} = theta_j - alpha_j * grad L(theta_j, support),   j = 0 .. T-1

        Args:
            images: support images (N * K, 1, 28, 28).
            labels: integer tensor (N * K,).
            train: whether the outer loop will take a gradient.
            second_order: whether that gradient runs through the inner gradients; without it they are constants.

        Returns:
            A list of T dicts by name like self._meta_parameters, which keep their values: the parameters after each
            step.
        """
        ### BEGIN SOLUTION
        #: Take self._num_inner_steps steps from theta, and return the parameters after each of them.
        #:
        #: What must hold:
        #: - L is the mean cross entropy of the support, its logits those of self._forward(images, parameters, step,
        #:   train), with the step's own number.
        #: - Every tensor moves at its own rate of this step, self._inner_lrs[name][step].
        #: - With train=True gradients can be taken with respect to theta and to the rates. They run through the inner
        #:   gradients with second_order=True, and not without it: what does autograd.grad need for that?
        #: - With train=False no graph is made of the inner gradients.
        parameters, path = self._meta_parameters, []
        for step in range(self._num_inner_steps):
            loss = F.cross_entropy(self._forward(images, parameters, step, train), labels)
            gradients = autograd.grad(loss, list(parameters.values()), create_graph=train and second_order)
            parameters = {
                name: theta - self._inner_lrs[name][step] * gradient
                for (name, theta), gradient in zip(parameters.items(), gradients, strict=True)
            }
            path.append(parameters)
        return path
        ### END SOLUTION

    def _outer_step(self, task_batch, train):
        """Outer loss of a batch of B tasks: the query loss after every step, weighted (MSL).

            1/B * sum over tasks, sum over j = 1 .. T of  v_j * L(theta_j, query)

        Gradients are of first order in the first self._num_first_order iterations, and of second order from then on
        (derivative-order annealing, DA).

        Args:
            task_batch: a list of tasks (images_support, labels_support, images_query, labels_query).
            train: whether a gradient of the outer loss will be taken.

        Returns:
            (outer_loss, accuracies_query): a scalar tensor; T floats, the query accuracy after each step, averaged over
            the tasks. Gradients are taken and the optimizer is stepped by the caller, not here.
        """
        ### BEGIN SOLUTION
        #: Adapt to each task's support by self._inner_loop, judge the parameters after each step on its query, and
        #: return (outer_loss, accuracies_query), both averaged over the tasks.
        #:
        #: What must hold:
        #: - Parameters after step j are judged with the batch normalisation of step j: self._forward is told the same
        #:   number as in that step's own forward pass.
        #: - v is what your function loss_weights gives at progress self._iteration / self._num_multi_step. With
        #:   train=False the last step alone counts.
        #: - second_order goes by self._iteration, and so by how many outer steps were taken before this one.
        weights = loss_weights(self._num_inner_steps, self._iteration / self._num_multi_step if train else 1.0)
        second_order = self._iteration >= self._num_first_order
        losses, accuracies = [], []
        for task in task_batch:
            images_support, labels_support, images_query, labels_query = self._on_device(task)
            path = self._inner_loop(images_support, labels_support, train, second_order)
            logits = [self._forward(images_query, phi, step, train) for step, phi in enumerate(path)]
            by_step = [F.cross_entropy(each, labels_query) for each in logits]
            losses.append(sum(weight * loss for weight, loss in zip(weights, by_step, strict=True)))
            accuracies.append([util.score(each, labels_query) for each in logits])
        return torch.stack(losses).mean(), torch.tensor(accuracies).mean(dim=0).tolist()
        ### END SOLUTION
