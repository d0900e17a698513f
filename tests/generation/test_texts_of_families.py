import functools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from trajectories.corpora.documents import Document
from trajectories.corpora.tokenizer import train_tokenizer
from trajectories.generation.texts import family_texts, retokenised_texts

FIRST = END = 1  # of the tokenizers that are trained here
LENGTHS = (4, 8)
WEIGHTS = {"p_s - p_l": (1.0, -1.0), "p_l": (0.0, 1.0)}
METHODS = ("greedy", "nucleus")
PROMPTS = ("The sum of ", "Return ", "Die größte Zahl, ")
CONTINUATION = "two numbers, größer als beide; see </s> and ünïcode: 数。 And so on."


@functools.cache
def trained(vocabulary: int) -> PreTrainedTokenizerFast:
    """Like those of the suites: bytes, and what is frequent."""
    text = f"{' '.join(PROMPTS)} {CONTINUATION} {PreTrainedTokenizerFast.__doc__} {np.sum.__doc__}"
    document = Document(name="words", domain="tables", text=text)
    return train_tokenizer([document], vocabulary=vocabulary, context=64)


def with_spaces(*, end: bool = True) -> PreTrainedTokenizerFast:
    """Characters that a space is put in front of, as Llama does; decoding drops the first space."""
    letters = sorted(set("▁" + CONTINUATION + "".join(PROMPTS)))
    words = {letter: number for number, letter in enumerate(["<unk>", "</s>", *letters])}
    engine = Tokenizer(models.BPE(words, [], unk_token="<unk>"))
    engine.pre_tokenizer = pre_tokenizers.Metaspace()
    engine.decoder = decoders.Metaspace()
    special = {"eos_token": AddedToken("</s>", special=True)} if end else {}
    return PreTrainedTokenizerFast(tokenizer_object=engine, **special)


def encode(text: str, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)


def make_generations(
    continuations: dict[tuple[int, int, int], list[int]] | None = None, *, vocabulary: int = 280
) -> xr.Dataset:
    """The texts go on alike, but for those given by (configuration, method, prompt)."""
    prompts = [[FIRST, *encode(prompt, trained(vocabulary))[:5]] for prompt in PROMPTS]
    ids = encode(CONTINUATION, trained(vocabulary))
    limits = [8, 8, 4]
    shape = (len(WEIGHTS), len(METHODS), len(PROMPTS))
    token_id, counts = np.zeros((*shape, 8), np.int32), np.zeros(shape, int)
    for place in np.ndindex(shape):
        shift = int(np.ravel_multi_index(place, shape))
        text = (continuations or {}).get(place, ids[shift : shift + limits[place[2]]])
        counts[place] = len(text)
        token_id[place][: len(text)] = text
    return xr.Dataset(
        {
            "token_id": (("configuration", "method", "prompt", "position"), token_id),
            "new_tokens": (("configuration", "method", "prompt"), counts),
            "limit": ("prompt", limits),
            "prompt_token_id": (("prompt", "prompt_position"), np.array(prompts, np.int32)),
            "prompt_tokens": ("prompt", [6, 6, 6]),
        },
        coords={
            "configuration": list(WEIGHTS),
            "small_weight": ("configuration", [small for small, _ in WEIGHTS.values()]),
            "large_weight": ("configuration", [large for _, large in WEIGHTS.values()]),
            "method": list(METHODS),
            "document": ("prompt", ["a.py", "b.py", "c.py"]),
        },
        attrs={"lengths": np.array(LENGTHS), "small": "opt-s", "large": "opt-l", "family": "opt"},
    )


def make_corrupted() -> xr.Dataset:
    ids = np.array([[5, 6, 7], [8, 9, 0], [5, 20, 7], [21, 9, 0]], np.int32)
    return xr.Dataset(
        {"token_id": (("sequence", "position"), ids), "tokens": ("sequence", [3, 2, 3, 2])},
        coords={
            "source": ("sequence", ["clean", "clean", "replace-0.4", "replace-0.4"]),
            "kind": ("sequence", ["clean", "clean", "replace", "replace"]),
            "rate": ("sequence", [0, 0, 0.4, 0.4]),
            "document": ("sequence", ["a.py", "b.py"] * 2),
        },
        attrs={"first_token_id": FIRST},
    )


def row(texts: xr.Dataset, index: int) -> tuple[list[int], list[int]]:
    """Given and scored tokens of a text."""
    text = texts.isel(sequence=index)
    given_tokens, count = int(text["given"]), int(text["tokens"])
    ids = text["token_id"].values.tolist()
    assert not any(ids[count:])
    return ids[:given_tokens], ids[given_tokens:count]


def find(texts: xr.Dataset, **labels: object) -> int:
    chosen = np.logical_and.reduce([texts[name].values == value for name, value in labels.items()])
    (index,) = np.flatnonzero(chosen)
    return int(index)


