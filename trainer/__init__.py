"""What all training shares: the training loop and all that a long training run needs.

An exercise gives a `Learner` (a few lines around the student's code), batches of tasks and options:

    learner.py     what the trainer must know of a method
    commandline.py from the command line to a `Run`; errors in one sentence
    recipes.py     --recipe NAME for a whole command line
    run.py         the run: its settings, its folder, its checkpoints
    loop.py        train: update, validate, log, save, stop when asked
    evaluate.py    mean accuracies; the test with its confidence interval
    checkpoint.py  one file with all that a run needs to go on
    log.py         log.csv and TensorBoard
    score.py       what a training is judged by: accuracy, or another number
    curve.py       the learning curve
    pictures.py    what the notebooks' pictures are made of
    notebook.py    a short training without files
    progress.py    what the terminal shows
    dataset.py     which folder --data means
    machine.py     what computes, in words
    seeds.py       one seed for every iteration

It knows nothing of the homework.
"""

from trainer.commandline import COUNT, option, program, setting, together
from trainer.dataset import folder
from trainer.evaluate import TEST_TASKS, test
from trainer.learner import Learner
from trainer.loop import train
from trainer.recipes import Recipe, with_recipes
from trainer.run import Run
from trainer.score import Score, accuracy
from trainer.seeds import reseed

__all__ = [
    "COUNT",
    "TEST_TASKS",
    "Learner",
    "Recipe",
    "Run",
    "Score",
    "accuracy",
    "folder",
    "option",
    "program",
    "reseed",
    "setting",
    "test",
    "together",
    "train",
    "with_recipes",
]
