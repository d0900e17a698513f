from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from archive_files import make_accuracy, make_archive, over_checkpoints, save

from made_up_sequences import make_quality, make_sequences
from trajectories import arrays
from trajectories.archive import main
from trajectories.generation.perplexity import generated_perplexity


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with results of ours of the small models."""
    axes = over_checkpoints()
    present = np.isfinite(axes["training_fraction"][1])
    values = np.random.default_rng(1).random((2, 5, 6)).astype(np.float32)
    scores = xr.Dataset(
        {"log_likelihood": (("model", "checkpoint", "token"), np.where(present[..., None], -values, np.nan))},
        coords={**axes, "validation_perplexity": (("model", "checkpoint"), np.where(present, 9.5, np.nan))},
    )
    arrays.write(scores.astype({"log_likelihood": np.float32}), tmp_path / "data/scores/tokens.nc")
    arrays.write(make_accuracy(), tmp_path / "data/downstream/accuracy.nc")
    return tmp_path / "data"


def test_an_archive_becomes_labelled_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["read", str(make_archive(tmp_path / "archive")), str(out)]) == 0
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.nc"))
    assert written == [
        "downstream/accuracy.nc",
        "scores/generations-stories.nc",
        "scores/generations-wiki.nc",
        "scores/tokens-pile.nc",
        "scores/validation.nc",
    ]
    printed = capsys.readouterr().out
    assert all(name in printed for name in written)
    assert "log_likelihood; 2 model, 37 checkpoint, 5 token\n" in printed
    for name in written:
        found = arrays.read(out / name)
        assert found["validation_perplexity"].sel(model="opt-125m", checkpoint=2000) == 30.5
        assert found["label"].attrs["long_name"]


def test_our_results_come_back_through_an_archive(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, back = tmp_path / "archive", tmp_path / "back"
    assert main(["write", str(data), str(archive)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert sorted(printed) == sorted(str(path) for path in archive.rglob("*") if path.is_file())
    tokens = data / "scores/tokens.nc"
    assert main(["read", str(archive), str(back), "--models", str(tokens)]) == 0
    assert arrays.read(back / "scores/tokens-held_out.nc").equals(arrays.read(tokens))
    found = arrays.read(back / "downstream/accuracy.nc")["accuracy"]
    expected = make_accuracy()["accuracy"].sel(criterion="tokens").reindex(task=["snarks", "what_is_the_tao"])
    np.testing.assert_allclose(found.sel(task=expected["task"].values), expected, rtol=1e-15)


def test_what_was_read_can_be_written_again(tmp_path: Path) -> None:
    archive, out = make_archive(tmp_path / "archive"), tmp_path / "out"
    assert main(["read", str(archive), str(out)]) == 0
    assert main(["write", str(out), str(tmp_path / "again")]) == 0
    assert main(["read", str(tmp_path / "again"), str(tmp_path / "out-again")]) == 0
    for path in out.rglob("*.nc"):
        again = arrays.read(tmp_path / "out-again" / path.relative_to(out))
        xr.testing.assert_allclose(again, arrays.read(path), rtol=1e-15)


def test_generated_texts_come_back_as_the_perplexities_of_their_sets(data: Path, tmp_path: Path) -> None:
    sequences, quality = make_sequences(), make_quality()
    arrays.write(sequences, data / "scores/sequences.nc")
    arrays.write(quality, data / "quality.nc")
    archive, back = tmp_path / "archive", tmp_path / "back"
    assert main(["write", str(data), str(archive)]) == 0
    of_models = [str(data / "scores" / name) for name in ("tokens.nc", "sequences.nc")]
    assert main(["read", str(archive), str(back), "--models", *of_models]) == 0
    found = arrays.read(back / "scores/generations-held_out.nc")
    expected = generated_perplexity(sequences).sel(model=found["model"].values)
    for labels in (
        {"configuration": "p_s - p_l", "method": "greedy"},
        {"configuration": "p_l", "method": "nucleus"},
    ):
        one, other = (of.sel({**labels, "new_tokens": 50}) for of in (found["perplexity"], expected))
        np.testing.assert_allclose(
            one.transpose("model", "checkpoint"),
            other.reindex(checkpoint=one["checkpoint"].values),
            rtol=1e-12,
        )
        mauve = quality["mauve"].sel({**labels, "new_tokens": 50}).mean("seed")
        np.testing.assert_allclose(found["mauve"].sel({**labels, "new_tokens": 50}), mauve, rtol=1e-12)
    assert set(found["family"].values) == {"opt"}


@pytest.mark.parametrize("command", ["read", "write"])
def test_a_folder_with_nothing_in_it_is_refused(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(tmp_path), str(tmp_path / "out")]) == 1
    assert f"error: {tmp_path} has none of " in capsys.readouterr().err


def test_a_model_that_nobody_tells_of_is_an_error_that_says_what_to_do(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["write", str(data), str(tmp_path / "archive")])
    assert main(["read", str(tmp_path / "archive"), str(tmp_path / "out")]) == 1
    assert "model 'mini_0.2m' is not known; known are opt_125m" in capsys.readouterr().err


def test_the_name_of_a_task_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "archive")
    table = archive / "generation_analysis/final_model_results.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("wiki", "../../wiki"), encoding="utf-8")
    assert main(["read", str(archive), str(tmp_path / "deep/out")]) == 0
    assert (tmp_path / "deep/out/scores/generations-_wiki.nc").is_file()


def test_a_file_that_would_run_something_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save({"opt_125m": print}, tmp_path / "archive/opt_validation_ppl_trajectory.pt")
    assert main(["read", str(tmp_path / "archive"), str(tmp_path / "out")]) == 1
    assert "is not read, and nothing in it was run: Unsupported global" in capsys.readouterr().err
