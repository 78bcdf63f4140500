"""How the training program builds, trains and tests a conditional neural process, on sinusoids."""

import itertools

import click
import torch

from autograder.shapes.regression.tasks import sinusoid_batches
from hw1.cnp import CNP
from trainer import COUNT, TEST_TASKS, Recipe, Run, Score, program, setting, test, train

RECIPES = {"course-cnp-sinusoids": Recipe("", 0.6, "the course", percent=False)}
VALIDATION, TEST, TRAINING = range(3)  # streams of tasks
VAL_BATCHES = 5
VAL_TASKS = 100  # in each


class CNPLearner:
    """A conditional neural process, as the trainer sees it."""

    def __init__(self, cnp: CNP, learning_rate: float, device: str):
        self.cnp, self.device = cnp.to(device), device
        self.score = Score("query_nll", "negative log-likelihood", best="low")
        self.labels = {"query_nll": "query"}
        self.optimizer = torch.optim.Adam(self.cnp.parameters(), lr=learning_rate)

    def tensors(self):
        """The network's parameters."""
        return self.cnp.state_dict()

    def measure(self, batch, train):
        """Loss and negative log-likelihood of the query, in nats for each point, of a batch of tasks."""
        tasks = [tuple(torch.tensor(part, dtype=torch.float32, device=self.device) for part in task) for task in batch]
        with torch.set_grad_enabled(train):
            loss = self.cnp.step(tasks)
        with torch.no_grad():
            values = [-torch.distributions.Normal(*self.cnp.predict(*known)).log_prob(y).mean() for *known, y in tasks]
        return loss, {"query_nll": torch.stack(values).mean().item()}


def batches(stream, seed, tasks, shot, query, least=1):
    """Batches of tasks without end, of a stream that shares nothing with the others; K is from least to shot."""
    return sinusoid_batches(tasks, shot, query, 3 * seed + stream, least)


@click.command()
@setting("--num-support", type=COUNT, default=10, help="K, the points of a support; in training from 1 to this.")
@setting("--num-query", type=COUNT, default=10, help="Q, the points that are asked.")
@setting("--num-tasks", type=COUNT, default=16, help="Tasks in a batch.")
@setting("--hidden-dim", type=COUNT, default=128, help="D, the numbers in a representation.")
@setting("--learning-rate", type=float, default=1e-3, help="Of Adam.")
@program("cnp", num_iterations=5_000)
def command(run: Run):
    """Train a conditional neural process on sinusoids; it needs no drawings."""
    settings, shot, query = run.settings, run.settings["num_support"], run.settings["num_query"]
    learner = CNPLearner(CNP(settings["hidden_dim"]), settings["learning_rate"], run.device)
    if run.testing:
        tasks = itertools.islice(batches(TEST, 0, 1, shot, query, least=shot), TEST_TASKS)
        test(run, learner, tasks, f"{shot} support points,")
        return

    def training(done):
        return itertools.islice(batches(TRAINING, settings["seed"], settings["num_tasks"], shot, query), done, None)

    def validation():
        return list(itertools.islice(batches(VALIDATION, 0, VAL_TASKS, shot, query, least=shot), VAL_BATCHES))

    train(run, learner, training, validation)
