"""Published numbers by name, each a tidy table that lies beside this file."""

from pathlib import Path

import xarray as xr

from trajectories.publications.table import read_table

FOLDER = Path(__file__).parent
PUBLISHED = {"opt": "opt_xia2023.csv"}


def published(name: str) -> xr.Dataset:
    """Numbers that others published, with the dimensions and coordinates of our own results.

    Args:
        name: `opt`, the trajectories of OPT 125M to 175B that Xia et al. (2023) drew: 4,509 values, read from
            the positions of points in the vector drawings of Figures 1 to 4, 8, 9, 17 and 18.

    Returns:
        See `trajectories.publications.read_table`.

    Raises:
        ValueError: Nothing of that name is here.
    """
    if name not in PUBLISHED:
        raise ValueError(
            f"there are no published numbers '{name}'; those here are: {', '.join(PUBLISHED)}; "
            "read others with trajectories.publications.read_table"
        )
    return read_table(FOLDER / PUBLISHED[name])