def own_texts(corrupted: xr.Dataset | None = None, generations: xr.Dataset | None = None) -> xr.Dataset:
    made = make_generations() if generations is None else generations
    return family_texts(corrupted, made, tokenizer=trained(280), first_token_id=FIRST)


def moved_texts(generations: xr.Dataset, **changes: object) -> xr.Dataset:
    settings = {"source": trained(280), "tokenizer": trained(265), "first_token_id": FIRST, **changes}
    return retokenised_texts(generations, **settings)


def test_every_text_is_there_once_for_each_length_that_its_prompt_has() -> None:
    generations = make_generations()
    texts = own_texts(make_corrupted(), generations)
    assert texts.sizes["sequence"] == 4 + len(WEIGHTS) * len(METHODS) * (3 + 2)
    for configuration, method, prompt in np.ndindex(2, 2, 3):
        for length in LENGTHS:
            if length > generations["limit"][prompt]:
                continue
            index = find(
                texts,
                configuration=list(WEIGHTS)[configuration],
                method=METHODS[method],
                prompt=prompt,
                new_tokens=length,
                source="generated",
            )
            given_tokens, scored = row(texts, index)
            assert given_tokens == generations["prompt_token_id"][prompt].values.tolist()
            assert scored == generations["token_id"][configuration, method, prompt, :length].values.tolist()
    assert texts["token_id"].dtype == np.int32


def test_texts_that_end_early_are_whole_at_every_length() -> None:
    texts = own_texts(generations=make_generations({(0, 0, 0): [40, 41, END]}))
    same = {"configuration": "p_s - p_l", "method": "greedy", "prompt": 0}
    for length in LENGTHS:
        assert row(texts, find(texts, new_tokens=length, **same))[1] == [40, 41, END]


def test_corrupted_texts_have_the_first_token_given_or_their_own() -> None:
    texts = own_texts(make_corrupted())
    assert row(texts, 0) == ([FIRST], [5, 6, 7])
    assert row(texts, 1) == ([FIRST], [8, 9])
    without = family_texts(make_corrupted(), make_generations(), tokenizer=trained(280), first_token_id=None)
    assert row(without, 0) == ([5], [6, 7])


def test_labels_tell_texts_apart_and_say_what_does_not_apply() -> None:
    texts = own_texts(make_corrupted())
    assert texts["source"].values.tolist()[:5] == ["clean"] * 2 + ["replace-0.4"] * 2 + ["generated"]
    assert texts["prompt"].values.tolist()[:7] == [0, 1, 0, 1, 0, 1, 2]
    corrupted, generated = texts.isel(sequence=slice(4)), texts.isel(sequence=slice(4, None))
    assert corrupted["rate"].values.tolist() == [0, 0, 0.4, 0.4]
    assert (corrupted["new_tokens"] == 0).all()
    for name in ("configuration", "method"):
        assert (corrupted[name] == "").all()
    for name in ("small_weight", "large_weight"):
        assert corrupted[name].isnull().all()
    assert generated["rate"].isnull().all()
    weights = {
        (str(text["configuration"].item()), float(text["small_weight"]), float(text["large_weight"]))
        for text in (generated.isel(sequence=index) for index in range(generated.sizes["sequence"]))
    }
    assert weights == {(name, *pair) for name, pair in WEIGHTS.items()}
    assert texts["document"].values.tolist()[4:7] == ["a.py", "b.py", "c.py"]
    assert (texts.attrs["small"], texts.attrs["large"], texts.attrs["family"]) == ("opt-s", "opt-l", "opt")


def test_bytes_are_those_of_the_scored_text() -> None:
    ids = encode("größer 数", trained(280))
    texts = own_texts(generations=make_generations({(0, 0, 0): [*ids[:7], END]}))
    same = {"configuration": "p_s - p_l", "method": "greedy", "prompt": 0}
    text = trained(280).decode(ids[:7])
    assert int(texts["bytes"][find(texts, new_tokens=8, **same)]) == len(text.encode())
    assert int(texts["bytes"][find(texts, new_tokens=4, **same)]) == len(
        trained(280).decode(ids[:4]).encode()
    )


