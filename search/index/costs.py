"""Costs: what visiting cells costs against comparing segments, worked out from counts and never from a clock.

The constants are nanoseconds on one core of an AMD EPYC with AVX-512, as tests/benchmarks/costs.py printed them; only
what they are to each other counts. What follows from them is kept with each index, so that other constants in a later
release do not change how an index that is there is searched.
"""

from ..store.manifest import Costs
from .cells import Cells

# An exact search: each segment compared, and each number of it.
_SEGMENT, _NUMBER = 54.0, 0.135
# A visit: what its four steps take by themselves, less what an exact search takes before its first segment.
_VISIT = 21_500.0
# Each number of the axes that carry a query over; each cell there is, and each number of its centre.
_AXIS_NUMBER, _CENTRE, _CENTRE_NUMBER = 0.0555, 8.6, 0.059
# Each cell visited, each code in it and each number of the code; each number of a candidate.
_CELL, _CODE, _CODE_NUMBER, _CANDIDATE_NUMBER = 373.0, 7.6, 0.11, 1.46
# What a filter costs more in a visit than in an exact search, for each segment there is.
_FILTERED = 0.57


def costs_of(cells: Cells, *, embedding_dim: int, n_ranked: int) -> Costs:
    """Work out what visiting cells costs.

    Args:
        cells: The cells, filled.
        embedding_dim: Numbers in an embedding.
        n_ranked: Candidates ranked exactly.
    """
    dim, nlist, n = cells.space.dim, cells.nlist, len(cells)
    segment = _SEGMENT + _NUMBER * embedding_dim
    axes, centres = _AXIS_NUMBER * embedding_dim * dim, nlist * (_CENTRE + _CENTRE_NUMBER * dim)
    n_codes = cells.imbalance * n / nlist
    return Costs(
        query=round((_VISIT + axes + centres + _CANDIDATE_NUMBER * n_ranked * embedding_dim) / segment, 3),
        filter=round(_FILTERED * n / segment, 3),
        cell=round((_CELL + n_codes * (_CODE + _CODE_NUMBER * dim)) / segment, 3),
    )
