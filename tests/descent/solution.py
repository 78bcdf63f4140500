"""Problem 3: Descent, after Nichol et al. (2018), "On First-Order Meta-Learning Algorithms".

Descent adapts to each task of a batch by plain gradient descent, and then moves the initialisation towards the adapted
parameters: no gradient is taken through the inner loop.
"""

import torch


class Descent:
    """Descent on a vector of parameters.

    Args:
        inner_lr: step size of the inner loop.
        outer_lr: share of the way to the adapted parameters, between 0 and 1.
    """

    def __init__(self, inner_lr, outer_lr):
        self._inner_lr = inner_lr
        self._outer_lr = outer_lr

    def adapt(self, parameters, loss, num_steps):
        """Adapt to one task: phi_0 = theta, phi_{i+1} = phi_i - alpha * gradient of the loss at phi_i.

        Args:
            parameters: float tensor (n,), theta.
            loss: takes a tensor (n,) and returns a scalar tensor.
            num_steps: of gradient descent.

        Returns:
            Float tensor (n,), the adapted parameters, without a graph. The parameters given stay as they are.
        """
        ### BEGIN SOLUTION
        #: Take num_steps steps of gradient descent from the parameters, and return where they end.
        adapted = parameters.detach().clone()
        for _ in range(num_steps):
            adapted.requires_grad_(True)
            (gradient,) = torch.autograd.grad(loss(adapted), adapted)
            adapted = (adapted - self._inner_lr * gradient).detach()
        return adapted
        ### END SOLUTION

    def outer_step(self, parameters, adapted):
        """Move the initialisation towards the adapted parameters: theta + epsilon * mean of (phi - theta).

        Args:
            parameters: float tensor (n,), theta.
            adapted: float tensor (tasks, n), the adapted parameters phi of each task.

        Returns:
            Float tensor (n,), the new initialisation.
        """
        ### BEGIN SOLUTION
        #: Return the parameters, moved by the share outer_lr of the mean difference to the adapted ones.
        return parameters + self._outer_lr * (adapted - parameters).mean(dim=0)
        ### END SOLUTION