def test_dimensions_may_stand_in_any_order() -> None:
    generations = make_generations()
    xr.testing.assert_identical(
        own_texts(make_corrupted().transpose(), generations.transpose()),
        own_texts(make_corrupted(), generations),
    )


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12))
def test_another_family_reads_the_same_text(prompt: str, continuation: str) -> None:
    generations = make_generations().isel(configuration=[0], method=[0], prompt=[0])
    given_ids, ids = (encode(text, trained(280)) for text in (prompt, continuation))
    generations = generations.drop_dims(["position", "prompt_position"]).assign(
        token_id=(("configuration", "method", "prompt", "position"), np.array([[[[*ids, END]]]])),
        prompt_token_id=(("prompt", "prompt_position"), np.array([[FIRST, *given_ids]])),
        prompt_tokens=("prompt", [1 + len(given_ids)]),
        new_tokens=(("configuration", "method", "prompt"), [[[len(ids) + 1]]]),
        limit=("prompt", [100]),
    )
    generations.attrs["lengths"] = np.array([100])
    moved = moved_texts(generations)
    given_tokens, scored = row(moved, 0)
    assert given_tokens[0] == FIRST
    assert scored[-1] == END
    assert END not in scored[:-1]
    assert trained(265).decode(given_tokens[1:]) == prompt
    assert trained(265).decode(scored[:-1]) == continuation
    own = own_texts(generations=generations)
    assert int(moved["bytes"][0]) == int(own["bytes"][0]) == len(continuation.encode())


def test_what_looks_like_a_special_token_is_text_and_others_vanish() -> None:
    tokenizer = trained(280)
    ids = [*encode("</s>", tokenizer), 0]  # and one of padding
    moved = moved_texts(make_generations({(0, 0, 0): ids}))
    same = {"configuration": "p_s - p_l", "method": "greedy", "prompt": 0}
    scored = row(moved, find(moved, new_tokens=8, **same))[1]
    assert END not in scored
    assert trained(265).decode(scored) == "</s>"


def test_a_seam_that_a_token_would_cross_splits_the_two_parts_apart() -> None:
    other = trained(400)
    word = max((token for token in other.get_vocab() if token.isalpha() and token.isascii()), key=len)
    assert len(encode(word, other)) == 1
    start, rest = word[:2], word[2:]
    generations = make_generations({(0, 0, 0): encode(rest, trained(280))})
    prompt = [FIRST, *encode(start, trained(280))]
    generations = generations.drop_vars("prompt_token_id").assign(
        prompt_token_id=(("prompt", "prompt_position"), np.array([prompt] * len(PROMPTS))),
        prompt_tokens=("prompt", [len(prompt)] * len(PROMPTS)),
    )
    moved = moved_texts(generations, tokenizer=other)
    same = {"configuration": "p_s - p_l", "method": "greedy", "prompt": 0}
    found = row(moved, find(moved, new_tokens=8, **same))
    assert found == ([FIRST, *encode(start, other)], encode(rest, other))


def test_families_that_put_a_space_in_front_score_no_more_text() -> None:
    generations = make_generations()
    own = own_texts(generations=generations)
    moved = moved_texts(generations, tokenizer=with_spaces(), first_token_id=None)
    plain = np.array([text.isascii() for text in decoded(own)])
    np.testing.assert_array_equal(moved["bytes"].values[plain], own["bytes"].values[plain])
    assert plain.any()


def decoded(texts: xr.Dataset) -> list[str]:
    rows = (row(texts, index)[1] for index in range(texts.sizes["sequence"]))
    return [trained(280).decode(ids) for ids in rows]


def test_texts_that_nothing_is_left_of_are_dropped_and_counted() -> None:
    generations = make_generations({(0, 0, 0): [END], (1, 0, 1): [0, 0, END]})
    kept = moved_texts(generations)
    assert kept.attrs["texts_dropped"] == 0
    same = {"configuration": "p_s - p_l", "method": "greedy", "prompt": 0}
    index = find(kept, new_tokens=4, **same)
    assert row(kept, index)[1] == [END]
    assert int(kept["bytes"][index]) == 0
    left = moved_texts(generations, tokenizer=with_spaces(end=False), first_token_id=None)
    assert left.attrs["texts_dropped"] == 4
    assert left.sizes["sequence"] == kept.sizes["sequence"] - 4


def test_texts_too_long_for_the_other_family_lose_their_ends() -> None:
    generations = make_generations()
    whole, cut = moved_texts(generations), moved_texts(generations, context=12)
    assert whole.attrs["texts_cut"] == 0
    long = whole["tokens"].values > 12
    assert cut.attrs["texts_cut"] == long.sum() > 0
    np.testing.assert_array_equal(cut["tokens"], np.minimum(whole["tokens"], 12))
    for index in np.flatnonzero(long):
        given_tokens, scored = row(whole, int(index))
        kept_given, kept = row(cut, int(index))
        assert (kept_given, kept) == (given_tokens, scored[: 12 - len(given_tokens)])
        assert int(cut["bytes"][index]) == len(trained(265).decode(kept).encode())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda texts: texts.isel(prompt=slice(0)), "there is no text to score; generate some"),
        (
            lambda texts: texts.drop_dims("prompt_position"),
            r"needs the dimensions .* missing: prompt_position",
        ),
    ],
)
def test_generations_without_texts_are_refused(change: object, message: str) -> None:
    for texts in (lambda made: own_texts(generations=made), moved_texts):
        with pytest.raises(ValueError, match=message):
            texts(change(make_generations()))
