"""Random weights of a real model's size without drawing each: large tensors are cut from one pool of random numbers."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator
from unittest import mock

import torch

_N_POOLED = 2_097_143  # a prime: no two rows of a matrix are alike
_LARGE = 100_000


@functools.cache
def _pool() -> torch.Tensor:
    return torch.randn(_N_POOLED, generator=torch.Generator().manual_seed(1))


def normal_like(tensor: torch.Tensor, *, start: int = 0) -> torch.Tensor:
    """Numbers of a normal distribution in a tensor's shape."""
    if tensor.numel() < _LARGE:
        return torch.randn_like(tensor)
    start %= _N_POOLED
    n_pools = -(-(start + tensor.numel()) // _N_POOLED)
    return _pool().repeat(n_pools)[start : start + tensor.numel()].view(tensor.shape)


@contextlib.contextmanager
def cheap() -> Iterator[None]:
    """Let whatever initializes weights take large tensors from the pool, each from another place in it."""
    starts = itertools.count(0, 611_953)
    normal, uniform = torch.Tensor.normal_, torch.Tensor.uniform_

    def normal_(self: torch.Tensor, mean: float = 0, std: float = 1, **more: object) -> torch.Tensor:
        if self.numel() < _LARGE:
            return normal(self, mean, std, **more)
        return self.copy_(normal_like(self, start=next(starts))).mul_(std).add_(mean)

    def uniform_(self: torch.Tensor, low: float = 0, high: float = 1, **more: object) -> torch.Tensor:
        if self.numel() < _LARGE:
            return uniform(self, low, high, **more)
        return normal_(self).remainder_(1).mul_(high - low).add_(low)

    with mock.patch.object(torch.Tensor, "normal_", normal_), mock.patch.object(torch.Tensor, "uniform_", uniform_):
        yield
