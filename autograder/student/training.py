"""The training program of a homework, python -m hw2.train: its methods are what its exercises' learner.py train.

A learner.py has `command`, made by trainer.program, and `RECIPES`, name -> Recipe.
"""

import dataclasses
import functools
import importlib
from types import ModuleType

import click

from autograder.grading.catalog import CatalogError, Exercise, exercises
from trainer import Recipe, with_recipes

HELP = """Train and test what you have written.

\b
    python -m {homework}.train METHOD --help
    python -m {homework}.train --recipe NAME

Add --test to test the best checkpoint, --resume to go on after Ctrl-C. A recipe is a method with options; those
that follow its name replace its own.
"""


def program(homework: str) -> click.Group:
    """Make the training program of a homework."""
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
        super().__init__(homework, help=HELP.format(homework=homework), no_args_is_help=True)
        self.homework = homework

    @functools.cached_property
    def learners(self) -> dict[str, Exercise]:
        """Name -> exercise that has a learner."""
        return _learners(self.homework)

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
        if rows := [f"  {name:20} {recipe.target_text}, {recipe.source}" for name, recipe in module.RECIPES.items()]:
            command.epilog = "\n".join(["\b", "Recipes, --recipe NAME in the place of a method:", *rows])
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put in the method where its name is left out."""
        required = [name for name, exercise in self.learners.items() if exercise.required]
        asks_for_help = args[:1] == ["--help"] and len(self.learners) > 1
        if len(required) == 1 and not asks_for_help and (not args or args[0].startswith("-")):
            args = [*required, *args]
        return super().parse_args(ctx, args)


def _learners(homework: str) -> dict[str, Exercise]:
    try:
        return {e.name: e for e in exercises(homework) if (e.folder / "learner.py").is_file()}
    except CatalogError as error:
        raise click.ClickException(str(error)) from None
