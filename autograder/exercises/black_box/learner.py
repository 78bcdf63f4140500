"""How the training program builds, trains and tests the black-box meta-learner, with the data generator's episodes."""

import click
import torch

from data import images, split
from hw1.black_box import MANN
from hw1.data_generator import DataGenerator
from hw1.episodes import Episodes
from trainer import COUNT, TEST_TASKS, Recipe, Run, accuracy, folder, option, program, setting, test, train

VAL_EPISODES = 512
# Four ways are learned slowly. By the settings of the others the training characters are known by heart before.
FOUR_WAYS = " --batch-size 512 --learning-rate 3e-3 --rotations --num-iterations 15000"
RECIPES = {  # the course's own targets
    f"course-blackbox-{way}w{shot}s": Recipe(f"--num-way {way} --num-shot {shot}{more}", target, "the course")
    for way, shot, more, target in ((2, 1, "", 0.9), (2, 2, "", 0.7), (3, 1, "", 0.7), (4, 1, FOUR_WAYS, 0.7))
}


class BlackBoxLearner:
    """A black-box meta-learner, as the trainer sees it."""

    def __init__(self, mann: MANN, learning_rate: float, device: str):
        self.mann, self.device, self.score = mann.to(device), device, accuracy(mann.num_classes)
        self.labels = {"query_accuracy": "query"}
        self.optimizer = torch.optim.Adam(self.mann.parameters(), lr=learning_rate)

    def tensors(self):
        """The network's parameters."""
        return self.mann.state_dict()

    def measure(self, batch, train):
        """Loss and accuracy of a batch of episodes."""
        images, labels = (part.float().to(self.device) for part in batch)
        answers = labels[:, -1].argmax(dim=-1)
        shown = labels.clone()
        if not train:  # a network that has learned to read the query's labels must not shine where it is judged
            shown[:, -1] = 0
        with torch.set_grad_enabled(train):
            predictions = self.mann(images, shown)
            loss = self.mann.loss_function(predictions, labels)
        right = predictions[:, -1].argmax(dim=-1) == answers
        return loss, {"query_accuracy": right.float().mean().item()}


@click.command()
@setting("--num-way", type=click.IntRange(min=2), default=2, help="N, the characters of an episode.")
@setting("--num-shot", type=COUNT, default=1, help="K, the support drawings of each.")
@setting("--hidden-dim", type=COUNT, default=128, help="Size of the first LSTM's hidden state.")
@setting("--batch-size", type=COUNT, default=128, help="Episodes in a batch.")
@setting("--learning-rate", type=float, default=1e-3, help="Of Adam.")
@setting("--rotations", is_flag=True, help="In training each character makes four classes, by quarter turns.")
@option("--num-workers", type=click.IntRange(min=0), default=1, help="Processes that draw ahead.")
@program("black_box", num_iterations=10_000)
def command(run: Run):
    """Train the black-box meta-learner."""
    num_way, num_shot = run.settings["num_way"], run.settings["num_shot"]
    mann = MANN(num_way, num_shot, run.settings["hidden_dim"])
    learner = BlackBoxLearner(mann, run.settings["learning_rate"], run.device)
    data = folder(run.settings["data"])
    config = {"data_folder": str(data)}
    drawings = images.load_packed(data)  # where one is broken, it is better to hear of it before the training
    try:
        parts = split.split(drawings)
    except ValueError as error:
        raise click.ClickException(f"{data}: {error}.") from None

    def episodes(part, seed, rotations=False):
        try:
            images.check_enough({name: drawings[name] for name in parts[part]}, num_way, num_shot + 1)
        except images.DrawingError as error:
            raise click.ClickException(f"In the {part} split of {data}, {error}.") from None
        return Episodes(DataGenerator(num_way, num_shot, part, config), seed, rotations)

    # Validation and test have the same episodes in every run.
    if run.testing:
        test_episodes = episodes("test", 0).batches(1, range(TEST_TASKS))
        test(run, learner, test_episodes, f"{num_way}-way {num_shot}-shot")
        return
    training = episodes("train", run.settings["seed"], run.settings["rotations"])
    validation = episodes("val", 0)
    training[0]  # here, where an error is easier to read than in a worker
    size = run.settings["batch_size"]

    def batches(done):
        numbers = range(done * size, run.num_iterations * size)
        return training.batches(size, numbers, run.options["num_workers"])

    train(run, learner, batches, lambda: validation.batches(VAL_EPISODES, range(VAL_EPISODES)))
