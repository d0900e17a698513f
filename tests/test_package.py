"""What `import trajectories` costs and offers."""

import subprocess
import sys

import pytest

import trajectories


def imported_by(statement: str) -> set[str]:
    script = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("package", ["trends", "figures", "report", "provenance", "arrays", "config"])
def test_reading_and_drawing_never_wait_for_torch(package: str) -> None:
    assert "torch" not in imported_by(f"import trajectories.{package}")


def test_the_package_itself_imports_nothing_heavy() -> None:
    assert not {"torch", "xarray", "matplotlib"} & imported_by("import trajectories")


def test_importing_a_package_does_not_load_the_public_names() -> None:
    assert "trajectories.api" not in imported_by("from trajectories import arrays, config, provenance")


def test_every_public_name_can_be_had() -> None:
    for name in dir(trajectories):
        assert callable(getattr(trajectories, name))


def test_an_unknown_name_is_answered_with_those_that_exist() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'fit_trend'; it has .*fit_trends"):
        _ = trajectories.fit_trend
