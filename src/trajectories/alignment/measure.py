"""One thing that is measured at every checkpoint of every size, and the same on drawn tokens or examples."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories.alignment.axes import AXES

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A measure over (model, checkpoint), with the axes and `parameters` among its coordinates.

    `kind` is what is measured, `name` of what; together they tell measures apart. `replicates` is the same
    over replicate, model and checkpoint on drawn documents, texts or examples; None where these are unknown.
    `headline` measures are drawn in figures, all are tabulated.
    """

    kind: str
    name: str
    values: xr.DataArray
    replicates: xr.DataArray | None = None
    headline: bool = True

    @property
    def label(self) -> str:
        """What tells this measure from others."""
        return f"{self.kind}: {self.name}"


def make_measure(
    kind: str,
    name: str,
    values: xr.DataArray,
    labels: xr.Dataset,
    *,
    replicates: Floats | None = None,
    headline: bool = True,
) -> Measure:
    """A measure with the axes of a dataset's models and checkpoints.

    Args:
        kind: what is measured.
        name: of what.
        values: over model and checkpoint.
        labels: has `parameters` and the axes, over model and checkpoint; an axis it lacks is unknown.
        replicates: [replicate, model, checkpoint].
        headline: whether figures draw it.
    """
    bare = values.transpose("model", "checkpoint").reset_coords(drop=True).drop_attrs()
    unknown = xr.full_like(bare, np.nan, dtype=np.float64)
    axes = {axis: labels[axis] if axis in labels.variables else unknown for axis in AXES}
    kept = {
        axis: (("model", "checkpoint"), of.transpose("model", "checkpoint").values)
        for axis, of in axes.items()
    }
    labelled = bare.assign_coords({**kept, "parameters": ("model", labels["parameters"].values)})
    drawn = None if replicates is None else xr.DataArray(replicates, dims=("replicate", *bare.dims))
    if drawn is not None:
        drawn = drawn.assign_coords(model=bare["model"], checkpoint=bare["checkpoint"])
    return Measure(kind=kind, name=name, values=labelled, replicates=drawn, headline=headline)


def ratio(sums: Floats, counts: Floats) -> Floats:
    """Sums over counts, NaN where nothing is counted; the two broadcast."""
    return np.asarray(sums / np.where(counts > 0, counts, np.nan))


def over_draws(draws: Floats, sums: Floats) -> Floats:
    """[replicate, ...] sums over drawn units.

    Args:
        draws: [replicate, unit], how often each unit (document, text or example) is drawn.
        sums: [unit, ...], what each unit adds.
    """
    flat = draws @ sums.reshape(len(sums), -1)
    return np.asarray(flat.reshape(len(draws), *sums.shape[1:]))
