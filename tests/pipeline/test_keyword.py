from __future__ import annotations

import pytest

from promptrun.errors import UsageError
from promptrun.pipeline.keyword import compile_keyword

ID = "specs/greetings.yaml::정중,language=ko smoke"


@pytest.mark.parametrize(
    "expression",
    [
        "greetings",
        "GREETINGS",
        "정중",
        "language=ko",
        "greetings and smoke",
        "vision or smoke",
        "not vision",
        "not (vision or hello)",
        "not not smoke",
        "vision and smoke or greetings",
    ],
)
def test_an_expression_selects_what_holds_its_words(expression: str) -> None:
    assert compile_keyword(expression)(ID)


@pytest.mark.parametrize(
    "expression",
    ["vision", "greetings and vision", "not smoke", "(vision or smoke) and not greetings"],
)
def test_an_expression_leaves_the_others_out(expression: str) -> None:
    assert not compile_keyword(expression)(ID)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "a word is missing at the end"),
        ("and korean", "a word is missing before `and`"),
        ("korean or", "a word is missing at the end"),
        ("(korean", "a `)` is missing"),
        ("korean english", "`english` does not follow"),
        ("korean )", "`)` does not follow"),
    ],
)
def test_an_expression_that_cannot_be_read_says_why(expression: str, reason: str) -> None:
    with pytest.raises(UsageError, match=r"cannot read `-k") as caught:
        compile_keyword(expression)
    assert reason in caught.value.message
