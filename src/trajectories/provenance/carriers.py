"""Writes stamps into figures, tables and datasets, and reads them back."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import netCDF4
import xarray as xr
from PIL import Image

from trajectories.files import replacing
from trajectories.provenance.stamps import Stamp, written

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "provenance"
# Where a figure's stamp sits; None leaves out what would change from draw to draw or only repeats the stamp.
METADATA: dict[str, tuple[str, dict[str, None]]] = {
    "png": ("Provenance", {"Software": None}),
    "svg": ("Description", {"Date": None, "Creator": None}),
    "pdf": ("Subject", {"CreationDate": None, "Creator": None, "Producer": None}),
}
_DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"
_SUBJECT = re.compile(rb"/Subject \(((?:\\.|[^\\)])*)\)", re.DOTALL)
_CSV = "# provenance: "
_COMMENT = re.compile(r"<!-- provenance: (.*?) -->\s*$", re.DOTALL)


class NoStamp(ValueError):  # noqa: N818
    """A file that carries no stamp."""


def annotate(dataset: xr.Dataset, stamp: Stamp) -> xr.Dataset:
    """The dataset with the stamp's inputs and parameters in its attribute `provenance`.

    Code and package versions are left to dvc.lock: in the file they would change its hash, and with it all
    that is made from it, when a comment changes.
    """
    return dataset.assign_attrs({KEY: written({key: stamp[key] for key in ("inputs", "parameters")})})


def save_figure(figure: "Figure", stem: Path, stamp: Stamp) -> list[Path]:
    """Write `stem`.png, .svg and .pdf with the stamp inside; the same figure and stamp give the same bytes.

    Raises:
        OSError: a file could not be written; the old one, if any, is unchanged.
    """
    from matplotlib import rc_context  # noqa: PLC0415  (only stages that draw wait for it)

    paths = []
    for kind, (slot, silenced) in METADATA.items():
        path = stem.with_name(f"{stem.name}.{kind}")
        # The salt names the elements of an SVG file, which are random without it.
        with rc_context({"svg.hashsalt": stem.name}), _whole(path) as temporary:
            figure.savefig(temporary, format=kind, metadata={slot: written(stamp), **silenced})
        paths.append(path)
    return paths


def save_table(text: str, path: Path, stamp: Stamp) -> Path:
    """Write a CSV file with the stamp in its first line, or Markdown or HTML with it in a last comment.

    Raises:
        ValueError: the file is of another kind.
        OSError: it could not be written; the old file, if any, is unchanged.
    """
    body = text if text.endswith("\n") else f"{text}\n"
    if path.suffix == ".csv":
        stamped = f"{_CSV}{written(stamp)}\n{body}"
    elif path.suffix in {".md", ".html"}:
        # Two dashes would end the comment; inside JSON's strings, where alone they occur, one may be escaped.
        comment = written(stamp).replace("--", r"-\u002d")
        stamped = f"{body}<!-- provenance: {comment} -->\n"
    else:
        raise ValueError(f"a table is saved as .csv, .md or .html, got {path}")
    with _whole(path) as temporary:
        temporary.write_text(stamped, encoding="utf-8", newline="\n")
    return path


def read_stamp(path: Path | str) -> Stamp:
    """The stamp inside a figure, table or dataset.

    Raises:
        FileNotFoundError: there is no such file.
        NoStamp: the file carries no stamp, or is of a kind that cannot.
    """
    source = Path(path)
    if not source.is_file():
        raise FileNotFoundError(
            f"{source} does not exist; make it with `dvc repro` or fetch it with `dvc pull`"
        )
    if source.suffix not in _READERS:
        raise NoStamp(f"{source} carries no stamp; files that can end in {', '.join(_READERS)}")
    found = _READERS[source.suffix](source)
    if found is None:
        raise NoStamp(f"{source} carries no stamp; make it again with `dvc repro`")
    return dict(json.loads(found))


def _png(path: Path) -> str | None:
    with Image.open(path) as image:
        return image.info.get("Provenance")


def _svg(path: Path) -> str | None:
    return ElementTree.parse(path).findtext(f".//{_DESCRIPTION}")


def _pdf(path: Path) -> str | None:
    found = _SUBJECT.search(path.read_bytes())
    return None if found is None else re.sub(rb"\\(.)", rb"\1", found[1]).decode("ascii")


def _csv(path: Path) -> str | None:
    with path.open(encoding="utf-8") as file:
        first = file.readline()
    return first.removeprefix(_CSV) if first.startswith(_CSV) else None


def _comment(path: Path) -> str | None:
    found = _COMMENT.search(path.read_text(encoding="utf-8"))
    return None if found is None else found[1]


def _netcdf(path: Path) -> str | None:
    with netCDF4.Dataset(path) as dataset:
        return getattr(dataset, KEY, None)


_READERS: dict[str, Callable[[Path], str | None]] = {
    ".png": _png,
    ".svg": _svg,
    ".pdf": _pdf,
    ".csv": _csv,
    ".md": _comment,
    ".html": _comment,
    ".nc": _netcdf,
}


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    try:
        with replacing(path) as temporary:
            yield temporary
    except OSError as error:
        raise OSError(f"could not write {path}: {error}; the old file, if any, is unchanged") from error
