import re
from html.parser import HTMLParser

import pytest
import xarray as xr

from judged_texts import CONFIGURATIONS, METHODS, make_generations
from trajectories.report.examples import examples_html, examples_markdown

TEXT = "a  <b>|*x*\n\n\n\n\n\tdef f(x):\n    return '$y$'\x07 of it</s>"


class Cells(HTMLParser):
    """The text of every cell, and the tags that are open at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag in {"td", "th"}:
            self.cells.append("")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


@pytest.fixture
def generations() -> xr.Dataset:
    generations = make_generations(prompts=4)
    generations["text"] = generations["text"].astype(object)
    generations["text"][0, 1, 2] = TEXT
    return generations


def rows_of(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_markdown_has_a_row_per_configuration_and_a_column_per_method(generations: xr.Dataset) -> None:
    text = examples_markdown(generations, prompt=2, title="Table 5")
    header, ruler, *rows = rows_of(text)
    assert header == ["", *METHODS]
    assert {len(row) for row in [ruler, *rows]} == {len(header)}
    assert [row[0] for row in rows] == ["$p_s$ - $p_l$", "$p_l$", "$p_l$ - $p_s$", "the document"]
    assert rows[-1][1:] == ["document 2", ""]
    assert text.startswith("# Table 5. ")
    assert "document-2" in text
    assert "0.2M ($p_s$) and 4.3M ($p_l$)" in text
    assert "Prompt: Given 2↵<br>" in text


def test_markdown_shows_what_a_text_holds(generations: xr.Dataset) -> None:
    _, _, first, *_ = rows_of(examples_markdown(generations, prompt=2))
    assert first[2] == (
        r"a··\<b\>\|\*x\*↵ × 5<br>→def f(x):↵<br>····return '\$y\$'␇ of it\</s\>"  # noqa: RUF001
    )


def test_html_has_the_same_cells(generations: xr.Dataset) -> None:
    page = Cells()
    page.feed(examples_html(generations, prompt=2))
    assert page.open == []
    assert page.cells[: 1 + len(METHODS)] == ["", *METHODS]
    rows = [page.cells[first : first + 3] for first in range(3, len(page.cells), 3)]
    assert [row[0] for row in rows] == ["ps − pl", "pl", "pl − ps", "the document"]  # noqa: RUF001
    assert rows[0][2] == "a··<b>|*x*↵ × 5\n→\tdef f(x):↵\n····return '$y$'␇ of it</s>"  # noqa: RUF001
    assert len(rows) == len(CONFIGURATIONS) + 1


def test_html_marks_special_tokens_and_escapes_text(generations: xr.Dataset) -> None:
    page = examples_html(generations, prompt=2)
    assert "<b>&lt;/s&gt;</b>" in page
    assert "&lt;b&gt;|*x*" in page


def test_only_the_tokenizers_special_tokens_are_marked(generations: xr.Dataset) -> None:
    generations["text"][0, 1, 2] = "<s> text<end_of_turn><end>"
    special = generations.assign_attrs(special_tokens='["<end>", "<end_of_turn>"]')
    page = examples_html(special, prompt=2)
    assert "&lt;s&gt; text<b>&lt;end_of_turn&gt;</b><b>&lt;end&gt;</b>" in page
    for text in (examples_html(special, prompt=2), examples_markdown(special, prompt=2).replace("\\", "")):
        assert "a text that holds the same characters" in text
    none = generations.assign_attrs(special_tokens="[]")
    assert "<b>" not in examples_html(none, prompt=2)
    assert "special tokens" not in examples_html(none, prompt=2)


def test_long_texts_are_cut_and_say_so(generations: xr.Dataset) -> None:
    _, _, first, *_ = rows_of(examples_markdown(generations, prompt=2, characters=8))
    assert first[2] == r"a··\<b\>\|\* …"
    whole = examples_markdown(generations, prompt=2, characters=len(TEXT))
    assert "…" not in rows_of(whole)[2][2]


def test_an_empty_text_is_named(generations: xr.Dataset) -> None:
    generations["text"][0, 0, 2] = ""
    assert rows_of(examples_markdown(generations, prompt=2))[2][1] == "(nothing)"
    assert "<td>(nothing)</td>" in examples_html(generations, prompt=2)


@pytest.mark.parametrize("prompt", [-1, 4])
def test_a_prompt_that_is_not_there_is_refused(generations: xr.Dataset, prompt: int) -> None:
    for table in (examples_markdown, examples_html):
        with pytest.raises(ValueError, match=f"no prompt {prompt}; choose from 0 to 3"):
            table(generations, prompt=prompt)


def test_no_characters_are_refused(generations: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="at least one character, got 0"):
        examples_markdown(generations, characters=0)
