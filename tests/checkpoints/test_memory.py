from pathlib import Path

import pytest
import torch

from trajectories.checkpoints.memory import free_memory, is_out_of_memory

CPU = torch.device("cpu")
OWN = Path("/proc/self/cgroup")


def limited(root: Path, group: Path, *, limit: str, used: int, files: int = 0) -> None:
    """A control group with a limit, as Linux shows it."""
    folder = root / group
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon {used - files}\ninactive_file {files}\n")


@pytest.fixture
def group() -> Path:
    """This process's control group, below the root of all."""
    if not OWN.is_file():
        pytest.skip("needs Linux")
    return Path(OWN.read_text().rpartition("::/")[2].strip())


def test_without_limits_the_machine_s_memory_counts(tmp_path: Path, group: Path) -> None:
    machine = free_memory(CPU, groups=tmp_path / "absent")
    limited(tmp_path, group, limit="max", used=1000)
    assert free_memory(CPU, groups=tmp_path) > machine / 2
    assert machine > 2**28


def test_a_container_s_limit_counts_and_files_that_can_be_read_again_do_not(
    tmp_path: Path, group: Path
) -> None:
    limited(tmp_path, group, limit="5000", used=3000, files=500)
    assert free_memory(CPU, groups=tmp_path) == 2500


def test_a_group_that_is_full_leaves_nothing(tmp_path: Path, group: Path) -> None:
    limited(tmp_path, group, limit="5000", used=6000)
    assert free_memory(CPU, groups=tmp_path) == 0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes"), True),
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_only_errors_that_say_so_are_lack_of_memory(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected
