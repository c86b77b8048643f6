"""Rate limits, as a user tells them and as a server does."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from tests.openai_server import OpenAIServer, error, slow_down, text
from tests.promptrun_cli import Cli

SPEC = """\
model: m
messages: [{role: user, content: "{{ n }}"}]
cases: {file: rows.csv}
"""


def add_cases(cli: Cli, count: int, spec: str = SPEC) -> None:
    cli.write("specs/rows.yaml", spec)
    cli.write("specs/rows.csv", "name,n\n" + "".join(f"c{n},{n}\n" for n in range(count)))


def test_a_rate_that_the_user_told_is_kept(cli: Cli, server: OpenAIServer) -> None:
    add_cases(cli, 12)
    cli.write(
        "promptrun.toml",
        f'provider = "mine"\n[providers.mine]\nbase_url = "{server.base_url}"\n'
        "requests_per_minute = 240\n",
    )

    assert cli("specs").code == 0

    times = [request.at for request in server.requests]
    # Four a second, and a few at once in the beginning.
    assert times[-1] - times[0] >= 0.5
    assert times[-1] - times[-5] >= 0.9


def test_a_rate_of_openai_itself_is_told_by_its_own_table(
    asking: Cli, server: OpenAIServer
) -> None:
    add_cases(asking, 6)
    asking.write("promptrun.toml", "[providers.openai]\nrequests_per_minute = 120\n")

    assert asking("specs").code == 0

    times = [request.at for request in server.requests]
    assert times[-1] - times[-3] >= 0.9


def test_two_projects_ask_one_server_at_one_pace(cli: Cli, server: OpenAIServer) -> None:
    for project in ("하나", "둘"):
        cli.write(f"{project}/specs/rows.yaml", SPEC)
        cli.write(f"{project}/specs/rows.csv", "name,n\na,1\nb,2\nc,3\n")
        cli.write(
            f"{project}/promptrun.toml",
            f'provider = "mine"\n[providers.mine]\nbase_url = "{server.base_url}"\n'
            "requests_per_minute = 120\n",
        )

    assert cli("하나/specs", "둘/specs").code == 0

    times = sorted(request.at for request in server.requests)
    # Two a second, and no more at once in the beginning than one project might ask.
    assert times[5] - times[0] >= 0.9


def test_a_server_that_limits_is_left_in_peace_by_all(asking: Cli, server: OpenAIServer) -> None:
    add_cases(asking, 30)
    server.script.extend([text("x"), slow_down(retry_after="0.5")])

    assert asking("specs", "-j", "8").code == 0

    times = sorted(request.at for request in server.requests)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) >= 0.45
    assert len(times) == 31


def test_a_limit_for_an_hour_stops_the_run(asking: Cli, server: OpenAIServer) -> None:
    add_cases(asking, 30)
    server.reply = slow_down(retry_after="3600")
    began = time.monotonic()

    ran = asking("specs", "-j", "1")

    assert ran.code == 3
    assert time.monotonic() - began < 5
    assert len(server.requests) == 1
    assert "stopped: " in ran.err


@pytest.mark.parametrize("retry_after", ["nonsense", "-5", "1e400", ""])
def test_a_time_that_is_none_is_not_waited_for(
    asking: Cli, server: OpenAIServer, retry_after: str
) -> None:
    add_cases(asking, 3)
    server.script.append(error(500, headers=[("retry-after", retry_after)]))

    assert asking("specs").code == 0
    assert len(server.requests) == 4
