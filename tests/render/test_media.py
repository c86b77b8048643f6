from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pytest

from promptrun.errors import Location, SpecErrors
from promptrun.files.source import Place
from promptrun.models import DataFile, FileRef
from promptrun.render import render_request
from promptrun.render.sniff import is_animated, media_type
from tests.render.making import make_case, mistakes

if TYPE_CHECKING:
    from pathlib import Path

    from promptrun.models import Case

HERE = Place(lambda: Location("spec.yaml", 1))
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20
WEBP = b"RIFF\0\0\0\0WEBPVP8 "
WAV = b"RIFF\0\0\0\0WAVEfmt "
MP3 = b"ID3\x04\0\0\0\0\0\0"
MP3_FRAME = b"\xff\xfb\x90\x00"
PDF = b"%PDF-1.7\n"
IMAGE_BLOCK = b"\x2c" + b"\0" * 9 + b"\x02" + b"\x02\x44\x01" + b"\0"
CONTROL_BLOCK = b"\x21\xf9\x04\0\0\0\0\0"
GIF_HEAD = b"GIF89a\x01\0\x01\0\x80\0\0" + b"\0" * 6
GIF = GIF_HEAD + CONTROL_BLOCK + IMAGE_BLOCK + b"\x3b"
ANIMATED = GIF_HEAD + (CONTROL_BLOCK + IMAGE_BLOCK) * 2 + b"\x3b"

IMAGE = 'messages: [{role: user, content: [{type: image_url, image_url: {url: "%s"}}]}]'
AUDIO = "messages: [{role: user, content: [{type: input_audio, input_audio: {data: %s}}]}]"
DOCUMENT = "messages: [{role: user, content: [{type: file, file: {file_data: %s}}]}]"


@pytest.fixture
def media(root: Path) -> Path:
    (root / "img").mkdir()
    files = {"img/a.png": PNG, "a.txt": PNG, "a.jpg": JPEG, "a.webp": WEBP, "a.gif": GIF}
    files |= {"b.gif": ANIMATED, "a.wav": WAV, "a.mp3": MP3, "a.pdf": PDF}
    files |= {"a.svg": b"<svg xmlns=''/>", "a.png": b"plain text"}
    for name, data in files.items():
        (root / name).write_bytes(data)
    return root


def case_of(root: Path, text: str, **settings: Any) -> Case:
    return make_case(root, f"model: m\n{text}\n", **settings)


def part_of(root: Path, text: str, **settings: Any) -> dict[str, Any]:
    body = render_request(case_of(root, text, **settings)).body
    part = body["messages"][0]["content"][0]
    assert isinstance(part, dict)
    return part


def url_of(root: Path, url: str, **settings: Any) -> Any:
    return part_of(root, IMAGE % url, **settings)["image_url"]["url"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (WEBP, "image/webp"),
        (GIF, "image/gif"),
        (WAV, "audio/wav"),
        (MP3, "audio/mpeg"),
        (MP3_FRAME, "audio/mpeg"),
        (PDF, "application/pdf"),
        (b"", None),
        (b"\xff", None),
        (b"RIFF", None),
        (b"<svg/>", None),
    ],
)
def test_the_type_of_a_medium_is_told_by_its_bytes(data: bytes, kind: str | None) -> None:
    assert media_type(data) == kind


@pytest.mark.parametrize(
    ("gif", "animated"),
    [
        (GIF, False),
        (ANIMATED, True),
        (GIF[:20], False),
        (GIF_HEAD[:6], False),
        (GIF_HEAD + b"\x21\xff" + b"\x01a" * 600_000, True),
        (GIF_HEAD + (b"\x21\xff\0") * 600_000, True),
    ],
    ids=["one picture", "two", "cut", "head only", "endless block", "endless blocks"],
)
def test_a_gif_with_more_than_one_picture_is_animated(gif: bytes, animated: bool) -> None:
    assert is_animated(gif) is animated


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("img/a.png", "image/png", PNG),
        ("a.txt", "image/png", PNG),
        ("a.jpg", "image/jpeg", JPEG),
        ("./a.webp", "image/webp", WEBP),
        ("img/../a.gif", "image/gif", GIF),
    ],
)
def test_a_relative_path_becomes_a_data_url(media: Path, name: str, kind: str, data: bytes) -> None:
    head, _, body = url_of(media, name).partition(",")
    assert head == f"data:{kind};base64"
    assert b64decode(body, validate=True) == data


