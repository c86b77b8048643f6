from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from time import thread_time
from typing import TYPE_CHECKING

import pytest

from tests.render.attacks import ATTACKS, ESCAPES, MEMORY, PROCESSOR
from tests.render.making import mistakes, one_message

if TYPE_CHECKING:
    from pathlib import Path

MAX_SECONDS = 2.0
MAX_MEBIBYTES = 128

# Processor seconds: on a machine that does other things at once, the wall's say nothing.
MEASURE = """
import json, os, resource, sys
from pathlib import Path
from tests.render.attacks import MEMORY
from tests.render.making import mistakes, one_message

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

root = Path(sys.argv[1])
mistakes(one_message(root, "{{ x }}"))
for name, template in MEMORY.items():
    child = os.fork()
    if not child:
        before = peak()
        mistakes(one_message(root, template, t="a" * 2000))
        print(json.dumps([name, (peak() - before) // 1024]), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, name
"""


def attack(root: Path, template: str) -> tuple[list[str], float]:
    start = thread_time()
    found = mistakes(one_message(root, template, t="a" * 2000))
    return found, thread_time() - start


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_ends_as_an_error_within_two_seconds(root: Path, name: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        found, seconds = pool.submit(attack, root, ATTACKS[name]).result()
    assert found
    assert all(len(message) < 300 for message in found)
    assert seconds < MAX_SECONDS


@pytest.mark.parametrize("name", [name for name in ATTACKS if "itself" in name or "deep" in name])
def test_recursion_ends_as_an_error_in_the_main_thread_too(root: Path, name: str) -> None:
    assert attack(root, ATTACKS[name])[0]


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
def test_no_attack_takes_much_memory(root: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(root)], capture_output=True, check=True, text=True
    )
    peaks = dict(json.loads(line) for line in run.stdout.splitlines())
    assert peaks.keys() == MEMORY.keys()
    assert {name: size for name, size in peaks.items() if size > MAX_MEBIBYTES} == {}


def test_an_attack_does_not_spend_the_next_case_s_budget(root: Path) -> None:
    assert attack(root, PROCESSOR["nested loops without output"])[0]
    assert attack(root, "{% for i in range(9) %}{{ i }}{% endfor %}")[0] == []


def test_an_attack_in_one_thread_does_not_end_the_cases_of_another(root: Path) -> None:
    bad = PROCESSOR["nested loops with output"]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda t: attack(root, t)[0], [bad, "{{ t }}", bad, "{{ t }}"]))
    assert [bool(messages) for messages in found] == [True, False, True, False]


def test_there_are_attacks_of_every_kind() -> None:
    assert len(ATTACKS) == len(PROCESSOR) + len(MEMORY) + len(ESCAPES) > 150


@pytest.mark.parametrize("number", [0, 1, 10_000, 99_999])
def test_ordinary_loops_stay_within_the_budget(root: Path, number: int) -> None:
    template = "{% for i in range(" + str(number) + ") %}{{ i }}\n{% endfor %}"
    assert attack(root, template)[0] == []


def test_a_text_of_a_megabyte_stays_within_the_budget(root: Path) -> None:
    case = one_message(root, "{{ story|trim|replace('a', 'b')|upper }}", story="가나 " * 300_000)
    assert mistakes(case) == []
