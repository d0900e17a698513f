"""Manifests of models whose checkpoints lie in folders, in a cache of the Hub, and on a server."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from hub import (
    CONTEXT,
    ROWS,
    Hub,
    commit_of,
    connected,
    make_cache,
    save_checkpoint,
    save_revisions,
    save_tokenizer,
    serve,
)
from trajectories.checkpoints import read_trajectory
from trajectories.checkpoints.dimensions import read_dimensions
from trajectories.checkpoints.fetch import make_manifest
from trajectories.checkpoints.hub_errors import HubError
from trajectories.checkpoints.manifest import Manifest, write_manifest
from trajectories.checkpoints.sources import PinnedFolder

STEPS = (1, 4, 8)
NAMED = "stage1-step{step}-tokens{tokens}B"
TOLD = {1: 0, 4: 2, 8: 4}  # billions of tokens


def fetch(**settings: Any) -> Manifest:
    usual = {
        "family": "tinies",
        "label": None,
        "repository": None,
        "folder": None,
        "revision": "step{step}",
        "steps": [],
        "last_step": None,
        "tokens_per_step": None,
        "context": CONTEXT,
        "seed": None,
    }
    return make_manifest("tiny", **{**usual, **settings})


def without_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()


def steps_of(manifest: Manifest) -> list[int]:
    return [checkpoint.step for checkpoint in manifest.checkpoints]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """Folders by architecture and revision; read them, do not write to them."""
    root = tmp_path_factory.mktemp("saved")
    return {name: save_revisions(root / name, name, steps=STEPS) for name in ("gpt_neox", "llama", "opt")}


@pytest.fixture
def revisions(saved: dict[str, dict[str, Path]], tmp_path: Path) -> dict[str, Path]:
    """Copies of the GPT-NeoX model's revisions, to write to."""
    copies = {
        name: shutil.copytree(folder, tmp_path / "revisions" / name)
        for name, folder in saved["gpt_neox"].items()
    }
    return {**copies, "main": copies["step8"]}


@pytest.fixture
def folder(revisions: dict[str, Path], tmp_path: Path) -> Path:
    """The same as a folder of the user's."""
    for step in STEPS:
        shutil.copytree(revisions[f"step{step}"], tmp_path / "run" / f"step-{step}")
    return tmp_path / "run"


@pytest.fixture
def hub(revisions: dict[str, Path], saved: dict[str, dict[str, Path]], tmp_path: Path) -> Iterator[Hub]:
    repositories = {f"someone/{name}": dict(folders) for name, folders in saved.items()}
    repositories["someone/gpt_neox"] = revisions
    repositories["someone/named"] = {
        NAMED.format(step=step, tokens=TOLD[step]): revisions[f"step{step}"] for step in STEPS
    } | {"main": revisions["main"], "stage2-step3-tokens1B": revisions["step1"]}
    with serve(repositories) as hub, connected(tmp_path / "cache", endpoint=hub.url):
        yield hub


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["gpt_neox", "llama", "opt"])
def test_a_repository_s_revisions_are_pinned(name: str, saved: dict[str, dict[str, Path]]) -> None:
    manifest = fetch(repository=f"someone/{name}", seed=3, tokens_per_step=100)
    assert steps_of(manifest) == [1, 4, 8]
    assert [each.commit for each in manifest.checkpoints] == [
        commit_of(saved[name][f"step{step}"]) for step in STEPS
    ]
    assert [each.revision for each in manifest.checkpoints] == ["step1", "step4", "step8"]
    assert [each.tokens for each in manifest.checkpoints] == [100, 400, 800]
    assert manifest.dimensions == read_dimensions(saved[name]["step8"])
    assert (manifest.dimensions.architecture, manifest.steps) == (name, 8)
    assert manifest.seed == 3


def test_no_weights_and_one_configuration_and_tokenizer_are_downloaded(hub: Hub) -> None:
    fetch(repository="someone/gpt_neox")
    assert hub.sent == []
    assert hub.asked("GET", "config.json") == 2  # the tokenizer has one too
    assert hub.asked("GET", "tokenizer.json") == 1