@pytest.mark.parametrize(
    "url", ["https://example.com/a.png", "HTTP://localhost/x", "data:image/png;base64,AAAA"]
)
def test_addresses_are_sent_as_they_are(media: Path, url: str) -> None:
    assert url_of(media, url) == url
    assert url_of(media, "{{ image }}", vars={"image": url}) == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nothing.png", "no file `nothing.png`"),
        ("a.svg", "`a.svg` is svg"),
        ("a.png", "`a.png` is of no known type"),
        ("a.pdf", "`a.pdf` is application/pdf"),
        ("a.wav", "`a.wav` is audio/wav"),
        ("b.gif", "`b.gif` is an animated gif"),
        ("file:///etc/passwd", "`file:` addresses are not read"),
        ("ftp://example.com/a.png", "`ftp:` addresses are not read"),
        ("/etc/passwd", "`/etc/passwd` is an absolute path"),
        ("../outside.txt", "`../outside.txt` lies outside the project"),
        ("link.txt", "`link.txt` lies outside the project"),
        (".env", "`.env` is hidden: `.env` begins with a dot"),
        ("img", "`img` is not a file"),
        ("x" * 5000, f"`{'x' * 80}` names no file: File name too long"),
    ],
)
def test_what_is_no_medium_is_an_error_where_it_is_named(
    media: Path, url: str, message: str
) -> None:
    for text, variables in ((IMAGE % url, {}), (IMAGE % "{{ v }}", {"v": url})):
        with pytest.raises(SpecErrors) as caught:
            render_request(case_of(media, text, vars=variables))
        (error,) = caught.value.errors
        assert error.message == message
        assert str(error.location) == f"spec.yaml:2:{IMAGE.index('%s')}"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/?q={{ v }}",
        "{{ v }}.png",
        "{{ v }}{{ v }}",
        "{{ 'https://example.com/?q=' ~ v }}",
        "{{ v|upper }}",
        "{% if v %}a{% endif %}",
        "{{ v.upper() }}",
        " {{ v }}",
    ],
)
def test_a_composed_address_is_refused(media: Path, url: str) -> None:
    found = mistakes(case_of(media, IMAGE % url, vars={"v": "secret"}))
    assert len(found) == 1
    assert "is composed" in found[0]


def test_a_variable_names_a_file_below_the_root(media: Path) -> None:
    expected = "data:image/png;base64," + b64encode(PNG).decode()
    assert url_of(media, "{{ v }}", vars={"v": "img/a.png"}) == expected
    assert url_of(media, "{{ row.image }}", vars={"row": {"image": "img/a.png"}}) == expected
    assert url_of(media, "{{ rows[0].v }}", vars={"rows": [{"v": "img/a.png"}]}) == expected


def test_a_variable_with_a_file_is_that_medium(media: Path) -> None:
    ref = FileRef(name="a.png", folder=media / "img", place=HERE)
    expected = "data:image/png;base64," + b64encode(PNG).decode()
    assert url_of(media, "{{ v }}", vars={"v": ref}) == expected


