import json
import platform
from importlib import metadata
from pathlib import Path

import pytest

from trajectories.corpora import environment
from trajectories.corpora.environment import check_environment, configured_packages, installed, packages_of

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose conf/ reads networkx and the standard library."""
    choices = tmp_path / "conf" / "corpus"
    choices.mkdir(parents=True)
    (choices / "small.yaml").write_text("domains: {graphs: [networkx], rest: [stdlib, json]}\n")
    (choices / "text.yaml").write_text("path: ???\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "environment.json"


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_it_names_the_interpreter_the_packages_read_and_tokenizers(recorded: Path) -> None:
    environment.main()
    versions = {name: metadata.version(name) for name in ("networkx", "tokenizers")}
    assert json.loads(recorded.read_text()) == {"python": platform.python_version(), "packages": versions}
    assert check_environment(["networkx"], recorded) == installed(["networkx"])


def test_it_is_written_only_when_something_changed(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.main()
    assert "environment.json is now of this environment; `dvc status`" in capsys.readouterr().out
    before = recorded.stat().st_mtime_ns
    environment.main()
    assert (recorded.stat().st_mtime_ns, capsys.readouterr().out) == (before, "")
    change(recorded, python="2.7.18")
    environment.main()
    assert json.loads(recorded.read_text())["python"] == platform.python_version()


def test_another_interpreter_or_package_is_refused_by_name(recorded: Path) -> None:
    environment.main()
    change(recorded, python="2.7.18", packages={"networkx": "0.1"})
    here, version = platform.python_version(), metadata.version("networkx")
    with pytest.raises(ValueError, match=r"environment\.json is not of this environment") as refusal:
        check_environment(["networkx", "scipy"], recorded)
    assert f"python is {here} here and 2.7.18 there" in str(refusal.value)
    assert f"networkx is {version} here and 0.1 there" in str(refusal.value)
    assert "scipy is" in str(refusal.value)
    assert str(refusal.value).endswith("absent there; run `make environment`")


def test_an_absent_record_names_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"environment\.json does not exist.*`make environment`"):
        check_environment([], tmp_path / "environment.json")


def test_a_build_is_not_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: "2.13.0+cu130")
    assert installed(["torch"])["packages"] == {"torch": "2.13.0"}


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(
        ValueError, match="names the package 'no_such_package', which is not installed; install it"
    ):
        installed(["no_such_package"])


def test_the_standard_library_is_no_package() -> None:
    assert packages_of(["torch", "stdlib", "json", "numpy", "torch"]) == ["numpy", "torch"]


def test_the_committed_record_covers_every_corpus_of_conf() -> None:
    committed = json.loads((REPOSITORY / "environment.json").read_text())
    assert sorted(committed["packages"]) == sorted(
        [*configured_packages(REPOSITORY / "conf/corpus"), "tokenizers"]
    )