@pytest.mark.usefixtures("hub")
def test_a_fetched_model_scores_like_its_files(tmp_path: Path, revisions: dict[str, Path]) -> None:
    write_manifest(fetch(repository="someone/gpt_neox"), tmp_path / "tiny" / "manifest.json")
    source = dict(read_trajectory(tmp_path / "tiny").checkpoints)[4]
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        fetched, expected = (
            AutoModelForCausalLM.from_pretrained(place)(tokens).logits
            for place in (source.folder(), revisions["step4"])
        )
    assert torch.equal(fetched, expected)


def test_a_cache_gives_the_same_manifest_as_the_hub(
    hub: Hub, revisions: dict[str, Path], tmp_path: Path
) -> None:
    online = fetch(repository="someone/gpt_neox")
    make_cache(tmp_path / "offline", "someone/gpt_neox", revisions)
    hub.stopped.set()
    with connected(tmp_path / "offline"):
        assert fetch(repository="someone/gpt_neox") == online


@pytest.mark.usefixtures("hub")
def test_steps_are_chosen_from_lists_ranges_and_spreads() -> None:
    assert steps_of(fetch(repository="someone/opt", steps=["8", "1"])) == [1, 8]
    assert steps_of(fetch(repository="someone/opt", steps=["4..8/4"])) == [4, 8]
    assert steps_of(fetch(repository="someone/opt", steps=["~2"])) == [1, 8]


@pytest.mark.usefixtures("hub")
def test_a_step_listed_twice_is_named() -> None:
    with pytest.raises(ValueError, match="step 4 is listed twice in `4 1 4`"):
        fetch(repository="someone/opt", steps=["4", "1", "4"])


@pytest.mark.usefixtures("hub")
def test_names_tell_tokens_and_other_stages_are_left_out() -> None:
    manifest = fetch(repository="someone/named", revision=NAMED)
    assert steps_of(manifest) == [1, 4, 8]
    assert [each.tokens for each in manifest.checkpoints] == [0, 2 * 10**9, 4 * 10**9]


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("per_step", "tokens"),
    [
        (540_000_000, [540_000_000, 2_160_000_000, 4_320_000_000]),
        (900_000_000, [900_000_000, 2 * 10**9, 4 * 10**9]),
    ],
)
def test_tokens_are_computed_where_the_name_rounds_and_told_where_it_contradicts(
    per_step: int, tokens: list[int]
) -> None:
    manifest = fetch(repository="someone/named", revision=NAMED, tokens_per_step=per_step)
    assert [each.tokens for each in manifest.checkpoints] == tokens


@pytest.mark.usefixtures("hub")
def test_a_repository_with_the_end_of_training_alone_needs_its_step() -> None:
    manifest = fetch(repository="someone/opt", revision="main", last_step=8)
    assert (steps_of(manifest), manifest.checkpoints[0].revision) == ([8], "main")
    with pytest.raises(FileNotFoundError, match=r"someone/opt \(revisions main\), whose step last_step has"):
        fetch(repository="someone/opt", revision="main")


def test_a_user_s_folder_is_pinned_as_it_is(folder: Path) -> None:
    manifest = fetch(folder=folder)
    assert steps_of(manifest) == [1, 4, 8]
    assert (manifest.steps, manifest.label, manifest.tokens_per_step) == (8, "11K", None)
    assert [each.tokens for each in manifest.checkpoints] == [None, None, None]
    first = manifest.checkpoints[0]
    assert first.folder == str(folder / "step-1")
    assert PinnedFolder(Path(first.folder), first.files, model="tiny").folder() == folder / "step-1"


