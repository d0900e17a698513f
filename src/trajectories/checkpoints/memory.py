"""How much memory can still be had, and whether an error says that there was none."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

# Of lack of memory in torch's RuntimeErrors; the last is all that oneDNN says of it.
SIGNS = ("DefaultCPUAllocator", "std::bad_alloc", "out of memory", "ALLOC_FAILED", "could not create a ")
CONTROL_GROUPS = Path("/sys/fs/cgroup")  # of Linux, version 2: what containers and batch systems limit


class InsufficientMemoryError(ValueError):
    """The memory does not take what is to be done."""


def free_memory(device: torch.device, *, groups: Path = CONTROL_GROUPS) -> int:
    """Bytes that can still be had on a device, with what torch holds there unused.

    On the CPU those of the machine, or of the container or batch job if that has less.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    return min([int(psutil.virtual_memory().available), *_left_in_groups(groups)])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch or Python says that memory ran out."""
    clear = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    return clear or (isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS))


def _left_in_groups(root: Path) -> Iterator[int]:
    """What the limits of this process's control group and those around it leave."""
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="ascii").rpartition("::/")[2].strip()
    except OSError:  # another system
        return
    for group in (root / own, *(root / own).parents):
        try:
            limit = (group / "memory.max").read_text(encoding="ascii").strip()
            used = int((group / "memory.current").read_text(encoding="ascii"))
            stat = dict(
                line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines()
            )
        except (OSError, ValueError):
            continue
        if limit != "max":
            yield max(0, int(limit) - used + int(stat.get("inactive_file", 0)))  # files can be read again
