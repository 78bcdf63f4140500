"""CAVIA, after Zintgraf et al. (2019), "Fast Context Adaptation via Meta-Learning".

The parameters are of two kinds. A few context parameters phi say which task it is: they start at zero for each task,
and the inner loop adapts them alone. All others, theta, are shared by all tasks, and only the outer loop changes them.
A FiLM layer lets phi scale and shift what the network computes.
"""

import torch
import torch.nn.functional as F
from torch import autograd, nn

NUM_HIDDEN_CHANNELS = 32
NUM_CONV_LAYERS = 4
FILM_LAYER = 2  # the convolution that FiLM stands after, counted from 0
NUM_HIDDEN_UNITS = 40


def film(features, context, weight, bias):
    """Scale and shift each channel by numbers that depend on the context (feature-wise linear modulation).

        (gamma, beta) = weight @ context + bias,   FiLM(h_c) = gamma_c * h_c + beta_c  for each channel c

    Args:
        features: h, float tensor (n, C) or (n, C, height, width): C channels.
        context: phi, float tensor (num_context,), the same for all n.
        weight: float tensor (2C, num_context).
        bias: float tensor (2C,).

    Returns:
        Float tensor of the shape of features.
    """
    ### BEGIN SOLUTION
    #: Compute the 2C numbers of the linear layer, the first C of them gamma and the last C beta, and apply them.
    #:
    #: - They are taken as they are: no sigmoid, no ReLU.
    #: - Each belongs to one channel, axis 1 of features, and is the same at all positions of an image.
    #: - The inner loop needs the gradient with respect to the context, the outer loop those of weight and bias.
    gamma, beta = (weight @ context + bias).chunk(2)
    channels = (-1, *[1] * (features.dim() - 2))  # (C,) or (C, 1, 1)
    return gamma.view(channels) * features + beta.view(channels)
    ### END SOLUTION


class CAVIA:
    """Shared parameters, and how a few context parameters are adapted to a task.

    What the tasks are is left to the two classes below, which give the network and its loss.

    Args:
        parameters: theta, a dict of tensors by name.
        num_context: how many context parameters there are.
        num_inner_steps: gradient steps of the inner loop.
        inner_lr: alpha, their learning rate.
        outer_lr: learning rate of Adam, the optimizer of the outer loop.
        log_dir: where hw2/train.py keeps logs and checkpoints.
        device: where to compute, "cpu" by default.

    Attributes:
        _meta_parameters: theta, a dict of leaf tensors by name. The context is none of them.
    """

    def __init__(self, parameters, num_context, num_inner_steps, inner_lr, outer_lr, log_dir, device="cpu"):
        self.device = torch.device(device)
        self._meta_parameters = {name: tensor.to(self.device).requires_grad_() for name, tensor in parameters.items()}
        self._num_context = num_context
        self._num_inner_steps = num_inner_steps
        self._inner_lr = inner_lr
        self._optimizer = torch.optim.Adam(self._meta_parameters.values(), lr=outer_lr)
        self._log_dir = log_dir

    def _forward(self, inputs, context, parameters):
        """Outputs of the network for n inputs, under this context (num_context,) and these shared parameters."""
        raise NotImplementedError("CAVIARegressor and CAVIAClassifier have a network each")

    def _loss(self, outputs, targets):
        """The loss of these outputs, a mean over them: a scalar tensor."""
        raise NotImplementedError("CAVIARegressor and CAVIAClassifier have a loss each")

    def _inner_loop(self, inputs, targets, train):
        """Adapt to one task: gradient steps on its support, which change the context and nothing else.

            phi_0 = 0,   phi_{i+1} = phi_i - alpha * grad_{phi_i} L(phi_i, theta, support)

        Args:
            inputs: of the support: images (N * K, 1, 28, 28), or numbers (K, 1).
            targets: of the support: labels (N * K,), or numbers (K, 1).
            train: whether the outer loop will differentiate through the steps.

        Returns:
            phi after all steps, a float tensor (num_context,). self._meta_parameters keep their values.
        """
        ### BEGIN SOLUTION
        #: Take self._num_inner_steps gradient steps on the context, and return it.
        #:
        #: What must hold:
        #: - L is self._loss of the outputs of self._forward(inputs, context, parameters) and the targets.
        #: - Each task starts from num_context zeros, whatever was adapted before. Each step starts from the result of
        #:   the last one.
        #: - theta is the same in all steps, and afterwards.
        #: - With train=True a gradient can be taken through the steps: with respect to theta, which the context's
        #:   gradients depend on (second order; what does autograd.grad need for that?).
        #: - With train=False the context is the same, but no graph is made of its gradients.
        context = torch.zeros(self._num_context, device=self.device, requires_grad=True)
        for _ in range(self._num_inner_steps):
            loss = self._loss(self._forward(inputs, context, self._meta_parameters), targets)
            (gradient,) = autograd.grad(loss, context, create_graph=train)
            context = context - self._inner_lr * gradient
        return context
        ### END SOLUTION

    def _outer_step(self, task_batch, train):
        """Outer loss of a batch of tasks: how well theta does with the contexts that the supports lead to.

            min over theta of the mean over tasks of  L(phi(theta, support), theta, query)

        Args:
            task_batch: a list of tasks (inputs_support, targets_support, inputs_query, targets_query).
            train: whether a gradient of the outer loss will be taken.

        Returns:
            Scalar tensor, the mean over the tasks of the query's loss. Its gradient and the optimizer's step are the
            caller's.
        """
        outer_loss_batch = []
        for task in task_batch:
            inputs_support, targets_support, inputs_query, targets_query = (part.to(self.device) for part in task)
            ### BEGIN SOLUTION
            #: For this task: adapt the context to the support with self._inner_loop, and append self._loss of the
            #: query under this context and theta. theta gets its gradient on both ways: the network of the query is
            #: made of it, and so is the context.
            context = self._inner_loop(inputs_support, targets_support, train)
            outputs = self._forward(inputs_query, context, self._meta_parameters)
            outer_loss_batch.append(self._loss(outputs, targets_query))
            ### END SOLUTION
        return torch.stack(outer_loss_batch).mean()