@pytest.mark.usefixtures("hub")
def test_what_the_folder_lacks_comes_from_the_repository(folder: Path) -> None:
    shutil.rmtree(folder / "step-8")
    manifest = fetch(
        folder=folder, repository="someone/gpt_neox", revision="main", last_step=8, steps=["4", "8"]
    )
    assert [(each.step, each.folder, each.repository) for each in manifest.checkpoints] == [
        (4, str(folder / "step-4"), None),
        (8, None, "someone/gpt_neox"),
    ]


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_checkpoints_leaves_all_to_the_repository(
    exists: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    if exists:
        folder.mkdir()
    assert fetch(folder=folder, repository="someone/opt") == fetch(repository="someone/opt")
    assert f"{folder} {'holds no checkpoint' if exists else 'does not exist'}: all" in caplog.text


def test_what_lies_beside_a_user_s_checkpoints_is_the_user_s_own(folder: Path) -> None:
    alone = fetch(folder=folder)
    for name in ("logs", "tokenizer", "step-last", "wandb"):
        (folder / name).mkdir()
    (folder / "step-16").write_text("a file")
    assert fetch(folder=folder) == alone


def test_the_identity_does_not_depend_on_the_place(hub: Hub, folder: Path, tmp_path: Path) -> None:
    for name, settings in {"local": {"folder": folder}, "remote": {"repository": "someone/gpt_neox"}}.items():
        write_manifest(fetch(**settings), tmp_path / name / "manifest.json")
    local, remote = (read_trajectory(tmp_path / name).checkpoints for name in ("local", "remote"))
    assert [one.identity() for _, one in local] == [other.identity() for _, other in remote]
    assert hub.sent == []


@pytest.mark.usefixtures("hub")
def test_a_missing_step_is_named_with_the_nearest(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint of step 5 in .*run; the nearest are 1, 4, 8"):
        fetch(folder=folder, steps=["4", "5"])
    with pytest.raises(
        FileNotFoundError, match=r"run or someone/opt \(revisions step\{step\}\); the nearest"
    ):
        fetch(folder=folder, repository="someone/opt", steps=["7"])


@pytest.mark.usefixtures("hub")
def test_a_pattern_that_no_revision_follows_is_named() -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no checkpoint in someone/opt \(revisions v\{step\}\); none"
    ):
        fetch(repository="someone/opt", revision="v{step}")


@pytest.mark.usefixtures("hub")
def test_a_missing_repository_is_named() -> None:
    with pytest.raises(HubError, match="someone/else does not exist or is private"):
        fetch(repository="someone/else")


def test_a_missing_folder_and_no_place_at_all_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; it needs .* folder step-<number>"):
        fetch(folder=tmp_path / "nowhere")
    (tmp_path / "notes").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path} holds no checkpoint; it needs .* of tiny"):
        fetch(folder=tmp_path)
    with pytest.raises(ValueError, match="tiny needs a repository or a folder"):
        fetch()


def test_a_checkpoint_after_the_end_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match="checkpoint of step 8, but its training ends at 7"):
        fetch(folder=folder, last_step=7)


def test_a_training_without_steps_is_refused(folder: Path) -> None:
    (folder / "step-1").rename(folder / "step-0")
    with pytest.raises(ValueError, match="at which step the training of tiny ends; give last_step"):
        fetch(folder=folder, steps=["0"])
    assert fetch(folder=folder, steps=["0"], last_step=8).steps == 8


def test_a_checkpoint_of_another_architecture_is_named_with_the_difference(folder: Path) -> None:
    save_checkpoint(folder / "step-4", "gpt_neox", seed=0, num_hidden_layers=2)
    with pytest.raises(
        ValueError, match=r"step 4 \(.*step-4\) has num_hidden_layers 2, step 1 \(.*step-1\) 1;"
    ):
        fetch(folder=folder)
    shutil.rmtree(folder / "step-4")
    save_checkpoint(folder / "step-4", "opt", seed=0)
    with pytest.raises(ValueError, match=r"step-4\) has model_type opt, step 1 \(.*\) gpt_neox;"):
        fetch(folder=folder)


def test_a_checkpoint_with_another_tokenizer_is_named_with_the_difference(folder: Path) -> None:
    save_tokenizer(folder / "step-4", end="</s>")
    with pytest.raises(ValueError, match=r"step 1 \(.*step-1\) and step 4 \(.*step-4\) differ: .*</s>"):
        fetch(folder=folder)


