"""iMAML, after Rajeswaran et al. (2019), "Meta-Learning with Implicit Gradients".

The inner loop is held near theta by a proximal term. Where it has come to rest, the implicit function theorem says how
the adapted parameters move with theta, and nobody needs to know by which steps they were reached.
"""

import torch
import torch.nn.functional as F
from torch import autograd

from hw2 import network, util


def flat(tensors):
    """All numbers of some tensors in one row, one tensor after the other."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def named(row, like):
    """A dict of tensors with the names and shapes of another, filled from a row of numbers: the opposite of flat."""
    parts = row.split([tensor.numel() for tensor in like.values()])
    return {name: part.reshape(like[name].shape) for name, part in zip(like, parts, strict=True)}


def conjugate_gradient(product, b, num_steps):
    """Solve A x = b, where A is symmetric and positive definite and known by its products alone.

        x_0 = 0,  r_0 = p_0 = b
        a_i     = <r_i, r_i> / <p_i, A p_i>
        x_{i+1} = x_i + a_i p_i                                            the solution, so far
        r_{i+1} = r_i - a_i A p_i                                          its residual, b - A x_{i+1}
        p_{i+1} = r_{i+1} + <r_{i+1}, r_{i+1}> / <r_i, r_i> p_i            where to go next

    Args:
        product: takes a tensor v (n,) and returns A v (n,).
        b: tensor (n,).
        num_steps: how many steps to take. After n of them x solves the system, but for rounding.

    Returns:
        x (n,) after so many steps, or what there is of it where a step cannot be taken: where the residual has become 0
        (as small as rounding makes it, say a billionth of b's length), which would divide 0 by 0, and where
        <p_i, A p_i> is not positive, so that A is not positive definite, and the step would lead away. Where that is so
        of the first step there is nothing yet, and b itself is returned, as if A were the identity (Nocedal and Wright,
        2006, algorithm 7.1).
    """
    # TODO: Follow the five equations. A step needs one product. Two things end the loop early: see Returns.
    raise NotImplementedError("conjugate_gradient is still to do")


class IMAML:
    """An initialisation, and the optimizer that learns it from implicit gradients.

    Args:
        num_outputs: N, the classes of a task.
        num_inner_steps: gradient steps of the inner loop.
        inner_lr: alpha, their learning rate.
        regularization: lambda, the strength of the proximal term.
        num_cg_steps: steps of conjugate gradient.
        outer_lr: learning rate of Adam, the optimizer of the outer loop.
        log_dir: where hw2/train.py keeps logs and checkpoints.
        device: where to compute, "cpu" by default.

    Attributes:
        _meta_parameters: theta, a dict of leaf tensors by name.
    """

    def __init__(
        self,
        num_outputs,
        num_inner_steps,
        inner_lr,
        regularization,
        num_cg_steps,
        outer_lr,
        log_dir,
        device="cpu",
    ):
        self.device = torch.device(device)
        parameters = network.initial_parameters(num_outputs, self.device)
        self._meta_parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
        self._num_inner_steps = num_inner_steps
        self._inner_lr = inner_lr
        self._regularization = regularization
        self._num_cg_steps = num_cg_steps
        self._optimizer = torch.optim.Adam(self._meta_parameters.values(), lr=outer_lr)
        self._log_dir = log_dir

    def _forward(self, images, parameters):
        """Class logits (n, N) of images (n, 1, 28, 28) under the given parameters: see hw2/network.py."""
        return network.logits(images, parameters)

    def _on_device(self, task):
        """The four parts of a task, where the parameters are."""
        return [part.to(self.device) for part in task]

    def _inner_loop(self, images, labels):
        """Adapt to one task: gradient steps from theta on the support's loss and the proximal term (section 2.2).

            G(phi) = L(phi, support) + lambda/2 ||phi - theta||^2
            phi_0 = theta,   phi_{i+1} = phi_i - alpha * grad_{phi_i} G(phi_i)

        Args:
            images: support images (N * K, 1, 28, 28).
            labels: integer tensor (N * K,).

        Returns:
            phi after all steps, a dict by name like self._meta_parameters, which keep their values. Nobody
            differentiates through the steps, and phi needs no graph.
        """
        # TODO: Take self._num_inner_steps gradient steps from theta, and return where they end.
        #
        # What must hold:
        # - L is the mean cross entropy of the support, its logits those of self._forward(images, parameters).
        # - ||phi - theta||^2 is the sum of squares over all numbers of all parameters; lambda is self._regularization.
        #   theta in it is that of self._meta_parameters, in every step, and keeps its values.
        # - At no time is more than one earlier step's graph kept: a hundred steps take no more memory than two.
        raise NotImplementedError("IMAML._inner_loop is still to do")

    def _implicit_gradient(self, images, labels, phi, gradient):
        """Bring a gradient with respect to phi back to theta, by the implicit function theorem (algorithm 2).

        Where phi is at rest, grad L(phi, support) + lambda (phi - theta) = 0. So d phi / d theta = (I + H / lambda)^-1
        with H, the Hessian of L at phi, and what comes back to theta is the x that solves

            (I + H / lambda) x = gradient

        Args:
            images, labels: the task's support.
            phi: where the inner loop ended, a dict like self._meta_parameters.
            gradient: of the query's loss with respect to phi, a dict like it.

        Returns:
            x, a dict like self._meta_parameters, after self._num_cg_steps steps of conjugate gradient.
        """
        # TODO: Solve the linear system by conjugate_gradient, which takes and returns one row of numbers: `flat` makes
        # one of tensors, and `named` a dict of one.
        #
        # H has as many rows as there are parameters, and is never made. A product H v is the gradient, with respect to
        # phi, of the number <grad L(phi), v>. What does autograd need so that grad L(phi) can be differentiated once
        # more, as often as there are products? H is that of the support's loss alone: the proximal term is the I.
        raise NotImplementedError("IMAML._implicit_gradient is still to do")

    def _outer_gradient(self, task_batch):
        """The outer gradient of a batch of tasks: the mean of their implicit gradients (algorithm 1).

        Args:
            task_batch: a list of tasks (images_support, labels_support, images_query, labels_query).

        Returns:
            (gradient, outer_loss, accuracy_query): a dict of tensors by name and of shape like self._meta_parameters;
            the query loss at the adapted parameters, a number; the query accuracy there, a number. All three are
            averaged over the tasks. theta keeps its values: the caller hands the gradient to the optimizer.
        """
        # TODO: Adapt to each task's support by self._inner_loop, take the gradient of the query's mean cross entropy at
        # the adapted parameters, bring it back to theta by self._implicit_gradient, and average over the tasks.
        # Return (gradient, outer_loss, accuracy_query). util.score computes an accuracy.
        raise NotImplementedError("IMAML._outer_gradient is still to do")
