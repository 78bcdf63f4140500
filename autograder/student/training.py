"""The training program of a homework, python -m hw2.train: its methods are what its exercises' learner.py train.

A learner.py has `command`, made by trainer.program, and `RECIPES`, name -> Recipe.
"""

import dataclasses
import importlib
from types import ModuleType

import click

from autograder.grading.catalog import Exercise, exercises
from trainer import Recipe, with_recipes

HELP = """Train and test what you have written.

\b
    python -m {homework}.train {method} --help
    python -m {homework}.train --recipe NAME

Add --test to test the best checkpoint, --resume to go on after Ctrl-C. A recipe is a method with options; those
that follow its name replace its own.
"""


def program(homework: str) -> click.Group:
    """Make the training program of a homework.

    Raises:
        CatalogError: the homework's list cannot be read.
    """
    kind = with_recipes(_Methods, lambda: recipes(homework))
    program: click.Group = kind(homework)  # type: ignore[assignment]
    return program


def recipes(homework: str) -> dict[str, Recipe]:
    """Find the recipes of a homework by name, the method first among their words."""
    return {
        name: dataclasses.replace(recipe, words=f"{method} {recipe.words}")
        for method, exercise in _learners(homework).items()
        for name, recipe in load(exercise).RECIPES.items()
    }


def load(exercise: Exercise) -> ModuleType:
    """Import the learner of an exercise, and with it the student's code."""
    return importlib.import_module(f"{exercise.package}.learner")


class _Methods(click.Group):
    """A method for each exercise that has a learner.

    Its name may be left out where only one of the required exercises has one.
    """

    def __init__(self, homework: str):
        self.learners = _learners(homework)
        required = [name for name, exercise in self.learners.items() if exercise.required]
        self.usual = required[0] if len(required) == 1 else ""
        words = HELP.format(homework=homework, method=next(iter(self.learners), "METHOD"))
        super().__init__(homework, help=words, no_args_is_help=not self.usual)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the methods, in the homework's order."""
        return list(self.learners)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the method of a name."""
        exercise = self.learners.get(cmd_name)
        if exercise is None:
            return None
        module = load(exercise)
        command: click.Command = module.command
        rows = [f"  {name:20} {recipe.target:.1%}, {recipe.source}" for name, recipe in module.RECIPES.items()]
        command.epilog = "\n".join(["\b", "Recipes, --recipe NAME in the place of a method:", *rows])
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put in the method where its name is left out."""
        asks_for_help = args[:1] == ["--help"] and len(self.learners) > 1
        if self.usual and not asks_for_help and (not args or args[0].startswith("-")):
            args = [self.usual, *args]
        return super().parse_args(ctx, args)


def _learners(homework: str) -> dict[str, Exercise]:
    return {e.name: e for e in exercises(homework) if (e.folder / "learner.py").is_file()}
