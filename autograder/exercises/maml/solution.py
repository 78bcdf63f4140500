"""Problem 2: MAML, after Finn et al. (2017), "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks".

MAML learns an initialisation theta from which a few gradient steps on a task's support give parameters phi that
classify the task's query well. The inner loop takes those steps; the outer loop differentiates through them.
"""

import torch
import torch.nn.functional as F
from torch import autograd, nn

from hw2 import util

NUM_INPUT_CHANNELS = 1
NUM_HIDDEN_CHANNELS = 32
KERNEL_SIZE = 3
NUM_CONV_LAYERS = 4


class MAML:
    """An initialisation, its inner learning rates and the optimizer of both.

    Args:
        num_outputs: N, the classes of a task.
        num_inner_steps: gradient steps of the inner loop.
        inner_lr: alpha, their learning rate.
        learn_inner_lrs: whether the optimizer learns the inner learning rates too.
        outer_lr: learning rate of Adam, the optimizer of the outer loop.
        log_dir: where hw2/train.py keeps logs and checkpoints.
        device: where to compute, "cpu" by default.

    Attributes:
        _meta_parameters: theta, a dict of leaf tensors by name.
        _inner_lrs: alpha, a dict of scalar tensors by the same names: each parameter has a rate of its own.
    """

    def __init__(self, num_outputs, num_inner_steps, inner_lr, learn_inner_lrs, outer_lr, log_dir, device="cpu"):
        self.device = torch.device(device)
        parameters = {}
        in_channels = NUM_INPUT_CHANNELS
        for i in range(NUM_CONV_LAYERS):
            shape = (NUM_HIDDEN_CHANNELS, in_channels, KERNEL_SIZE, KERNEL_SIZE)
            parameters[f"conv{i}"] = nn.init.xavier_uniform_(torch.empty(shape, device=self.device))
            parameters[f"b{i}"] = torch.zeros(NUM_HIDDEN_CHANNELS, device=self.device)
            in_channels = NUM_HIDDEN_CHANNELS
        shape = (num_outputs, NUM_HIDDEN_CHANNELS)
        parameters[f"w{NUM_CONV_LAYERS}"] = nn.init.xavier_uniform_(torch.empty(shape, device=self.device))
        parameters[f"b{NUM_CONV_LAYERS}"] = torch.zeros(num_outputs, device=self.device)
        self._meta_parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
        self._num_inner_steps = num_inner_steps
        self._inner_lrs = {
            name: torch.tensor(inner_lr, device=self.device, requires_grad=learn_inner_lrs) for name in parameters
        }
        learned = [*self._meta_parameters.values(), *(self._inner_lrs.values() if learn_inner_lrs else [])]
        self._outer_lr = outer_lr
        self._optimizer = torch.optim.Adam(learned, lr=outer_lr)
        self._log_dir = log_dir

    def _forward(self, images, parameters):
        """Class logits (n, N) of images (n, 1, 28, 28) under the given parameters.

        Convolutions of stride 2, each with batch normalisation by the statistics of these images, as in the paper's
        section 5.2; then the mean over positions and a linear layer.
        """
        x = images
        for i in range(NUM_CONV_LAYERS):
            x = F.conv2d(x, parameters[f"conv{i}"], parameters[f"b{i}"], stride=2, padding=KERNEL_SIZE // 2)
            x = F.batch_norm(x, None, None, training=True)
            x = F.relu(x)
        x = x.mean(dim=(2, 3))
        return F.linear(x, parameters[f"w{NUM_CONV_LAYERS}"], parameters[f"b{NUM_CONV_LAYERS}"])

    def _inner_loop(self, images, labels, train):
        """Adapt to one task: gradient steps on its support, starting from theta.

            phi_0 = theta,   phi_{i+1} = phi_i - alpha * grad_{phi_i} L(phi_i, support)

        Args:
            images: support images (N * K, 1, 28, 28).
            labels: integer tensor (N * K,).
            train: whether the outer loop will differentiate through the steps.

        Returns:
            (parameters, accuracies): phi after all steps, a dict by name like self._meta_parameters, which keep their
            values; and num_inner_steps + 1 floats, the support accuracy before each step and after the last.
        """
        accuracies = []
        parameters = {name: torch.clone(tensor) for name, tensor in self._meta_parameters.items()}
        ### BEGIN SOLUTION
        #: Adapt to the support by self._num_inner_steps gradient steps and return (parameters, accuracies).
        #:
        #: What must hold:
        #: - L is the mean cross entropy of the support, its logits those of self._forward(images, parameters).
        #: - Each step starts from the last one's result, and uses each parameter's own rate in
        #:   self._inner_lrs. theta keeps its values.
        #: - accuracies are floats (util.score computes one): num_inner_steps + 1 of them, one before each step
        #:   and one after the last, each under the parameters of that moment.
        #: - With train=True a gradient can be taken through all of it: with respect to theta, also through the
        #:   gradients of the inner steps (second order; what does autograd.grad need for that?), and with
        #:   respect to the rates.
        #: - With train=False the adapted parameters are the same, but no graph is made of the inner gradients.
        for _ in range(self._num_inner_steps):
            logits = self._forward(images, parameters)
            accuracies.append(util.score(logits, labels))
            loss = F.cross_entropy(logits, labels)
            gradients = autograd.grad(loss, list(parameters.values()), create_graph=train)
            parameters = {
                name: parameter - self._inner_lrs[name] * gradient
                for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True)
            }
        accuracies.append(util.score(self._forward(images, parameters), labels))
        return parameters, accuracies
        ### END SOLUTION

    def _outer_step(self, task_batch, train):
        """Outer loss of a batch of tasks: how well theta adapts.

            min over theta (and alpha) of the mean over tasks of  L(phi(theta, support), query)

        Args:
            task_batch: a list of tasks (images_support, labels_support, images_query, labels_query).
            train: whether a gradient of the outer loss will be taken.

        Returns:
            (outer_loss, accuracies_support, accuracy_query): a scalar tensor, the mean over the tasks of the query
            loss at the adapted parameters; the support accuracies of _inner_loop, averaged over the tasks,
            num_inner_steps + 1 of them; the query accuracy after adaptation, a float, averaged over the tasks.
            Gradients are taken and the optimizer is stepped by the caller, not here.
        """
        outer_loss_batch = []
        accuracies_support_batch = []
        accuracy_query_batch = []
        for task in task_batch:
            images_support, labels_support, images_query, labels_query = (part.to(self.device) for part in task)
            ### BEGIN SOLUTION
            #: For this task: adapt to the support with self._inner_loop, then judge the adapted parameters on
            #: the query. Append
            #:     to outer_loss_batch         the cross entropy of the query at the adapted parameters, a scalar
            #:                                 tensor,
            #:     to accuracies_support_batch the support accuracies that _inner_loop returned,
            #:     to accuracy_query_batch     the query accuracy at the adapted parameters, a float (util.score
            #:                                 computes it).
            parameters, accuracies_support = self._inner_loop(images_support, labels_support, train)
            logits = self._forward(images_query, parameters)
            outer_loss_batch.append(F.cross_entropy(logits, labels_query))
            accuracies_support_batch.append(accuracies_support)
            accuracy_query_batch.append(util.score(logits, labels_query))
            ### END SOLUTION
        outer_loss = torch.mean(torch.stack(outer_loss_batch))
        accuracies_support = torch.tensor(accuracies_support_batch).mean(dim=0).tolist()
        accuracy_query = sum(accuracy_query_batch) / len(task_batch)
        return outer_loss, accuracies_support, accuracy_query
