"""The machine that a run computes on, in words."""

import platform
from pathlib import Path

import torch


def machine(device: str, threads: int) -> str:
    """Say what computes: "AMD EPYC, 2 threads, torch 2.13.0" or "NVIDIA H100, torch 2.13.0"."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    many = f"{threads} thread" + "s" * (threads != 1)
    return f"{_processor()}, {many}, torch {torch.__version__.split('+')[0]}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
