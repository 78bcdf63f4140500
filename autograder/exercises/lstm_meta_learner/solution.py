"""The LSTM meta-learner, after Ravi and Larochelle (2017), "Optimization as a Model for Few-Shot Learning".

A gradient step, theta - alpha * gradient, has the form of the update of an LSTM's cell. So the parameters of a network
are taken for the cell of an LSTM, whose gates say, for each number and in each step, how much of it is kept and how far
it goes along the gradient. The gates are learned, and so is the cell from which every task starts.

In the paper's experiments another LSTM reads gradient and loss first, and the gates see what it says. Here, as in the
equations of its section 3.1, they see gradient and loss themselves.
"""

import math

import torch
import torch.nn.functional as F
from torch import autograd

from hw2 import network, util

P = 10  # of the preprocessing
NUM_GATE_INPUTS = 6  # gradient and loss two each, the number itself, the gate's last value
FORGET_BIAS = 5.0  # what the forget gate begins with: sigmoid(5) = 0.993


def preprocess(values):
    """Tell the size of each number from its sign (appendix A of Andrychowicz et al., 2016; section 3.2 of the paper).

        x  ->  (log|x| / p, sgn(x))   where |x| >= exp(-p)
               (-1, exp(p) * x)       elsewhere,                with p = P

    Gradients differ by orders of magnitude. The first number grows by one where x becomes exp(p) times as large, and
    the second says which way x points.

    Args:
        values: float tensor of any shape (...), which may have zeros.

    Returns:
        Float tensor (..., 2).
    """
    ### BEGIN SOLUTION
    #: Compute both numbers for every x, and stack them along a new last axis.
    #:
    #: - Both signs, very large and very small sizes, and 0, which becomes (-1, 0), have to come out right.
    #: - torch.where computes both of its branches, for all numbers. What is the logarithm of 0?
    size = values.abs()
    is_small = size < math.exp(-P)
    first = torch.where(is_small, -torch.ones_like(values), size.clamp(min=math.exp(-P)).log() / P)
    second = torch.where(is_small, math.exp(P) * values, values.sign())
    return torch.stack([first, second], dim=-1)
    ### END SOLUTION


def gate(gradient, loss, theta, last, weight, bias):
    """One gate, for every number of a parameter (the equations of i_t and f_t in section 3.1).

        sigmoid(weight . [preprocess(gradient), preprocess(loss), theta, last] + bias)

    Coordinate by coordinate: a number's gate goes by its own gradient, its own value and its own last gate, and by
    the loss, which all have in common. The weights are the same for all numbers.

    Args:
        gradient: of the loss with respect to theta, float tensor (...).
        loss: scalar tensor.
        theta: the parameter, float tensor (...).
        last: what the gate was in the step before, float tensor (...).
        weight: float tensor (6,), in the order of the equation.
        bias: scalar tensor.

    Returns:
        Float tensor (...), between 0 and 1.
    """
    ### BEGIN SOLUTION
    #: Put the six inputs of each number side by side, (..., 6), and return the sigmoid of their linear function.
    #:
    #: - gradient and loss are preprocessed, theta and last are taken as they are.
    #: - Every number of theta has the same loss.
    #: - theta, last, weight and bias get their gradients.
    told = preprocess(loss).expand(*theta.shape, 2)
    inputs = torch.cat([preprocess(gradient), told, theta.unsqueeze(-1), last.unsqueeze(-1)], dim=-1)
    return torch.sigmoid(inputs @ weight + bias)
    ### END SOLUTION


