"""The few numbers of section 4 that a reader compares between runs."""

import math

import numpy as np
import xarray as xr

from trajectories.generation.inverse_scaling import TRENDS
from trajectories.generation.trajectory_shapes import SHAPES

Number = float | str | None
DIGITS = 6  # significant; fewer than the last bits in which two machines may differ
CORRUPTED = "corrupted"


def sequence_metrics(trends: xr.Dataset, shapes: xr.Dataset) -> dict[str, dict[str, Number]]:
    """Of the analysed family: every configuration and method at the shortest length, and all corruptions.

    Args:
        trends: what `size_trends` returns, with the attribute `family`.
        shapes: what `trajectory_shapes` returns for the same sets.

    Returns:
        By set, such as "p_s - p_l, greedy, 50": `slope`, `slope_low`, `slope_high` (nats per token and factor
        of ten in size; None where missing), `verdict`, and how many models have each shape (`falls`, ...);
        under "corrupted" how many sets of clean and corrupted texts have each trend.

    Raises:
        ValueError: the analysed family is not among the trends.
    """
    family = str(trends.attrs["family"])
    if family not in trends["family"].values:
        raise ValueError(
            f"there are no trends of the analysed family {family!r}; there are those of "
            f"{', '.join(map(str, trends['family'].values))}"
        )
    of_family = trends.sel(family=family)
    models = shapes.isel(model=np.flatnonzero(shapes["family"].values == family))
    generated = of_family["configuration"].values != ""
    lengths = of_family["new_tokens"].values
    shortest = np.flatnonzero(generated & (lengths == min(lengths[generated], default=0)))
    numbers = {
        str(of_family["set"].values[index]): _of_set(of_family.isel(set=index), models.isel(set=index))
        for index in shortest
    }
    return numbers | {CORRUPTED: _counts(of_family["verdict"].values[~generated], TRENDS)}


def _of_set(trend: xr.Dataset, shapes: xr.Dataset) -> dict[str, Number]:
    slopes = {name: _rounded(float(trend[name])) for name in ("slope", "slope_low", "slope_high")}
    return {**slopes, "verdict": str(trend["verdict"].item()), **_counts(shapes["verdict"].values, SHAPES)}


def _counts(verdicts: np.ndarray, names: tuple[str, ...]) -> dict[str, Number]:
    return {name: int((verdicts == name).sum()) for name in names}


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.{DIGITS}g}")
