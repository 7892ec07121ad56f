"""Training processes that step together: one single-threaded process a core beats many threads in one."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.multiprocessing.spawn import start_processes


class Team:
    """The processes that train one model, each on batches of its own.

    Attributes:
        rank: Number of this process.
        size: How many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    def average_gradients(self, model: nn.Module) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.size == 1:
            return
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))


def _member(rank: int, size: int, meeting: str, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    # A machine may put training aside for hours.
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=size, timeout=timedelta(days=7)
    )
    try:
        work(Team(rank, size), *arguments)
    finally:
        distributed.destroy_process_group()


def run_team(size: int, folder: Path, work: Callable[..., None], *arguments: Any) -> None:
    """Run `work(team, *arguments)` in `size` processes of one thread each.

    Args:
        size: How many; 1 stays in this process.
        folder: Where the processes meet, by a file.
        work: A function of a module.
        arguments: What it takes after the team; must be picklable.
    """
    if size == 1:
        torch.set_num_threads(1)
        work(Team(), *arguments)
        return
    meeting = folder / "meeting"
    meeting.unlink(missing_ok=True)
    start_processes(_member, (size, str(meeting.resolve()), work, arguments), nprocs=size, start_method="spawn")
