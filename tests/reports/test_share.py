"""The three forms of an example, and what stays a text in each."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from promptrun.models import CaseResult, Server
from promptrun.reports.share import FORMS, find_form
from promptrun.reports.share.fences import LIMIT
from promptrun.reports.share.keys import find_keys
from promptrun.reports.share.page import BLOCK
from promptrun.reports.share.shared import Shared, SharedCase, SharedFile
from tests.reports.html.reading import Page
from tests.reports.markdown_reader import outside_of_fences
from tests.reports.report_example import HOSTILE, example, reply_of, request_of

GOLDEN = Path(__file__).parent / "share_golden"
WRITE = os.environ.get("PROMPTRUN_WRITE_GOLDEN") == "1"
HOSTILE_FILE = HOSTILE.replace("\ud800", "")
"""A file that is read as text is UTF-8."""
SPEC = """\
# 한국어
model: gpt-4o-mini
messages:
  - {role: user, content: "{{ 이야기 }}"}
"""


def file(path: str, text: str | None, **fields: str) -> SharedFile:
    size = len((text or "").encode())
    return SharedFile(path=path, size=size, sha256="ab" * 32, text=text, **fields)


def share(*results: CaseResult, files: tuple[SharedFile, ...] = ()) -> Shared:
    return Shared(
        cases=tuple(
            SharedCase(
                result=one,
                source="the reply that waits, of the run 20261125T193529-f1c3",
                server=Server(name="openai", kind="openai"),
                key_env="OPENAI_API_KEY",
                run=f"promptrun {one.id} --provider openai",
                notes=("the accepted reply answered an earlier request",),
            )
            for one in results
        ),
        files=files,
        versions={"promptrun": "0.5.0", "openai": "2.8.0", "python": "3.11.9"},
    )


def every_kind() -> Shared:
    wanted = {"specs/polite.yaml", "specs/vision.yaml", "specs/animals.yaml"}
    results = [one for one in example().results() if one.spec in wanted]
    assert {one.spec for one in results} == wanted
    files = (
        file("specs/a.yaml", SPEC),
        file("data/fence.md", f"````\n{HOSTILE_FILE}", note="the row of the case alone"),
        file("images/cat.png", None, base64="iVBORw0KGgo="),
        file("images/huge.png", None, note="left out: too large to be shared"),
    )
    return structs.replace(share(*results, files=files), notes=("something is told of all",))


def without_shared_parts(text: str) -> str:
    """The page without what is the same on all pages, and is tested with them."""
    text = re.sub(r'(?s)<article class="case">.*?</article>', "<article>…</article>", text)
    text = re.sub(r"(?s)<style>.*?</style>", "<style></style>", text)
    return re.sub(r"'sha256-[^']+'", "'sha256-…'", text)


@pytest.mark.parametrize("form", FORMS)
def test_an_example_looks_as_its_golden_file(form: str) -> None:
    text = find_form(form)(every_kind())
    if form == "html":
        text = without_shared_parts(text)
    path = GOLDEN / f"example.{form}"
    if WRITE:
        path.write_text(text, "utf-8", newline="\n")

    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("form", FORMS)
def test_the_same_example_is_the_same_text(form: str) -> None:
    assert find_form(form)(every_kind()) == find_form(form)(every_kind())


def test_the_page_holds_the_json_form_for_programs() -> None:
    shared = every_kind()

    [block] = Page(find_form("html")(shared)).find("script", id=BLOCK)

    assert json.loads(block) == json.loads(find_form("json")(shared))


def test_the_page_allows_no_script_and_no_network() -> None:
    page = Page(find_form("html")(every_kind()))

    [policy] = [
        attributes["content"]
        for name, attributes in page.elements
        if name == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    scripts = [attributes for name, attributes in page.elements if name == "script"]

    assert policy is not None
    assert "default-src 'none'; img-src data:;" in policy
    assert "script-src 'none'" in policy
    assert scripts == [{"type": "application/json", "id": BLOCK}]
    assert not page.comments
    assert not any(
        key.startswith("on") or key == "style" for _, one in page.elements for key in one
    )


HOSTILE_CASE = CaseResult(
    spec="specs/`a`@everyone.yaml",
    case="```</script>",
    verdict=next(example().results()).verdict,
    provider="openai",
    reason=HOSTILE,
    request=request_of(HOSTILE, HOSTILE),
    reply=reply_of(f"{'`' * 7}\n{HOSTILE}"),
)


def markup_of(text: str) -> Iterator[str]:
    """The lines of a Markdown text that are not between fences, without their code spans."""
    for line in outside_of_fences(text):
        yield re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "CODE", line)


def test_nothing_from_outside_is_markup_in_markdown() -> None:
    files = (file("specs/@everyone.yaml", HOSTILE_FILE),)

    lines = "\n".join(markup_of(find_form("md")(share(HOSTILE_CASE, files=files))))

    assert not re.search(r"@|script|alert|forged|javascript", lines)
    assert set(re.findall(r"<[^>]*>", lines)) <= {
        *("<details>", "<summary>", "</summary>", "</details>"),
    }


@pytest.mark.parametrize("form", FORMS)
def test_what_is_hidden_in_a_text_is_shown_or_escaped(form: str) -> None:
    text = find_form(form)(share(HOSTILE_CASE, files=(file("a.yaml", HOSTILE_FILE),)))

    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f\u200b\u202a-\u202e\u2028\ufeff\ud800-\udfff]", text
    )
    assert "한국어" in text


def test_what_is_too_long_for_an_issue_is_cut_and_told() -> None:
    long = [
        structs.replace(HOSTILE_CASE, case=f"c{number}", reply=reply_of("긴 답 ` " * 20_000))
        for number in range(5)
    ]

    text = find_form("md")(share(*long, files=(file("a.yaml", SPEC),)))

    assert len(text) <= LIMIT
    assert len(text) > LIMIT * 0.9
    assert "more characters: the `.json` form has all of them" in text
    assert SPEC in text
    assert list(markup_of(text))


def test_what_is_too_much_for_an_issue_ends_between_two_parts() -> None:
    many = [structs.replace(HOSTILE_CASE, case=f"{number}" * 450) for number in range(120)]

    text = find_form("md")(share(*many))

    assert len(text) <= LIMIT
    assert text.endswith("The rest is left out: the `.json` form has all of it.\n")
    assert list(markup_of(text))


def test_a_medium_is_named_in_markdown_and_whole_in_json() -> None:
    url = "data:image/png;base64," + "iVBORw0K" * 100
    part = {"type": "image_url", "image_url": {"url": url}}
    shared = share(structs.replace(HOSTILE_CASE, request=request_of("한국어", [part])))

    text = find_form("md")(shared)

    assert "iVBORw0K" not in text
    assert "data:image/png;base64,… (800 characters of base64)" in text
    assert url in find_form("json")(shared)


@pytest.mark.parametrize("form", ["curl", "python"])
def test_a_long_request_is_read_from_a_file_by_the_commands(form: str) -> None:
    shared = share(structs.replace(HOSTILE_CASE, request=request_of("x" * 10_000, stream=True)))

    [case] = json.loads(find_form("json")(shared))["cases"]

    assert "request.json" in case["commands"][form]
    assert "xxx" not in case["commands"][form]
    assert len(case["commands"][form]) < 800


KEYS = {
    "OpenAI": "sk-proj-abcdefghijklmnop1234567890",
    "OpenRouter": "sk-or-v1-0123456789abcdef0123456789abcdef",
    "GitHub": "ghp_" + "a1B2" * 9,
    "a fine-grained one of GitHub": "github_pat_" + "a1B2_" * 16,
    "GitLab": "glpat-abcdefghij0123456789",
    "AWS": "AKIAABCDEFGHIJKLMNOP",
    "Google": "AIza" + "Sy0-_" * 7,
    "Slack": "xoxb-123456789012-abcdefABCDEF",
    "Hugging Face": "hf_" + "aB3" * 12,
    "Stripe": "sk_live_" + "a1B2" * 6,
    "a JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "a private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    "a cut private key": "-----BEGIN PRIVATE KEY-----",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_is_known_by_its_shape(key: str) -> None:
    text = f"키는 '{key}'입니다"

    [found] = find_keys(text)

    assert text[found.start : found.end] == key


@pytest.mark.parametrize(
    "key",
    [
        *(KEYS[name] for name in ("OpenAI", "OpenRouter", "GitHub", "GitLab", "AWS", "Google")),
        *(KEYS[name] for name in ("a fine-grained one of GitHub", "Slack", "Stripe")),
        "sk-ant-api03-Abcd1234Efgh5678Ijkl9012Mnop",
    ],
)
@pytest.mark.parametrize("before", ["Bearer", "key_", "열쇠-"])
def test_a_key_is_known_in_the_middle_of_a_word(before: str, key: str) -> None:
    text = f"{before}{key}_x"

    [found] = find_keys(text)

    assert found.start == len(before)
    assert found.end >= len(before + key)


INNOCENT = {
    "a placeholder": "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "a word that ends so": "task-force-of-the-year-2024-and-more",
    "a name that ends as a key of a project begins": "task-proj-2024-kickoff-meeting-notes",
    "a name that ends as a key of Anthropic begins": "task-ant-colony-optimization-2024-notes",
    "a class of a style sheet": "sk-fading-circle-loading",
    "the example of AWS": "AKIAIOSFODNN7EXAMPLE",
    "a commit": "0f02a5d0c1e94a7e8f3b2d6a5c4b3a2f1e0d9c8b",
    "a UUID": "123e4567-e89b-12d3-a456-426614174000",
    "a public key": "-----BEGIN PUBLIC KEY-----",
    "base64": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "Korean": "할머니가 sk-를 말했습니다",
}


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_what_only_looks_a_little_like_a_key_is_none(text: str) -> None:
    assert not list(find_keys(text))


@pytest.mark.parametrize(
    "piece",
    [
        "sk-",
        "sk-a",
        "sk-proj-1a",
        "sk-proj-1bcdefgh2jklmno-",
        "github_pat_",
        "ghp_a",
        "eyJaaaaaaaaaaaa.",
        "-----BEGIN A ",
        "-----BEGIN PRIVATE KEY-----a",
        "A",
    ],
)
def test_looking_for_keys_takes_no_long_time(piece: str) -> None:
    from time import process_time

    text = piece * (400_000 // len(piece))
    began = process_time()

    for _ in find_keys(text):
        pass

    assert process_time() - began < 10
