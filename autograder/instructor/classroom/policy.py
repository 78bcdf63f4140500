"""What being late costs: `--late "10%/day, 2 free"`."""

import math
import re
from datetime import timedelta
from typing import NamedTuple

UNITS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
COST = re.compile(r"(\d+(?:\.\d+)?)\s*%\s*(?:/|per|a|an)\s*(hour|day|week)")
FREE = re.compile(r"(\d+)\s*(?:(?:hour|day|week)s?\s*)?free")
MOST = re.compile(r"(?:at most|max(?:imum)?)\s*(\d+(?:\.\d+)?)\s*%")


class PolicyError(ValueError):
    """A policy that cannot be read; the message says how to write one."""


class Policy(NamedTuple):
    """A late policy.

    Attributes:
        cost: share of the points that each begun unit costs.
        unit: an hour, a day or a week.
        free: units that cost nothing, of each submission.
        most: share of the points that lateness costs at most.
    """

    cost: float
    unit: timedelta
    free: int = 0
    most: float = 1.0

    def penalty(self, late: timedelta) -> float:
        """The share of the points that is lost by being so late."""
        units = math.ceil(late / self.unit) if late > timedelta() else 0
        return min(self.most, self.cost * max(0, units - self.free))


def parse(text: str) -> Policy:
    """Read a policy.

    Raises:
        PolicyError: it is none.
    """
    first, *rest = [part.strip() for part in text.lower().split(",")]
    cost = COST.fullmatch(first)
    if not cost:
        raise PolicyError(f'"{text}" is no late policy; write one as "10%/day", "10%/day, 2 free, at most 50%".')
    policy = Policy(_share(cost[1], text), UNITS[cost[2]])
    for part in rest:
        if free := FREE.fullmatch(part):
            policy = policy._replace(free=int(free[1]))
        elif most := MOST.fullmatch(part):
            policy = policy._replace(most=_share(most[1], text))
        else:
            raise PolicyError(f'"{part}" in the late policy is neither as "2 free" nor as "at most 50%".')
    return policy


def _share(percent: str, text: str) -> float:
    share = float(percent) / 100
    if share > 1:
        raise PolicyError(f'"{text}" takes more than 100%.')
    return share
