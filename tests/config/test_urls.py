from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrun.config.urls import UrlProblem, read_url


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("HTTPS://API.Example.COM/V1/", "https://api.example.com/V1"),
        ("https://api.example.com:443", "https://api.example.com"),
        ("http://127.0.0.1:80/v1", "http://127.0.0.1/v1"),
        ("http://[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080"),
        ("http://my_ollama:11434/v1", "http://my_ollama:11434/v1"),
        ("https://xn--bj0bj06e.example", "https://xn--bj0bj06e.example"),
        (
            "https://generativelanguage.googleapis.com/v1beta/openai/",
            "https://generativelanguage.googleapis.com/v1beta/openai",
        ),
    ],
)
def test_a_url_has_one_spelling(text: str, plain: str) -> None:
    assert read_url(text).text == plain
    assert read_url(plain).text == plain


@pytest.mark.parametrize(
    "text", ["http://localhost", "http://127.0.0.1:1", "http://127.255.0.9", "https://[::1]/v1"]
)
def test_this_machine_is_loopback(text: str) -> None:
    assert read_url(text).loopback


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1.evil.com",
        "http://localhost.evil.com",
        "http://evil.localhost",
        "http://localhost-evil.com",
        "http://128.0.0.1",
        "http://192.168.1.5:8000",
        "http://[::2]",
        "http://[::ffff:127.0.0.1]",
        "http://[fe80::1]",
    ],
)
def test_another_host_is_never_loopback(text: str) -> None:
    assert not read_url(text).loopback


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("http://localhost@evil.com", id="a user that looks like a host"),
        pytest.param("http://evil.com@localhost", id="a user"),
        pytest.param("http://user:password@localhost", id="a password"),
        pytest.param("http://localhost\\@evil.com", id="a backslash"),
        pytest.param("http://evil.com\\.localhost", id="a backslash in the host"),
        pytest.param("http:\\\\localhost", id="backslashes for slashes"),
        pytest.param("http://localhost#.evil.com", id="a fragment"),
        pytest.param("http://localhost:2375/containers/create?x=", id="a query"),
        pytest.param("http://0.0.0.0:8000", id="an address to listen on"),
        pytest.param("http://[::]:8000", id="an IPv6 address to listen on"),
        pytest.param("http://0/", id="zero"),
        pytest.param("http://2130706433", id="an address as one number"),
        pytest.param("http://0x7f000001", id="an address as a hex number"),
        pytest.param("http://0x7f.0.0.1", id="a hex octet"),
        pytest.param("http://127.1", id="a short address"),
        pytest.param("http://0177.0.0.1", id="an octal octet"),
        pytest.param("http://127.0.0.1.", id="a dot behind an address"),
        pytest.param("http://127.0.0.256", id="an octet above 255"),
        pytest.param("http://localhost.", id="a dot at the end"),
        pytest.param("http://localhost..evil.com", id="two dots"),
        pytest.param("http://.localhost", id="a dot at the beginning"),
        pytest.param("http://127。0。0。1", id="dots of another script"),
        pytest.param("http://ⓛocalhost", id="a letter that folds to ASCII"),
        pytest.param("http://localhoſt", id="a long s"),
        pytest.param("http://１２７.0.0.1", id="full-width digits"),
        pytest.param("http://évil.com", id="a name that is not ASCII"),
        pytest.param("http://[::1%25eth0]", id="a zone"),
        pytest.param("http://[::1", id="an open bracket"),
        pytest.param("http://[::1]evil.com", id="text behind a bracket"),
        pytest.param("http://localhost:0", id="port zero"),
        pytest.param("http://localhost:65536", id="a port too high"),
        pytest.param("http://localhost:", id="an empty port"),
        pytest.param("http://localhost:80:80", id="two ports"),
        pytest.param("http://localhost /v1", id="a space"),
        pytest.param("http://localhost/v1\n", id="a line end"),
        pytest.param("http://local\thost", id="a tab"),
        pytest.param("http://localhost\0.evil.com", id="a zero byte"),
        pytest.param("http://loc%61lhost", id="an encoded host"),
        pytest.param("http://localhost/../v1", id="a path that climbs"),
        pytest.param("http:///v1", id="no host"),
        pytest.param("http:localhost", id="no slashes"),
        pytest.param("//localhost/v1", id="no scheme"),
        pytest.param("localhost:11434", id="only host and port"),
        pytest.param("ftp://localhost", id="another scheme"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("javascript:alert(1)", id="a script"),
        pytest.param("http://-evil.com", id="a hyphen first"),
        pytest.param("http://" + "a" * 64 + ".com", id="a label too long"),
        pytest.param("http://" + "a." * 130 + "com", id="a name too long"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_url_that_could_be_read_two_ways_is_refused(text: str) -> None:
    with pytest.raises(UrlProblem) as caught:
        read_url(text)
    assert caught.value.hint


def test_a_password_in_a_url_is_not_quoted() -> None:
    with pytest.raises(UrlProblem) as caught:
        read_url("https://user:hunter22@example.com")
    assert "hunter22" not in caught.value.message + caught.value.hint


@settings(deadline=None)  # a busy machine is no mistake
@given(st.text("htps:/@.\\[]0127.localevi%#?x-:1 \t", max_size=30))
def test_whatever_passes_is_read_alike_by_the_standard_library(text: str) -> None:
    try:
        url = read_url("http://" + text)
    except UrlProblem:
        return
    parts = urlsplit(url.text)
    assert parts.hostname == url.host.strip("[]")
    assert (parts.username, parts.query, parts.fragment) == (None, "", "")