def test_a_row_s_path_starts_at_its_data_file(media: Path) -> None:
    (media / "data").mkdir()
    (media / "data" / "rows.csv").write_text("v\nb.png\n", encoding="utf-8")
    (media / "data" / "b.png").write_bytes(PNG)
    cases = DataFile(ref=FileRef(name="data/rows.csv", folder=media, place=HERE))
    expected = "data:image/png;base64," + b64encode(PNG).decode()
    settings: dict[str, Any] = {"cases": cases, "spec_vars": {"s": "img/a.png"}}
    variables = {"v": "b.png", "s": "img/a.png"}
    assert url_of(media, "{{ v }}", vars=variables, **settings) == expected
    assert url_of(media, "{{ s }}", vars=variables, **settings) == expected


def test_the_value_of_an_address_is_not_rendered_again(media: Path) -> None:
    found = mistakes(case_of(media, IMAGE % "{{ v }}", vars={"v": "{{ 7 * 7 }}.png"}))
    assert found == ["no file `{{ 7 * 7 }}.png`"]


@pytest.mark.parametrize(
    ("value", "message"),
    [(7, "the variable `v` holds no address"), (None, "the variable `v` holds no address")],
)
def test_an_address_is_text(media: Path, value: Any, message: str) -> None:
    assert mistakes(case_of(media, IMAGE % "{{ v }}", vars={"v": value})) == [message]


def test_a_missing_address_is_a_missing_variable(media: Path) -> None:
    assert mistakes(case_of(media, IMAGE % "{{ v }}")) == ["the variable `v` has no value"]


def test_sound_is_bare_base64_with_its_format(media: Path) -> None:
    audio = part_of(media, AUDIO % "a.wav")["input_audio"]
    assert audio == {"data": b64encode(WAV).decode(), "format": "wav"}
    audio = part_of(media, AUDIO % "a.mp3, format: mp3")["input_audio"]
    assert audio == {"data": b64encode(MP3).decode(), "format": "mp3"}


def test_base64_in_the_spec_is_sent_as_it_stands(media: Path) -> None:
    audio = part_of(media, AUDIO % "UklGRg/+==, format: wav")["input_audio"]
    assert audio == {"data": "UklGRg/+==", "format": "wav"}


def test_a_wrong_format_is_an_error(media: Path) -> None:
    found = mistakes(case_of(media, AUDIO % "a.wav, format: mp3"))
    assert found == ["the format is `mp3`, and the file is wav"]


def test_a_document_keeps_its_name(media: Path) -> None:
    data = "data:application/pdf;base64," + b64encode(PDF).decode()
    assert part_of(media, DOCUMENT % "a.pdf")["file"] == {"file_data": data, "filename": "a.pdf"}
    named = part_of(media, DOCUMENT % "a.pdf, filename: b.pdf")["file"]
    assert named == {"file_data": data, "filename": "b.pdf"}


def test_nothing_is_added_to_a_document_that_is_no_local_file(media: Path) -> None:
    data = "data:application/pdf;base64,AAAA"
    document = part_of(media, DOCUMENT % f'"{data}"')["file"]
    assert document == {"file_data": data}


def test_media_in_a_file_of_turns_start_in_its_folder(media: Path) -> None:
    (media / "img" / "t.yaml").write_text(
        "- role: user\n  content: [{type: image_url, image_url: {url: a.png, detail: low}}]\n",
        encoding="utf-8",
    )
    part = part_of(media, "messages: [{messages_from: img/t.yaml}]")
    assert part["image_url"]["detail"] == "low"
    assert part["image_url"]["url"].startswith("data:image/png;base64,")


def test_every_mistake_about_media_comes_at_once(media: Path) -> None:
    urls = ("a.svg", "b.gif", "{{ x }}")
    parts = [f"{{type: image_url, image_url: {{url: '{url}'}}}}" for url in urls]
    text = f"messages: [{{role: user, content: [{', '.join(parts)}]}}]"
    assert len(mistakes(case_of(media, text))) == 3


def test_a_picture_that_changed_is_read_anew(media: Path) -> None:
    first = url_of(media, "a.jpg")
    (media / "a.jpg").write_bytes(JPEG + b"more")
    assert url_of(media, "a.jpg") != first
