from __future__ import annotations

import base64
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.config import Masker, resolve_server, secrets_of
from promptrun.config.spellings import spellings_of

if TYPE_CHECKING:
    from tests.config.conftest import Load

KEY = "sk-proj-AbC123/+_가&é\"'<> ~!z"
PLAIN = "sk-0123456789abcdef"

SPELLINGS = [
    pytest.param(KEY, id="as it is"),
    pytest.param(json.dumps(KEY, ensure_ascii=False)[1:-1], id="JSON"),
    pytest.param(json.dumps(KEY)[1:-1], id="JSON in ASCII"),
    pytest.param(json.dumps(KEY)[1:-1].replace("uac00", "uAC00").replace("u00e9", "u00E9"),
                 id="JSON in ASCII with capital hex"),
    pytest.param(json.dumps(KEY)[1:-1].replace("/", "\\/"), id="JSON with escaped slashes"),
    pytest.param(quote(KEY), id="percent-encoded"),
    pytest.param(quote(KEY, safe=""), id="percent-encoded slashes"),
    pytest.param(quote_plus(KEY), id="percent-encoded for a form"),
    pytest.param(quote(KEY, safe="!'()*"), id="percent-encoded as JavaScript does"),
    pytest.param("sk-proj-AbC123%2f%2b_%ea%b0%80%26%c3%a9%22%27%3c%3e%20~%21z",
                 id="percent-encoded in small letters"),
    pytest.param(base64.b64encode(KEY.encode()).decode(), id="Base64"),
    pytest.param(base64.b64encode(KEY.encode()).decode().rstrip("="), id="Base64 without padding"),
    pytest.param(base64.urlsafe_b64encode(KEY.encode()).decode(), id="URL-safe Base64"),
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_secret_is_replaced(spelling: str) -> None:
    assert Masker([KEY]).mask_text(f"a {spelling} b {spelling}") == "a *** b ***"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", "Bearer "])
@pytest.mark.parametrize("after", ["", "x", "xy", "xyz", "\n"])
@pytest.mark.parametrize("secret", [PLAIN, PLAIN + "x", PLAIN + "xy", KEY, "????>>>>"])
def test_a_secret_inside_encoded_text_is_found(
    encode: Any, before: str, after: str, secret: str
) -> None:
    masked = Masker([secret]).mask_text(encode((before + secret + after).encode()).decode())
    assert masked.count("***") == 1
    # What stays beside the mask tells at most some bits of the first and the last character.
    length = len(masked.replace("***", ""))
    assert length <= (len(before) + len(after)) * 4 / 3 + 8


def test_the_longest_secret_is_taken() -> None:
    masker = Masker([PLAIN, PLAIN + "-and-more"])
    assert masker.mask_text(f"{PLAIN}-and-more {PLAIN}-and") == "*** ***-and"


@pytest.mark.parametrize("secret", ["", "a", "ollama", "1234567"])
def test_what_is_shorter_than_eight_characters_is_no_secret(secret: str) -> None:
    text = f"a {secret} b"
    assert Masker([secret]).mask_text(text) is text


def test_eight_characters_are_a_secret() -> None:
    assert Masker(["12345678"]).mask_text("012345678") == "0***"


def test_a_text_without_secrets_stays_the_same_object() -> None:
    text = "nothing here " * 100
    assert Masker([PLAIN]).mask_text(text) is text
    assert Masker([]).mask_text(text) is text


def test_a_value_is_masked_in_its_keys_and_strings() -> None:
    value = {"a": [1, None, True, {"b": f"x {PLAIN}"}], PLAIN: 2.5, "c": (PLAIN,)}
    before = json.dumps(value)
    masked = Masker([PLAIN]).mask(value)
    assert masked == {"a": [1, None, True, {"b": "x ***"}], "***": 2.5, "c": ["***"]}
    assert list(masked) == ["a", "***", "c"]
    assert json.dumps(value) == before


def test_a_value_without_secrets_stays_the_same_object() -> None:
    value = {"a": [1, {"b": "x"}]}
    assert Masker([PLAIN]).mask(value) is value


def test_keys_that_become_equal_are_kept_apart() -> None:
    other = PLAIN[::-1]
    masked = Masker([PLAIN, other]).mask({"***": 0, PLAIN: 1, other: 2})
    assert sorted(masked.values()) == [0, 1, 2]
    assert masked["***"] == 0


@pytest.mark.parametrize("inner", ["x", PLAIN])
def test_a_deep_value_is_no_danger(inner: str) -> None:
    value: Any = inner
    for _ in range(100_000):
        value = [{"a": value}]
    masked = Masker([PLAIN]).mask(value)
    for _ in range(100_000):
        # Taking the levels apart one by one keeps the interpreter from freeing them recursively.
        (masked,), (value,) = masked, value
        masked, value = masked["a"], value["a"]
    assert masked == ("***" if inner == PLAIN else "x")


def test_a_secret_that_holds_the_mask_is_not_put_together_again() -> None:
    for secret in ("********", "*abcdefg", "a*b*c*d*", "abcdefg*"):
        masker = Masker([secret, PLAIN])
        text = f"{secret}*****{PLAIN}abcdefg*{PLAIN[:-1]}{secret}{secret}"
        assert secret not in masker.mask_text(text)


SECRETS = st.lists(
    st.text('ab*/가é"\\% \ud800', min_size=8, max_size=12) | st.text(min_size=8, max_size=12),
    min_size=1,
    max_size=3,
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Secrets, and the pieces of a text that is full of them and of their beginnings."""
    secrets = draw(SECRETS)
    spellings = sorted({form for secret in secrets for form in spellings_of(secret)})
    whole = st.sampled_from(spellings)
    part = st.tuples(whole, st.integers(0, 16), st.integers(0, 16)).map(
        lambda cut: cut[0][cut[1] : cut[1] + cut[2]]
    )
    text = "".join(draw(st.lists(whole | part | st.text("ab* 가", max_size=3), max_size=8)))
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=10))
    places = sorted({0, len(text), *cuts})
    return secrets, [text[start:end] for start, end in pairwise(places)]


@settings(deadline=None)  # a busy machine is no mistake
@given(streams())
def test_no_spelling_is_left_however_the_text_is_cut(drawn: tuple[list[str], list[str]]) -> None:
    secrets, pieces = drawn
    masker = Masker(secrets)
    stream = masker.stream()
    shown = "".join([*map(stream.feed, pieces), stream.flush()])
    assert shown == masker.mask_text("".join(pieces))
    for secret in secrets:
        assert not any(form in shown for form in spellings_of(secret))


@settings(deadline=None)  # a busy machine is no mistake
@given(streams())
def test_a_stream_shows_nothing_that_masking_the_whole_would_not(
    drawn: tuple[list[str], list[str]],
) -> None:
    secrets, pieces = drawn
    masker = Masker(secrets)
    stream = masker.stream()
    whole = masker.mask_text("".join(pieces))
    shown = ""
    for piece in pieces:
        shown += stream.feed(piece)
        assert whole.startswith(shown)


@settings(deadline=None)  # a busy machine is no mistake
@given(st.text(min_size=8, max_size=20), st.text(max_size=5), st.text(max_size=5))
def test_any_secret_is_found_in_any_encoding(secret: str, before: str, after: str) -> None:
    masker = Masker([secret])
    text = before + secret + after
    for encoded in (
        text,
        json.dumps(text),
        json.dumps(text, ensure_ascii=False),
        quote(text),
        quote_plus(text),
    ):
        assert masker.mask_text(encoded) != encoded
    data = text.encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert masker.mask_text(encode(data).decode()) != encode(data).decode()


def test_a_stream_shows_text_at_once() -> None:
    stream = Masker([PLAIN]).stream()
    assert stream.feed("Once upon ") == "Once upon "
    assert stream.feed("a time s") == "a time "
    assert stream.feed("he sk") == "she "
    assert stream.feed("-0123") == ""
    assert stream.feed("4 and") == "sk-01234 and"
    assert stream.flush() == ""


def test_a_stream_holds_a_secret_until_it_is_whole() -> None:
    stream = Masker([PLAIN]).stream()
    assert "".join(map(stream.feed, PLAIN[:-1])) == ""
    assert stream.feed(PLAIN[-1] + "!") == "***!"


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_held_until_it_is_whole(spelling: str) -> None:
    stream = Masker([KEY]).stream()
    assert stream.feed(spelling[:-1]) == ""
    assert stream.feed(spelling[-1]) + stream.flush() == "***"


def test_a_stream_that_ends_within_a_secret_shows_what_came() -> None:
    stream = Masker([PLAIN]).stream()
    assert stream.feed("a sk-01") == "a "
    assert stream.flush() == "sk-01"
    assert stream.feed("b") == "b"


def test_streams_of_one_masker_are_apart() -> None:
    masker = Masker([PLAIN])
    first, second = masker.stream(), masker.stream()
    assert first.feed("sk-01") == ""
    assert second.feed("x") == "x"
    assert first.flush() == "sk-01"


def test_keys_of_the_servers_and_named_variables_are_secrets(load: Load) -> None:
    environ = {
        "OPENAI_API_KEY": "sk-0123456789",
        "DB_PASSWORD": "hunter2-hunter2\n",
        "SHORT": "short",
        "OTHER": "not-named-anywhere",
        "TWICE": "sk-0123456789",
    }
    project = load('secrets = ["DB_PASSWORD", "SHORT", "MISSING", "TWICE"]', environ)
    servers = [resolve_server(project, "openai"), resolve_server(project, "local")]
    assert secrets_of(project, servers) == ["sk-0123456789", "hunter2-hunter2"]
    assert secrets_of(project, []) == ["sk-0123456789", "hunter2-hunter2"]
