"""Fine-tuning, the usual way to few labels: after Huh et al. (2016), "What Makes ImageNet Good for Transfer Learning?".

One network learns to tell all training characters apart. For a new task it gets a new last layer, the head, which is
trained on the support while the rest, the body, is frozen; then all of it is trained on, the body at a smaller rate.
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from hw2 import util

NUM_FILTERS = 32
NUM_CONV_LAYERS = 4


def make_body():
    """Make the body: images (n, 1, height, width) -> features (n, NUM_FILTERS).

    Convolutions of stride 2, each with batch normalisation; then the mean over positions. In training mode, train(),
    batch normalisation goes by the statistics of the batch, and keeps a running mean and variance of them. In
    evaluation mode, eval(), it goes by these, and leaves them as they are.
    """
    layers = []
    for i in range(NUM_CONV_LAYERS):
        conv = nn.Conv2d(NUM_FILTERS if i else 1, NUM_FILTERS, 3, stride=2, padding=1)
        layers += [conv, nn.BatchNorm2d(NUM_FILTERS), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class FineTuning:
    """A classifier of all training characters, and what becomes of it for a task.

    Args:
        num_characters: C, the characters that it is pre-trained on.
        num_outputs: N, the classes of a task.
        num_head_steps: gradient steps of the new head alone.
        num_joint_steps: gradient steps of head and body that follow them.
        head_lr: the learning rate of the head, in both phases.
        body_lr: the learning rate of the body, a smaller one.
        learning_rate: of Adam, in pre-training.
        log_dir: where hw2/train.py keeps logs and checkpoints.
        device: where to compute, "cpu" by default.

    Attributes:
        _body: the pre-trained body, images -> features (n, D).
        _classifier: nn.Linear(D, C), the head of pre-training.
        _optimizer: Adam on both of them.
    """

    def __init__(
        self,
        num_characters,
        num_outputs,
        num_head_steps,
        num_joint_steps,
        head_lr,
        body_lr,
        learning_rate,
        log_dir,
        device="cpu",
    ):
        self.device = torch.device(device)
        self._body = make_body().to(self.device)
        self._classifier = nn.Linear(NUM_FILTERS, num_characters).to(self.device)
        parameters = [*self._body.parameters(), *self._classifier.parameters()]
        self._optimizer = torch.optim.Adam(parameters, lr=learning_rate)
        self._num_outputs = num_outputs
        self._num_head_steps = num_head_steps
        self._num_joint_steps = num_joint_steps
        self._head_lr = head_lr
        self._body_lr = body_lr
        self._log_dir = log_dir

    def _pretraining_loss(self, images, labels):
        """Compute the loss of pre-training on a batch of drawings of all training characters.

        Args:
            images: drawings (n, 1, 28, 28).
            labels: integer tensor (n,), which of the C training characters each drawing is.

        Returns:
            (loss, accuracy): a scalar tensor, the mean cross entropy over the C characters; a float. Gradients are
            taken and the optimizer is stepped by the caller.
        """
        ### BEGIN SOLUTION
        #: Classify the drawings by self._body and self._classifier.
        #:
        #: - The body is in training mode: batch normalisation goes by this batch, and its running statistics learn.
        #:   Whoever was here before may have left it in evaluation mode.
        #: - util.score computes the accuracy.
        self._body.train()
        logits = self._classifier(self._body(images))
        return F.cross_entropy(logits, labels), util.score(logits, labels)
        ### END SOLUTION

    def _train_head(self, body, head, images, labels):
        """Train a new head on a support while the body is frozen: phase 1.

            head <- head - head_lr * gradient of L(body, head, support),  num_head_steps times

        Args:
            body: a body; afterwards its parameters and running statistics are as they were before. Its mode need not
                be.
            head: nn.Linear(D, N), which is trained where it is.
            images: drawings of the support (N * K, 1, 28, 28).
            labels: integer tensor (N * K,) with values 0 .. N-1.
        """
        ### BEGIN SOLUTION
        #: Take self._num_head_steps steps of plain gradient descent on the mean cross entropy of the support, at
        #: the rate self._head_lr. They move the head's weight and bias, and nothing else.
        #:
        #: - The body may come in training mode, in which every pass through it changes its running statistics.
        #: - All drawings of the support are in every step.
        #: - What is frozen gives the same features in every step.
        body.eval()
        with torch.no_grad():
            features = body(images)
        optimizer = torch.optim.SGD(head.parameters(), lr=self._head_lr)
        for _ in range(self._num_head_steps):
            loss = F.cross_entropy(head(features), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        ### END SOLUTION

    def _train_all(self, body, head, images, labels):
        """Train body and head together on a support, each at its own rate: phase 2.

            body <- body - body_lr * gradient of L,  head <- head - head_lr * gradient of L,  num_joint_steps times

        Args:
            body: a body, which is trained where it is; afterwards its running statistics are as they were before. Its
                mode need not be.
            head: nn.Linear(D, N), trained where it is too.
            images: drawings of the support (N * K, 1, 28, 28).
            labels: integer tensor (N * K,) with values 0 .. N-1.
        """
        ### BEGIN SOLUTION
        #: Take self._num_joint_steps steps of plain gradient descent on the mean cross entropy of the support. All
        #: parameters of the body move at the rate self._body_lr, those of the head at self._head_lr.
        #:
        #: - Both gradients of a step are taken at the same parameters, before either of them moves.
        #: - Batch normalisation goes by its running statistics here, too: a handful of drawings has no good ones. Its
        #:   scale and shift are parameters, and move. The body may come in training mode.
        #: - If you froze the body by requires_grad_(False), something has to unfreeze it.
        body.eval()
        groups = [{"params": body.parameters(), "lr": self._body_lr}, {"params": head.parameters()}]
        optimizer = torch.optim.SGD(groups, lr=self._head_lr)
        for _ in range(self._num_joint_steps):
            loss = F.cross_entropy(head(body(images)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        ### END SOLUTION

    def _adapt(self, images, labels):
        """Fine-tune the pre-trained network to a task.

        Args:
            images: drawings of the support (N * K, 1, 28, 28).
            labels: integer tensor (N * K,) with values 0 .. N-1.

        Returns:
            (body, head): a fine-tuned copy of self._body, in evaluation mode, and its head, nn.Linear(D, N).
            self._body is as it was, and ready for the next task.
        """
        ### BEGIN SOLUTION
        #: Train a new head by self._train_head, and then all by self._train_all.
        #:
        #: - What is trained is a copy of self._body: what does copy.deepcopy do?
        #: - The head is new for each task. It has self._num_outputs outputs, and begins with weight and bias 0, so that
        #:   it takes all classes for equally likely.
        body = copy.deepcopy(self._body).eval()
        head = nn.Linear(self._classifier.in_features, self._num_outputs, device=self.device)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self._train_head(body, head, images, labels)
        self._train_all(body, head, images, labels)
        return body, head
        ### END SOLUTION

    def _evaluate(self, task_batch):
        """Fine-tune to each task of a batch, and measure how well its query is then classified.

        Args:
            task_batch: a list of tasks (images_support, labels_support, images_query, labels_query).

        Returns:
            (loss, accuracy_support, accuracy_query): the mean cross entropy of the queries and two accuracies after
            fine-tuning, each a mean over the tasks. No gradient is taken of the loss.
        """
        query_losses, support_accuracies, query_accuracies = [], [], []
        for task in task_batch:
            images_support, labels_support, images_query, labels_query = (part.to(self.device) for part in task)
            ### BEGIN SOLUTION
            #: Fine-tune by self._adapt, and append the task's mean cross entropy on the query, its accuracy on the
            #: support and its accuracy on the query.
            #:
            #: - Nothing of the query is there while the network adapts, and a query's logits depend on no other query.
            #: - No graph is needed: see torch.no_grad(). util.score computes an accuracy.
            body, head = self._adapt(images_support, labels_support)
            with torch.no_grad():
                logits_support, logits_query = (head(body(images)) for images in (images_support, images_query))
            query_losses.append(F.cross_entropy(logits_query, labels_query))
            support_accuracies.append(util.score(logits_support, labels_support))
            query_accuracies.append(util.score(logits_query, labels_query))
            ### END SOLUTION
        count = len(task_batch)
        return torch.stack(query_losses).mean(), sum(support_accuracies) / count, sum(query_accuracies) / count