def test_a_model_with_another_tokenizer_than_its_family_is_named_with_the_difference(
    folder: Path, tmp_path: Path
) -> None:
    save_tokenizer(tmp_path / "family")
    assert fetch(folder=folder, tokenizer=tmp_path / "family") == fetch(folder=folder)
    save_tokenizer(tmp_path / "family", end="</s>")
    with pytest.raises(ValueError, match=r"the family \(.*family\) and step 1 \(.*\) differ: .*</s>"):
        fetch(folder=folder, tokenizer=tmp_path / "family")


def test_a_checkpoint_without_a_tokenizer_is_fine(folder: Path) -> None:
    whole = fetch(folder=folder).tokenizer
    for step in (1, 8):
        without_tokenizer(folder / f"step-{step}")
    assert fetch(folder=folder).tokenizer == whole is not None
    without_tokenizer(folder / "step-4")
    assert fetch(folder=folder).tokenizer is None


def test_a_family_s_tokenizer_that_cannot_be_the_model_s_is_refused(folder: Path, tmp_path: Path) -> None:
    for step in STEPS:
        without_tokenizer(folder / f"step-{step}")
    save_tokenizer(tmp_path / "family")
    assert fetch(folder=folder, tokenizer=tmp_path / "family").tokenizer is not None
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "family")
    tokenizer.add_tokens([f"word{number}" for number in range(ROWS)])
    tokenizer.save_pretrained(tmp_path / "family")
    with pytest.raises(
        ValueError, match=rf"run/step-1 has a vocabulary of {ROWS}, its tokenizer one of 521;"
    ):
        fetch(folder=folder, tokenizer=tmp_path / "family")


def test_a_checkpoint_s_own_tokenizer_has_to_fit_it(folder: Path) -> None:
    for step in STEPS:
        save_checkpoint(folder / f"step-{step}", "gpt_neox", seed=step, vocab_size=1_000)
    with pytest.raises(ValueError, match="run/step-1 has a vocabulary of 1000, its tokenizer one of 257;"):
        fetch(folder=folder)


@pytest.mark.parametrize("steps", [[], ["~2"]])
def test_offline_a_list_that_takes_what_there_is_says_how_little_that_is(
    steps: list[str], revisions: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_cache(tmp_path / "offline", "someone/gpt_neox", revisions)
    with connected(tmp_path / "offline"):
        fetch(repository="someone/gpt_neox", steps=["1", "4"])
        assert caplog.text == ""
        fetch(repository="someone/gpt_neox", steps=steps)
    assert "of someone/gpt_neox only the 3 revisions in the cache are known" in caplog.text


@pytest.mark.parametrize(
    "change", [{"model_type": "mine"}, {"auto_map": {"AutoModelForCausalLM": "modeling_mine.Mine"}}]
)
@pytest.mark.usefixtures("hub")
def test_code_of_a_repository_is_never_run(
    revisions: dict[str, Path], tmp_path: Path, change: dict[str, Any]
) -> None:
    path = revisions["step8"] / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    (revisions["step8"] / "modeling_mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ValueError, match=r"config\.json is no configuration that can be used"):
        fetch(repository="someone/gpt_neox", steps=["8"])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "lacks"), [("config.json", "config.json"), ("model.safetensors", "weights")]
)
def test_a_folder_that_is_no_checkpoint_is_named(folder: Path, name: str, lacks: str) -> None:
    (folder / "step-4" / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"step-4 has no {lacks}"):
        fetch(folder=folder)


def test_a_model_that_exists_is_labelled_by_its_parameters(folder: Path) -> None:
    for step in STEPS:
        without_tokenizer(folder / f"step-{step}")
        AutoConfig.for_model("gpt_neox").save_pretrained(folder / f"step-{step}")
    assert fetch(folder=folder).label == "21B"
    assert fetch(folder=folder, label="20B").label == "20B"
