"""How many random inputs a test tries; RANDOM_INPUTS=10 in the environment makes each number ten times as large."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("RANDOM_INPUTS", "1"))


def tries(count):
    """Try that many random inputs, however long it takes, and leave nothing behind."""
    return settings(max_examples=count * TIMES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
