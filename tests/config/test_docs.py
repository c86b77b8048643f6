from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from promptrun.config.project import KEYS
from promptrun.config.provider_tables import PROVIDER_KEYS
from promptrun.config.trust import trust_needed

if TYPE_CHECKING:
    from tests.config.conftest import Load

TEXT = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", [*KEYS, *PROVIDER_KEYS])
def test_every_key_of_the_file_is_documented(key: str) -> None:
    assert re.search(rf"^\| .*`\[?{key}[`.\]].*\|", TEXT, re.MULTILINE)


@pytest.mark.parametrize(
    "variable", sorted(set(re.findall(r'"((?:PROMPTRUN|AZURE|OPENAI)_[A-Z_]+|CI)"', "".join(
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[2] / "promptrun" / "config").glob("*.py")
    ))))
)  # fmt: skip
def test_every_variable_that_is_read_is_documented(variable: str) -> None:
    assert f"`{variable}`" in TEXT


def test_the_example_is_a_valid_file_and_says_truly_what_needs_trust(load: Load) -> None:
    example = TEXT.partition("```toml\n")[2].partition("```")[0]
    settings = load(example)
    assert trust_needed(settings)
    at_once = {name for name, table in settings.providers.items() if not table.needs_trust}
    assert at_once == {"ollama", "azure"}
