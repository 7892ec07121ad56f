"""Calibration: how an index with cells must be searched, measured on queries against exact search and never guessed."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from ..store.manifest import CurvePoint, Route, Tuning
from .celled import Celled
from .cells import Cells
from .costs import costs_of
from .embeddings import HalfEmbeddings
from .truth import N_TOP, exact_nearest, recalls

TARGET_RECALL = 0.99
"""Share of the exact top 10 that an index must find, for text queries and for audio queries alike."""

_SEED = 20_240_607
_N_AUDIO = 300
_N_OF_CURVE = 100
# Standard errors that a normal mean stays within on one side, 19 times of 20.
_SURE = 1.645
_SPREAD_WEIGHTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
_N_RANKED = (50, 100, 200, 400)
_SHARES = (1.0, 0.1, 0.01, 0.001)
# Fewer segments than this in a random part tell nothing about depth.
_MIN_PART = 200
# Of what may be missed, the share that cells not visited may miss; the codes miss the rest.
_MISSED_BY_ROUTING = 0.6
_GROWTH = 1.2
_CURVE_STEP = 2.0

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]


def calibrate(cells: Cells, stored: HalfEmbeddings, texts: Float, *, target: float, trained: Tuning | None) -> Tuning:
    """Find out how to search an index.

    Texts lie away from sounds in embedding space, and their nearest segments lie scattered over more cells. So recall
    is measured for texts by themselves as well as for sounds, and both must reach the target.

    Args:
        cells: The cells, filled.
        stored: The embeddings at the same positions.
        texts: Embeddings of texts [n, embedding_dim], as people might type them. There should be thousands: most texts
            miss nothing and a few miss all, when what they mean lies together in one cell, so that a small sample of
            them tells little.
        target: Recall to reach, 0 to 1.
        trained: The tuning measured when the cells were made, if they were made for an earlier generation.

    Returns:
        The tuning.
    """
    drawn = np.random.default_rng(_SEED).choice(len(stored), size=min(_N_AUDIO, len(stored)), replace=False)
    own = np.concatenate([np.full(len(texts), -1, np.int64), drawn])
    queries = np.concatenate([texts, stored.embeddings(drawn)])
    shares = [share for share in _SHARES if share * len(stored) >= _MIN_PART]
    truths = exact_nearest(stored, queries, own=own, shares=shares, seed=_SEED)
    parts = [nearest.positions for nearest in truths]
    weight = min(_SPREAD_WEIGHTS, key=lambda weight: _cells_needed(cells, queries, parts[0], weight, target, own))
    routes: list[Route] = []
    for share, positions in zip(shares, parts, strict=True):
        needed = _cells_needed(cells, queries, positions, weight, target, own)
        routes.append(Route(depth=round(N_TOP / share), nprobe=max([needed, *(route.nprobe for route in routes)])))
    trial = _Trial(cells, stored, queries, own=own, exact=truths[0].scores, weight=weight)
    n_ranked, nprobe = trial.settle(routes[0].nprobe, target=target)
    grown = nprobe / routes[0].nprobe
    routes = [dataclasses.replace(route, nprobe=math.ceil(route.nprobe * grown)) for route in routes]
    curve = trial.curve(nprobe, n_ranked=n_ranked)
    imbalance = round(cells.imbalance, 3)
    return Tuning(
        target_recall=target,
        spread_weight=weight,
        n_ranked=n_ranked,
        n_trained=len(stored) if trained is None else trained.n_trained,
        trained_imbalance=imbalance if trained is None else trained.trained_imbalance,
        trained_nprobe=nprobe if trained is None else trained.trained_nprobe,
        imbalance=imbalance,
        routes=tuple(routes),
        curve=tuple(curve),
        costs=costs_of(cells, embedding_dim=stored.rows.shape[1], n_ranked=n_ranked),
    )


def _cells_needed(cells: Cells, queries: Float, exact: Int, weight: float, target: float, own: Int) -> int:
    """Count the cells to visit so that they hold the exact nearest, of texts and of audio, as often as wanted."""
    appeal = cells.appeal(cells.space.queries(queries), spread_weight=weight)
    homes = np.searchsorted(cells.starts, exact, side="right") - 1
    theirs = np.take_along_axis(appeal, np.maximum(homes, 0), axis=1)
    worst = 1
    share = 1 - (1 - target) * _MISSED_BY_ROUTING
    for is_kind in (own < 0, own >= 0):
        if not is_kind.any():
            continue
        ordered = np.sort(appeal[is_kind], axis=1)
        behind = [np.searchsorted(row, one, side="right") for row, one in zip(ordered, theirs[is_kind], strict=True)]
        ranks = (cells.nlist - np.array(behind))[exact[is_kind] >= 0]
        if len(ranks):
            worst = max(worst, int(np.quantile(ranks, share, method="higher")) + 1)
    return min(worst, cells.nlist)


class _Trial:
    """Searches of one index with one set of queries."""

    def __init__(
        self, cells: Cells, stored: HalfEmbeddings, queries: Float, *, own: Int, exact: Float, weight: float
    ) -> None:
        self._engine = Celled(cells, stored, _untuned(weight))
        self._nlist = cells.nlist
        self._queries, self._own, self._exact = queries, own, exact

    def measure(self, nprobe: int, *, n_ranked: int, is_text: bool, n: int | None = None) -> Float:
        """Return the recall of each of at most `n` texts or sounds [m]."""
        asked = np.flatnonzero((self._own < 0) == is_text)[:n]
        if not len(asked):
            return np.ones(1, np.float32)
        found = []
        for number in asked:
            scores, positions = self._engine.visit(
                self._queries[number], N_TOP + 1, nprobe=nprobe, allowed=None, n_ranked=n_ranked
            )
            found.append(scores[positions != self._own[number]][:N_TOP])
        return recalls(found, self._exact[asked])

    def reaches(self, nprobe: int, *, n_ranked: int, target: float) -> bool:
        """Return whether texts and audio reach a recall, so surely that 19 of 20 other samples of them would, too."""
        for is_text in (True, False):
            shares = self.measure(nprobe, n_ranked=n_ranked, is_text=is_text)
            if shares.mean() - _SURE * shares.std() / math.sqrt(len(shares)) < target:
                return False
        return True

    def settle(self, nprobe: int, *, target: float) -> tuple[int, int]:
        """Find the fewest cells from `nprobe` on that reach a recall, and then the fewest candidates."""
        *fewer, most = _N_RANKED
        while nprobe < self._nlist and not self.reaches(nprobe, n_ranked=most, target=target):
            nprobe = min(self._nlist, math.ceil(nprobe * _GROWTH))
        return next((n for n in fewer if self.reaches(nprobe, n_ranked=n, target=target)), most), nprobe

    def curve(self, nprobe: int, *, n_ranked: int) -> list[CurvePoint]:
        """Measure recall at fewer and more cells."""
        steps = {nprobe}
        step = nprobe / _CURVE_STEP
        while step >= 1:
            steps.add(round(step))
            step /= _CURVE_STEP
        steps |= {min(self._nlist, round(nprobe * factor)) for factor in (_CURVE_STEP, _CURVE_STEP**2)}
        points = []
        for one in sorted(steps):
            n = None if one == nprobe else _N_OF_CURVE
            shares = [self.measure(one, n_ranked=n_ranked, is_text=is_text, n=n) for is_text in (True, False)]
            points.append(CurvePoint(one, *(round(float(kind.mean()), 4) for kind in shares)))
        return points


def _untuned(weight: float) -> Tuning:
    return Tuning(
        target_recall=TARGET_RECALL,
        spread_weight=weight,
        n_ranked=_N_RANKED[0],
        n_trained=0,
        trained_imbalance=1.0,
        trained_nprobe=1,
        imbalance=1.0,
        routes=(),
        curve=(),
    )