class CAVIARegressor(CAVIA):
    """CAVIA for functions from numbers to numbers: two hidden layers, FiLM in the first, squared error."""

    def __init__(self, num_context, num_inner_steps, inner_lr, outer_lr, log_dir, device="cpu"):
        parameters = _film_parameters(NUM_HIDDEN_UNITS, num_context)
        sizes = (1, NUM_HIDDEN_UNITS, NUM_HIDDEN_UNITS, 1)
        for i in range(3):
            parameters[f"w{i}"] = nn.init.kaiming_uniform_(torch.empty(sizes[i + 1], sizes[i]))
            parameters[f"b{i}"] = torch.zeros(sizes[i + 1])
        super().__init__(parameters, num_context, num_inner_steps, inner_lr, outer_lr, log_dir, device)

    def _forward(self, inputs, context, parameters):
        """Predictions (n, 1) for inputs (n, 1)."""
        x = F.linear(inputs, parameters["w0"], parameters["b0"])
        x = F.relu(film(x, context, parameters["film_w"], parameters["film_b"]))
        x = F.relu(F.linear(x, parameters["w1"], parameters["b1"]))
        return F.linear(x, parameters["w2"], parameters["b2"])

    def _loss(self, outputs, targets):
        """Mean squared error."""
        return F.mse_loss(outputs, targets)


class CAVIAClassifier(CAVIA):
    """CAVIA for drawings: the network of MAML with FiLM after its third convolution, cross entropy."""

    def __init__(self, num_outputs, num_context, num_inner_steps, inner_lr, outer_lr, log_dir, device="cpu"):
        parameters = _film_parameters(NUM_HIDDEN_CHANNELS, num_context)
        in_channels = 1
        for i in range(NUM_CONV_LAYERS):
            shape = (NUM_HIDDEN_CHANNELS, in_channels, 3, 3)
            parameters[f"conv{i}"] = nn.init.xavier_uniform_(torch.empty(shape))
            parameters[f"b{i}"] = torch.zeros(NUM_HIDDEN_CHANNELS)
            in_channels = NUM_HIDDEN_CHANNELS
        shape = (num_outputs, NUM_HIDDEN_CHANNELS)
        parameters[f"w{NUM_CONV_LAYERS}"] = nn.init.xavier_uniform_(torch.empty(shape))
        parameters[f"b{NUM_CONV_LAYERS}"] = torch.zeros(num_outputs)
        super().__init__(parameters, num_context, num_inner_steps, inner_lr, outer_lr, log_dir, device)

    def _forward(self, inputs, context, parameters):
        """Class logits (n, N) of images (n, 1, 28, 28), with batch normalisation by the statistics of these images."""
        x = inputs
        for i in range(NUM_CONV_LAYERS):
            x = F.conv2d(x, parameters[f"conv{i}"], parameters[f"b{i}"], stride=2, padding=1)
            x = F.batch_norm(x, None, None, training=True)
            if i == FILM_LAYER:
                x = film(x, context, parameters["film_w"], parameters["film_b"])
            x = F.relu(x)
        return F.linear(x.mean(dim=(2, 3)), parameters[f"w{NUM_CONV_LAYERS}"], parameters[f"b{NUM_CONV_LAYERS}"])

    def _loss(self, outputs, targets):
        """Mean cross entropy of logits and labels."""
        return F.cross_entropy(outputs, targets)


def _film_parameters(channels, num_context):
    """Weight and bias of a FiLM layer; at context 0 it leaves the features as they are: gamma = 1, beta = 0."""
    weight = nn.init.xavier_uniform_(torch.empty(2 * channels, num_context))
    return {"film_w": weight, "film_b": torch.cat([torch.ones(channels), torch.zeros(channels)])}
