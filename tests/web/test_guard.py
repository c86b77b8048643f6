"""Nobody but the page itself is answered, and nobody else can settle anything."""

from __future__ import annotations

import http.client
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from promptrun.web.guard import MAX_BODY
from tests.web.visitor import PAGE, PATIENCE, Visitor, read_all, served


@pytest.fixture(scope="module")
def review(template: Path) -> Iterator[Visitor]:
    """One for all of these tests: nothing in it is ever settled."""
    with served(template) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def chosen(template: Path) -> Iterator[Visitor]:
    """Somebody with the page of a review open whose port was chosen."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with served(template, port=port) as visitor:
        visitor.enter()
        yield visitor


@pytest.fixture
def unentered(review: Visitor) -> Visitor:
    """Somebody who was given the address, and has not followed it."""
    return Visitor(review.address)


@pytest.fixture
def visitor(unentered: Visitor) -> Visitor:
    unentered.enter()
    return unentered


def order(visitor: Visitor) -> dict[str, object]:
    """One that would be carried out, were it sent by the page."""
    return {"act": "accept", "key": visitor.items()[0].key, "shown": visitor.items()[0].shown}


def test_the_address_opens_the_page_and_leaves_the_token_behind(unentered: Visitor) -> None:
    token = unentered.address.partition("token=")[2]

    came = unentered.get(f"/?token={token}")
    cookie = came.headers["set-cookie"]
    page = unentered.enter()

    assert (came.status, came.headers["location"], came.body) == (303, "/", b"")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert cookie.startswith(f"promptrun-{unentered.port}=")
    assert token not in cookie
    assert token not in page
    assert len({token, unentered.secret, unentered.cookie.partition("=")[2]}) == 3


def test_the_address_can_be_followed_again(unentered: Visitor) -> None:
    unentered.enter()
    another = Visitor(unentered.address)

    another.enter()

    assert another.get("/list").status == 200
    assert unentered.get("/list").status == 200


def test_the_token_is_no_cookie_and_the_cookie_no_token(visitor: Visitor) -> None:
    token = visitor.address.partition("token=")[2]
    name, _, held = visitor.cookie.partition("=")

    assert visitor.send("GET", "/list", Cookie=f"{name}={token}").status == 403
    assert visitor.get(f"/?token={held}").status == 403


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one address")
def test_each_review_has_an_address_of_its_own(review: Visitor, template: Path) -> None:
    # A browser keeps a cookie for its host, whatever the port.
    with served(template) as other:
        assert len({review.name, other.name, "127.0.0.1"}) == 3


@pytest.mark.parametrize("path", ["/", "/list", "/change", "/state", "/runs", "/script.js", "/no"])
def test_whoever_has_no_token_gets_nothing(unentered: Visitor, path: str) -> None:
    came = unentered.get(path)

    assert came.status == 403
    assert came.json == {
        "error": "open the address that `promptrun review --web` shows in the terminal",
        "hint": None,
    }


@pytest.mark.parametrize(
    "token",
    ["", "x", "%00", "%ff", "é", "A" * 43, "A" * 5000],
    ids=["none", "short", "zero", "no text", "no ASCII", "of the right length", "long"],
)
def test_a_wrong_token_opens_nothing(unentered: Visitor, token: str) -> None:
    quoted = token.replace("é", "%C3%A9")

    assert unentered.get(f"/?token={quoted}").status == 403
    came = unentered.send("GET", "/", Cookie=f"promptrun-{unentered.port}={quoted}")
    assert came.status == 403
    assert "set-cookie" not in came.headers


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "127.0.0.1:{port}.evil.example",
        "0.0.0.0:{port}",
        "[::]:{port}",
        "",
    ],
)
def test_a_name_that_only_leads_here_is_no_name_of_ours(visitor: Visitor, host: str) -> None:
    host = host.format(port=visitor.port)

    assert visitor.send("GET", "/list", Host=host).status == 400
    came = visitor.post("/settle", order(visitor), Host=host, Origin=f"http://{host}")
    assert came.status == 400


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_at_a_chosen_port_the_own_names_are_answered(chosen: Visitor, name: str) -> None:
    host = f"{name}:{chosen.port}"

    assert chosen.send("GET", "/list", Host=host).status == 200
    stale = {"act": "accept", "key": "0", "shown": ""}
    assert chosen.post("/settle", stale, Host=host, Origin=f"http://{host}").status == 409


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one address")
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "127.1.1"])
def test_an_address_of_our_own_has_no_other_name(visitor: Visitor, name: str) -> None:
    assert visitor.send("GET", "/list", Host=visitor.host).status == 200
    assert visitor.send("GET", "/list", Host=f"{name}:{visitor.port}").status == 400


def test_where_there_is_one_address_it_is_served_there(
    template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No interface of this machine has it.
    monkeypatch.setattr("promptrun.web.server._draw_address", lambda: "192.0.2.1")

    with served(template) as visitor:
        visitor.enter()
        assert visitor.name == "127.0.0.1"


@pytest.mark.parametrize("path", ["/", "/no", "/?token=x"])
def test_a_stranger_keeps_no_connection(unentered: Visitor, path: str) -> None:
    assert unentered.get(path).headers["connection"] == "close"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_origin_may_not_even_ask(visitor: Visitor, site: str) -> None:
    assert visitor.send("GET", "/list", Sec_Fetch_Site=site).status == 403
    assert visitor.send("GET", "/list", Sec_Fetch_Site="same-origin").status == 200
    assert visitor.post("/settle", order(visitor), Sec_Fetch_Site=site).status == 403


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://{host}"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:{port}"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({PAGE: None}, 403),
        ({PAGE: "x" * 43}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": None}, 415),
        ({"Cookie": ""}, 403),
    ],
    ids=str,
)
def test_what_no_page_of_ours_sends_settles_nothing(
    visitor: Visitor, template: Path, changed: dict[str, str | None], status: int
) -> None:
    before = read_all(template)
    bent = {
        name: value and value.format(host=visitor.host, port=visitor.port)
        for name, value in changed.items()
    }

    came = visitor.post("/settle", order(visitor), **bent)

    assert came.status == status
    assert set(came.json) == {"error", "hint"}
    assert read_all(template) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/settle"),
        ("DELETE", "/"),
        ("OPTIONS", "/settle"),
        ("TRACE", "/"),
        ("GET", "/settle"),
        ("GET", "/end"),
        ("POST", "/list"),
    ],
)
def test_an_address_takes_its_own_methods_only(visitor: Visitor, method: str, path: str) -> None:
    send = visitor.send if method != "POST" else lambda _, path: visitor.post(path, {})

    came = send(method, path)

    assert came.status == 405
    assert "access-control-allow-origin" not in came.headers


def test_a_request_is_bounded(visitor: Visitor) -> None:
    longest = b'{"act": "accept", "shown": "", "key": "0"}'.ljust(MAX_BODY)

    assert visitor.post("/settle", longest).status == 409
    assert visitor.post("/settle", longest + b" ").status == 413
    assert visitor.post("/settle", b"{}", Content_Length="9" * 30).status in {400, 413}


def test_a_request_that_does_not_say_how_long_it_is_is_refused(visitor: Visitor) -> None:
    connection = http.client.HTTPConnection(visitor.name, visitor.port, timeout=PATIENCE)
    headers = {
        "Cookie": visitor.cookie,
        "Origin": f"http://{visitor.host}",
        "Content-Type": "application/json",
        PAGE: visitor.secret,
    }
    with closing(connection):
        connection.request("POST", "/settle", iter([b"{}"]), headers, encode_chunked=True)
        assert connection.getresponse().status == 411


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"act": "delete", "shown": "x"}',
        b'{"act": "accept", "shown": 1}',
        b'{"act": "accept", "shown": "x", "unknown": 1}',
        b'{"act": "accept", "shown": "x", "filter": {"kind": "no such"}}',
        b"[" * 10_000,
        b'{"act": "accept", "shown": "\xff"}',
        b'{"act": "accept", "shown": "\\ud800"}',
    ],
    ids=str,
)
def test_an_order_that_cannot_be_read_is_told_so_and_nothing_else(
    visitor: Visitor, body: bytes
) -> None:
    came = visitor.post("/settle", body)

    assert came.status == 400
    assert came.json["error"].startswith("the request cannot be read: ")
    assert "Traceback" not in came.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/list", 200),
        ("/list?kind=no", 400),
        ("/state?told=x", 200),
        ("/plan?act=no", 400),
        ("/script.js", 200),
        ("/style.css", 200),
        ("/runs", 200),
        ("/runs/no-such-run", 404),
        ("/runs/..%2f..%2fetc%2fpasswd", 404),
        ("/nothing", 404),
        ("/../pyproject.toml", 404),
        ("/favicon.ico", 404),
    ],
)
def test_every_answer_keeps_the_rules_of_the_house(
    visitor: Visitor, path: str, status: int
) -> None:
    came = visitor.get(path)

    assert came.status == status
    headers = came.headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "'unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert not [name for name in headers if name.startswith("access-control")]


def test_a_person_gets_a_page_and_the_script_gets_json(visitor: Visitor) -> None:
    for_person = visitor.send("GET", "/nothing", Accept="text/html")
    for_script = visitor.get("/nothing")

    assert for_person.headers["content-type"] == "text/html; charset=utf-8"
    assert "there is nothing at this address" in for_person.text
    assert for_script.json == {"error": "there is nothing at this address", "hint": None}


def test_a_fault_of_our_own_is_told_in_a_line(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("promptrun.web.pages.write_list", lambda *_: 1 / 0)
        came = visitor.get("/list")

    assert came.status == 500
    told = re.sub(r":\d+:", ":1:", came.json["error"])
    assert told == (
        "internal error in test_guard.py:1: ZeroDivisionError: division by zero; please report it"
    )
    assert capfd.readouterr() == ("", "")


def test_no_page_has_a_script_or_a_style_of_its_own(visitor: Visitor) -> None:
    page = visitor.get("/").text

    assert re.findall(r"<script[^>]*>.", page) == ['<script src="/script.js"><']
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"<[^>]+ on[a-z]+=", page)
