"""A spec as it was written, and the cases that it stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from promptrun.errors import Location, SpecError
from promptrun.files.source import Place, Source


class FileRef(Struct, frozen=True, kw_only=True):
    """``{file: NAME}``: what stands here is read from a file when the case is rendered."""

    name: str
    """As it was written."""
    folder: Path
    """The folder of the file that names it: a relative path starts here."""
    place: Place

    @property
    def location(self) -> Location:
        """Where it was written."""
        return self.place.location


class DataFile(Struct, frozen=True, kw_only=True):
    """``cases: {file: people.csv}``: a row a case, read as a stream."""

    ref: FileRef


class Expectation(Struct, frozen=True, kw_only=True):
    """A rule that a reply must keep whatever its snapshot says."""

    kind: str
    """The name under `expect:`, such as ``finish_reason``."""
    argument: Any
    negated: bool = False
    """``not: true``: what must not be so."""
    on: Literal["all", "any", "first"] = "all"
    """Of which of the n choices it must hold."""
    at_least: float | None = None
    """The least share of N samples that must keep it, from 0 to 1; None for no such rule."""
    is_open: bool = False
    """Whether its argument holds templates or files, which are filled in for each case."""
    path: tuple[str | int, ...] = ()
    """Where the spec states it; empty for a rule of ``[defaults]``."""


class Replacement(Struct, frozen=True, kw_only=True):
    """What is written over in both texts before they are compared (`compare.replace`)."""

    pattern: str
    text: str


class CompareRules(Struct, frozen=True, kw_only=True):
    """How a reply is held against its snapshot (`compare:`)."""

    mode: Literal["auto", "exact", "text", "json", "shape", "none"] = "auto"
    """``auto`` takes ``json`` for a reply that is a JSON object or list, else ``text``; ``none``
    leaves replies to the expectations."""
    ignore: tuple[str, ...] = ()
    """JSONPath queries; what they select is left out on both sides."""
    ignore_order: bool = False
    tolerance: float = 0.0
    """The largest absolute difference between two numbers that counts as none."""
    replace: tuple[Replacement, ...] = ()
    """Applied one after the other to every text, on both sides."""


class SampleRules(Struct, frozen=True, kw_only=True):
    """How often a case is asked, and how its replies are judged as a set (`samples:`)."""

    count: int = 1
    """One reply is compared by itself; of more, the sets are."""
    alpha: float = 0.05
    """The largest share of unchanged cases that a first look may take for changed."""


class Warned(Struct, frozen=True, kw_only=True):
    """Something that is an error for OpenAI's own server and only a warning for others."""

    message: str
    location: Location
    hint: str | None = None


class Overrides(Struct, frozen=True, kw_only=True):
    """What the command line puts over every spec; any of it makes a run judge without writing."""

    vars: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    """Request fields: ``--model``, ``--seed``, and ``stream`` for ``--no-stream``."""
    samples: int | None = None
    """``--samples``: how often each case is asked."""


class Spec(Struct, frozen=True, kw_only=True):
    """One YAML file, checked as far as it can be without rendering it.

    `fields` are the request's fields as they were written, templates and all, in the order in
    which they are sent; `origins` says at which path of the YAML each one stands (a field that
    ``[defaults]`` filled in has no origin). Fields of a server's own stay under ``extra_body``.
    """

    id: str
    """The path below the root, with ``/`` on every system: ``specs/json_people.yaml``."""
    path: Path
    root: Path
    source: Source
    fields: dict[str, Any]
    origins: dict[str, tuple[str | int, ...]]
    description: str = ""
    tags: tuple[str, ...] = ()
    provider: str | None = None
    vars: dict[str, Any] = field(default_factory=dict)
    """Values, or FileRef for ``{file: …}``."""
    cases: tuple[dict[str, Any], ...] | DataFile | None = None
    """The entries of `cases:` as written, or the file of its rows; None where there are none."""
    matrix: dict[str, list[Any]] = field(default_factory=dict)
    expect: tuple[Expectation, ...] = ()
    compare: CompareRules = CompareRules()
    samples: SampleRules = SampleRules()
    keep_request: bool = True
    """False for ``snapshot: {request: digest}``."""
    warned: tuple[Warned, ...] = ()

    @property
    def states_rules(self) -> bool:
        """Whether it states a rule about replies, or asks for samples, in itself or in a case."""
        cases = self.cases if isinstance(self.cases, tuple) else ()
        own = bool(self.expect) or self.samples.count > 1
        return own or any("expect" in case or "samples" in case for case in cases)


class Case(Struct, frozen=True, kw_only=True):
    """One set of variables and settings of a spec: what one request is rendered from."""

    spec: Spec
    name: str
    fields: dict[str, Any]
    """The spec's fields with the case's, the matrix's and the command line's laid over them."""
    origins: dict[str, tuple[str | int, ...]]
    vars: dict[str, Any]
    expect: tuple[Expectation, ...] = ()
    compare: CompareRules = CompareRules()
    samples: SampleRules = SampleRules()
    tags: tuple[str, ...] = ()
    place: Place | None = None
    warned: tuple[Warned, ...] = ()

    @property
    def location(self) -> Location:
        """Where the case is written: its entry, its row, or the spec."""
        return self.place.location if self.place else self.spec.source.at(())

    @property
    def id(self) -> str:
        """``specs/json_people.yaml::english``."""
        return f"{self.spec.id}::{self.name}"


class BadCase(Struct, frozen=True, kw_only=True):
    """A row that is no case: it becomes one result with the verdict `error`; the others go on."""

    spec: Spec
    name: str
    error: SpecError

    @property
    def id(self) -> str:
        """``specs/people.yaml::row at line 7``."""
        return f"{self.spec.id}::{self.name}"
