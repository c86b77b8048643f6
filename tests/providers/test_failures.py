from __future__ import annotations

import json
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from promptrun.providers.openai_chat.failures import event_failure, retry_after, status_failure


def said(status: int, body: Any = None, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return status_failure(status, sent, body if isinstance(body, bytes) else dumps(body))


def dumps(body: Any) -> bytes:
    return json.dumps(body).encode()


def error(**fields: Any) -> dict[str, Any]:
    return {"error": {"message": "it went wrong", "type": None, "code": None} | fields}


@pytest.mark.parametrize(
    ("status", "body", "kind", "again"),
    [
        pytest.param(400, error(), "status", False, id="bad request"),
        pytest.param(401, error(), "auth", False, id="bad key"),
        pytest.param(402, error(), "quota", False, id="payment required"),
        pytest.param(403, error(), "auth", False, id="forbidden"),
        pytest.param(403, error(code="model_not_found"), "status", False, id="model not allowed"),
        pytest.param(404, error(), "status", False, id="not found"),
        pytest.param(408, error(), "status", True, id="request timeout"),
        pytest.param(409, error(), "status", True, id="conflict"),
        pytest.param(429, error(), "rate_limit", True, id="too many requests"),
        pytest.param(429, error(type="insufficient_quota"), "quota", False, id="no quota, by type"),
        pytest.param(429, error(code="insufficient_quota"), "quota", False, id="no quota, by code"),
        pytest.param(
            429, error(code="credit_balance_exhausted"), "quota", False, id="no credit left"
        ),
        pytest.param(
            429, error(code="project_spend_limit_exceeded"), "quota", False, id="spend limit"
        ),
        pytest.param(429, error(code="slow_down"), "rate_limit", True, id="slow down"),
        pytest.param(500, error(), "status", True, id="server error"),
        pytest.param(503, error(code="server_is_overloaded"), "status", True, id="overloaded"),
    ],
)
def test_a_status_says_what_failed_and_whether_to_try_again(
    status: int, body: Any, kind: str, again: bool
) -> None:
    failure = said(status, body)
    assert (failure.kind, failure.again, failure.status) == (kind, again, status)
    assert failure.message == "it went wrong"


def test_every_field_of_an_error_is_passed_on() -> None:
    body = error(message="모델이 없습니다", type="t", code="c", param="model")
    failure = said(400, body, x_request_id="req_1")
    assert (failure.message, failure.type, failure.code) == ("모델이 없습니다", "t", "c")
    assert (failure.param, failure.request_id) == ("model", "req_1")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({"error": "model not found"}, "model not found", id="Ollama"),
        pytest.param(
            {"object": "error", "message": "too long", "code": 400}, "too long", id="vLLM"
        ),
        pytest.param([{"error": {"message": "bad", "code": 400}}], "bad", id="Gemini"),
        pytest.param({"detail": "Not Found"}, "Not Found", id="FastAPI"),
        pytest.param(b"<html>\n Bad  Gateway</html>", "<html> Bad Gateway</html>", id="a proxy"),
        pytest.param(b"", "the server answered with status 400", id="nothing"),
        pytest.param(b"\xff\xfe", "\ufffd\ufffd", id="no UTF-8"),
        pytest.param(
            {"error": {"message": 5}}, '{"error": {"message": 5}}', id="a message that is no text"
        ),
        pytest.param(b"[" * 100_000, "[" * 300, id="deep nesting"),
    ],
)
def test_errors_of_other_servers_are_read_too(body: Any, message: str) -> None:
    assert said(400, body).message == message


def test_a_message_has_a_bound() -> None:
    assert len(said(400, error(message="x" * 100_000)).message) < 10_000


def test_a_server_may_say_itself_whether_to_try_again() -> None:
    assert said(500, error(), x_should_retry="false").again is False
    assert said(400, error(), x_should_retry="true").again is True
    assert said(401, error(), x_should_retry="true").again is False
    assert said(429, error(code="insufficient_quota"), x_should_retry="true").again is False


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"retry-after": "2"}, 2, id="seconds"),
        pytest.param({"retry-after": "0.5"}, 0.5, id="a part of a second"),
        pytest.param({"retry-after-ms": "20", "retry-after": "2"}, 0.02, id="milliseconds first"),
        pytest.param({"retry-after-ms": "x", "retry-after": "2"}, 2, id="bad milliseconds"),
        pytest.param({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0, id="a date gone by"),
        pytest.param({"retry-after": "soon"}, None, id="a word"),
        pytest.param({"retry-after": "nan"}, None, id="not a number"),
        pytest.param({"retry-after": "-1"}, None, id="negative"),
        pytest.param({"retry-after": "1e999"}, None, id="infinity"),
        pytest.param({"retry-after": "Wed, 99 Oct 99999 07:28:00"}, None, id="no such date"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_time_to_wait_is_read_in_all_its_forms(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


def test_a_date_to_come_is_a_time_to_wait() -> None:
    waited = retry_after({"retry-after": formatdate(time() + 30, usegmt=True)})
    assert waited == pytest.approx(30, abs=2)


def test_only_a_failure_that_passes_tells_how_long_to_wait() -> None:
    assert said(429, error(), retry_after="3").retry_after == 3
    assert said(401, error(), retry_after="3").retry_after is None


def test_a_redirect_is_a_failure_that_names_where_it_points() -> None:
    failure = said(307, b"", location="https://elsewhere.test/v1")
    assert failure.message == "the server redirects to `https://elsewhere.test/v1`"
    assert "a key stays with its host" in failure.hint


@pytest.mark.parametrize(
    ("chunk", "kind"),
    [
        pytest.param(error(), "status", id="an error"),
        pytest.param({"error": "no memory left", "choices": []}, "status", id="text"),
        pytest.param(error(code="insufficient_quota"), "quota", id="no quota"),
        pytest.param(error(code="rate_limit_exceeded"), "rate_limit", id="rate limit"),
        pytest.param({"object": "error", "message": "x"}, "status", id="vLLM"),
    ],
)
def test_an_event_can_be_an_error(chunk: Any, kind: str) -> None:
    failure = event_failure(chunk, {})
    assert failure is not None
    assert failure.kind == kind
    assert failure.again is (kind != "quota")


@pytest.mark.parametrize("chunk", [{"choices": []}, {"error": None, "choices": []}, [], None, 3])
def test_a_chunk_is_no_error(chunk: Any) -> None:
    assert event_failure(chunk, {}) is None
