"""Recipes: runs with a name, --recipe NAME for a whole command line."""

import dataclasses
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import click


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A command line with a purpose.

    Attributes:
        words: of the command line.
        target: the score that it is held against: an accuracy, 0 .. 1, or another number.
        source: where that accuracy is from.
        test: words that --test adds.
        percent: whether the target lies from 0 to 1 and is shown in percent.
    """

    words: str
    target: float
    source: str
    test: str = ""
    percent: bool = True

    @property
    def target_text(self) -> str:
        """Write the target: 97.0%, or a plain number."""
        return f"{self.target:.1%}" if self.percent else f"{self.target:g}"


def with_recipes(base: type[click.Command], recipes: Callable[[], Mapping[str, Recipe]]) -> type[click.Command]:
    """Make a kind of click command that takes `--recipe NAME` for the words of that recipe.

    Words that follow win over the recipe's own.

    Args:
        base: the kind that it is besides.
        recipes: finds them, where one is asked for.
    """

    class Program(base):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            words = "Stands for the words of a recipe; those that follow win."
            self.params.insert(0, click.Option(["--recipe"], metavar="NAME", expose_value=False, help=words))

        def parse_args(self, context: click.Context, words: list[str]) -> list[str]:
            """Replace a recipe by its words, and remember its name for the run."""
            if words and words[0].startswith("--recipe="):
                words = [*words[0].split("=", 1), *words[1:]]
            if words[:1] == ["--recipe"]:
                name, rest = "".join(words[1:2]), words[2:]
                known = recipes()
                if name not in known:
                    raise click.UsageError(f"There is no recipe {name!r}: they are {', '.join(known)}.")
                recipe = known[name]
                context.meta.update(recipe=name, words=rest)
                words = [*shlex.split(recipe.words), *(shlex.split(recipe.test) if "--test" in rest else ()), *rest]
            elif "--recipe" in words or any(word.startswith("--recipe=") for word in words):
                raise click.UsageError("--recipe comes first: it stands for the method and its options.")
            parsed: list[str] = super().parse_args(context, words)
            return parsed

        def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
            """List the recipes below the options, with what they are to reach."""
            if rows := [(name, f"{recipe.target_text}, {recipe.source}") for name, recipe in recipes().items()]:
                with formatter.section("Recipes, --recipe NAME"):
                    formatter.write_dl(rows)

    return Program