class LSTMMetaLearner:
    """The cell from which tasks start, the two gates, and the optimizer of both.

    Args:
        num_outputs: N, the classes of a task.
        num_inner_steps: T, steps of the inner loop.
        inner_lr: about what the input gate is when training begins, between 0 and 1.
        outer_lr: learning rate of Adam, the optimizer of the outer loop.
        log_dir: where hw2/train.py keeps logs and checkpoints.
        device: where to compute, "cpu" by default.

    Attributes:
        _meta_parameters: c_0, a dict of leaf tensors by name.
        _gates: of the input gate "w_i" (6,) and "b_i" (), of the forget gate "w_f" and "b_f": leaf tensors.
    """

    def __init__(self, num_outputs, num_inner_steps, inner_lr, outer_lr, log_dir, device="cpu"):
        self.device = torch.device(device)
        parameters = network.initial_parameters(num_outputs, self.device)
        self._meta_parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
        # Small weights, and biases by which it begins as gradient descent (section 3.3): keep all, go inner_lr far.
        biases = {"b_i": math.log(inner_lr / (1 - inner_lr)), "b_f": FORGET_BIAS}
        weights = {name: 0.01 * torch.randn(NUM_GATE_INPUTS) for name in ("w_i", "w_f")}
        gates = weights | {name: torch.tensor(bias) for name, bias in biases.items()}
        self._gates = {name: tensor.to(self.device).requires_grad_() for name, tensor in gates.items()}
        self._num_inner_steps = num_inner_steps
        self._optimizer = torch.optim.Adam([*self._meta_parameters.values(), *self._gates.values()], lr=outer_lr)
        self._log_dir = log_dir

    def _forward(self, images, parameters):
        """Class logits (n, N) of images (n, 1, 28, 28) under the given parameters: see hw2/network.py."""
        return network.logits(images, parameters)

    def _on_device(self, task):
        """The four parts of a task, where the parameters are."""
        return [part.to(self.device) for part in task]

    def _inner_loop(self, images, labels, train):
        """Adapt to one task: T steps of an LSTM whose cell are the parameters (section 3.1 of the paper).

            theta_{t-1} = c_{t-1},   g_t = grad_theta L(theta_{t-1}, support)
            i_t = gate(g_t, L_t, theta_{t-1}, i_{t-1}; w_i, b_i),   f_t = gate(g_t, L_t, theta_{t-1}, f_{t-1}; w_f, b_f)
            c_t = f_t * c_{t-1} + i_t * (-g_t),   * number by number

        Args:
            images: support images (N * K, 1, 28, 28).
            labels: integer tensor (N * K,).
            train: whether the outer loop will differentiate through the steps.

        Returns:
            (parameters, accuracies): c_T, a dict by name like self._meta_parameters, which keep their values; and
            T + 1 floats, the support accuracy before each step and after the last.
        """
        ### BEGIN SOLUTION
        #: Take self._num_inner_steps steps from c_0 = self._meta_parameters, and return (parameters, accuracies).
        #:
        #: What must hold:
        #: - L is the mean cross entropy of the support, its logits those of self._forward(images, parameters).
        #: - Gates are of your function gate, with the weights of self._gates. Before the first step i_0 = f_0 = 0. What
        #:   a step's gates were is what the next step is given: each gate its own, number by number.
        #: - g_t and L_t are constants (section 3.3): nothing is differentiated through them. But c_t keeps its graph to
        #:   c_0 and to the gates' weights, through c_{t-1}, i_t and f_t. What do you differentiate L with respect to,
        #:   so that both hold?
        #: - accuracies are T + 1 floats (util.score computes one): before each step, and after the last.
        #: - With train=False the values are the same, and no graph is made.
        cell = self._meta_parameters
        last_i = last_f = {name: torch.zeros_like(c) for name, c in cell.items()}
        w_i, b_i, w_f, b_f = (self._gates[name] for name in ("w_i", "b_i", "w_f", "b_f"))
        accuracies = []
        for _ in range(self._num_inner_steps):
            theta = {name: c.detach().requires_grad_() for name, c in cell.items()}
            logits = self._forward(images, theta)
            loss = F.cross_entropy(logits, labels)
            g = dict(zip(theta, autograd.grad(loss, list(theta.values())), strict=True))
            accuracies.append(util.score(logits, labels))
            with torch.set_grad_enabled(train):
                last_i = {n: gate(g[n], loss.detach(), c, last_i[n], w_i, b_i) for n, c in cell.items()}
                last_f = {n: gate(g[n], loss.detach(), c, last_f[n], w_f, b_f) for n, c in cell.items()}
                cell = {n: last_f[n] * c + last_i[n] * -g[n] for n, c in cell.items()}
        with torch.no_grad():
            accuracies.append(util.score(self._forward(images, cell), labels))
        return cell, accuracies
        ### END SOLUTION

    def _outer_step(self, task_batch, train):
        """Outer loss of a batch of tasks: how good the cells are after T steps.

            min over c_0 and the gates' weights of the mean over tasks of  L(c_T, query)

        Args:
            task_batch: a list of tasks (images_support, labels_support, images_query, labels_query).
            train: whether a gradient of the outer loss will be taken.

        Returns:
            (outer_loss, accuracies_support, accuracy_query): a scalar tensor, the mean over the tasks of the query
            loss at the adapted parameters; T + 1 floats, the support accuracies of _inner_loop, averaged over the
            tasks; the query accuracy after adaptation, a float, averaged over the tasks. Gradients are taken and
            the optimizer is stepped by the caller, not here.
        """
        ### BEGIN SOLUTION
        #: Adapt to each task's support by self._inner_loop, judge the adapted parameters on its query, and return
        #: (outer_loss, accuracies_support, accuracy_query), all three averaged over the tasks.
        losses, accuracies_support, accuracies_query = [], [], []
        for task in task_batch:
            images_support, labels_support, images_query, labels_query = self._on_device(task)
            parameters, accuracies = self._inner_loop(images_support, labels_support, train)
            logits = self._forward(images_query, parameters)
            losses.append(F.cross_entropy(logits, labels_query))
            accuracies_support.append(accuracies)
            accuracies_query.append(util.score(logits, labels_query))
        by_step = torch.tensor(accuracies_support).mean(dim=0).tolist()
        return torch.stack(losses).mean(), by_step, sum(accuracies_query) / len(task_batch)
        ### END SOLUTION
