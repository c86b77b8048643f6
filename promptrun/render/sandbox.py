"""The Jinja environment for strangers' templates: no code, no secrets, and never for long."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import Template
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError, TemplateNotFound
from jinja2.lexer import TokenStream
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, pass_eval_context

from promptrun.render.budget import current_budget
from promptrun.render.disk import Lazy
from promptrun.render.filters import make_filters, make_tests
from promptrun.render.guard import TooLargeError, as_value, guard, require_small_tree
from promptrun.render.loader import Files, locate, require_few
from promptrun.render.methods import ATTRIBUTES, FUNCTIONS, METHODS, OPERATORS, Method
from promptrun.render.missing import Missing
from promptrun.render.text import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from jinja2 import nodes
    from jinja2.nodes import EvalContext

MAX_TEMPLATE = 256 * 1024
"""Characters of one template; a text without a mark of Jinja's is no template and may be longer."""
MAX_TOKENS = 10_000
INLINE = "#"
_MAX_CODE = 1024 * 1024
_MAX_CACHED = 1024
_TICKS_PER_TOKEN = 5
_TICKS_PER_FILE = 10

_CALLABLE = (Macro, BlockReference, LoopContext, Method)
_DATA = (dict, list, tuple, str, range)
_VALUE = "_promptrun_value"
_NONE: dict[str, Any] = {}


class _Context(Context):
    """Variables that name a file are read at their first use."""

    def resolve_or_missing(self, key: str) -> Any:
        value = super().resolve_or_missing(key)
        return value.get() if type(value) is Lazy else value


class Sandbox(ImmutableSandboxedEnvironment):
    """Everything that a template may reach, below one root.

    It runs only while a budget is set. Templates go by the path of their file; a string
    inside a file goes by that file's path and `INLINE`.
    """

    context_class = _Context
    intercepted_binops = frozenset(OPERATORS)

    def __init__(self, root: Path) -> None:
        super().__init__(
            undefined=Missing,
            keep_trailing_newline=True,
            # Folding constants would run a template's sums while it is compiled.
            optimized=False,
            loader=Files(),
            cache_size=_MAX_CACHED,
        )
        self.root = root
        self.filters.clear()
        self.filters.update(make_filters())
        self.tests.clear()
        self.tests.update(make_tests())
        self.globals = dict(FUNCTIONS)
        self.finalize = _finalize
        self._inline: dict[tuple[str, str, bool], tuple[Template, bool]] = {}
        self._inline_size = 0

    def template(self, name: str, source: str, *, typed: bool) -> tuple[Template, bool]:
        """`source`, compiled; and whether it gives a value rather than a text.

        `typed` asks for the value of a source that is one whole ``{{ expression }}``.
        """
        key = (name, source, typed)
        entry = self._inline.get(key)
        if entry is None:
            entry = self._compile_inline(name, source, typed)
            self._inline_size += len(source)
            if len(self._inline) >= _MAX_CACHED or self._inline_size > 16 * MAX_TEMPLATE:
                self._inline.clear()
                self._inline_size = len(source)
            self._inline[key] = entry
        return entry

    def _compile_inline(self, name: str, source: str, typed: bool) -> tuple[Template, bool]:
        tree = self._parse(source, name, None)
        value = as_value(tree, _VALUE) if typed else None
        code: Any = self.compile(value or tree, name)
        return Template.from_code(self, code, self.make_globals(None)), value is not None

    def run(self, template: tuple[Template, bool], variables: dict[str, Any]) -> Any:
        """The text or the value of what `template` gave; any exception may come out of it."""
        compiled, has_value = template
        context = compiled.new_context(variables, shared=True)
        text = self.concat(compiled.root_render_func(context))
        return context.vars[_VALUE] if has_value else text

    # The overridden parts of the environment, in the order in which a template meets them.

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        if len(source) > MAX_TEMPLATE:
            raise TooLargeError(f"a template has more than {MAX_TEMPLATE} characters", 1)
        tokens = self.lexer.tokeniter(source, name, filename, state)
        return TokenStream(self.lexer.wrap(_count(tokens), name, filename), name, filename)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        require_small_tree(tree)
        return tree

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        code = super()._generate(guard(source), name, filename, defer_init)
        # Every include repeats the names of all variables, so this can grow by the square.
        if len(code) > _MAX_CODE:
            raise TooLargeError("a template is too large", 1)
        return code

    def handle_exception(self, source: str | None = None) -> NoReturn:  # noqa: ARG002
        """Raise what is being handled: Jinja would compile code here for a prettier traceback."""
        raise  # noqa: PLE0704 -- called from inside an `except` only

    def join_path(self, template: str, parent: str) -> str:
        """The real path of the file that `template` means in a file's folder."""
        current_budget().spend(_TICKS_PER_FILE)
        _require_known((template,))
        return locate(self.root, template, parent)

    def select_template(
        self,
        names: Any,
        parent: str | None = None,
        globals: Any = None,  # noqa: A002 -- Jinja's own name
    ) -> Template:
        """The first of `names` that is a file."""
        require_few(names)
        for name in names[:-1]:
            with suppress(TemplateNotFound):
                return self.get_template(name, parent, globals)
        return self.get_template(names[-1], parent, globals)

    def call_filter(self, name: Any, *args: Any, **kwargs: Any) -> Any:
        """A filter by a name that a template made."""
        return super().call_filter(_require_name(name), *args, **kwargs)

    def call_test(self, name: Any, *args: Any, **kwargs: Any) -> Any:
        """A test by a name that a template made."""
        return super().call_test(_require_name(name), *args, **kwargs)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``obj.attribute``: a method of the tables, else a key of a mapping, else missing."""
        current_budget().tick()
        method = METHODS.get(type(obj), _NONE).get(attribute)
        if method is not None:
            return Method(method, obj)
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else self.undefined(None, obj, attribute)
        if isinstance(obj, Missing):
            obj.note()
            return obj
        if isinstance(obj, TemplateReference):
            return obj[attribute]
        if _may_read(obj, attribute):
            return getattr(obj, attribute)
        return self.undefined(None, obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """``obj[argument]``: an element of data, else what `getattr` gives."""
        current_budget().tick()
        if isinstance(obj, Missing):
            obj.note()
            return obj
        if isinstance(obj, _DATA):
            try:
                return obj[argument]
            except (TypeError, LookupError):
                pass
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        return self.undefined(None, obj, argument)

    # Positional only, so that no keyword of a template's can clash with these names.
    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """``obj(…)`` for macros, blocks, loops, the methods of the tables and the functions."""
        budget = current_budget()
        budget.tick()
        if isinstance(obj, Missing):
            obj.note()
            return obj
        if not (isinstance(obj, _CALLABLE) or obj in FUNCTIONS.values()):
            raise SecurityError(f"a {type(obj).__name__.lower()} cannot be called")
        if not isinstance(obj, Macro):
            _require_known((*args, *kwargs.values()))
        return budget.weigh(context.call(obj, *args, **kwargs))

    def call_binop(
        self,
        context: Context,  # noqa: ARG002
        operator: str,
        left: Any,
        right: Any,
    ) -> Any:
        """``left operator right``, counted."""
        return current_budget().weigh(OPERATORS[operator](left, right))

    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """What a template, a macro or a block printed, as one text."""
        parts = list(pieces)
        if len(parts) == 1:
            return parts[0]
        budget = current_budget()
        budget.expect(sum(map(len, parts)))
        return budget.weigh("".join(parts))


def _require_known(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, Missing):
            value.fail()


def _require_name(name: Any) -> str:
    # Jinja prints a name that it does not know, and that can be long in the printing.
    if not isinstance(name, str):
        raise SecurityError(f"a {type(name).__name__.lower()} names no filter or test")
    return name


def _may_read(obj: Any, attribute: str) -> bool:
    if attribute.startswith("_"):
        return False
    if isinstance(obj, (Namespace, TemplateModule)):
        return hasattr(obj, attribute)
    return attribute in ATTRIBUTES.get(type(obj), ())


@pass_eval_context
def _finalize(context: EvalContext, value: Any) -> str:  # noqa: ARG001
    # Asking for the context keeps Jinja from printing constants while it compiles.
    return text_of(value)


def _count(tokens: Iterator[Any]) -> Iterator[Any]:
    budget = current_budget()
    for number, token in enumerate(tokens):
        if number >= MAX_TOKENS:
            raise TooLargeError(f"a template has more than {MAX_TOKENS} parts", token[0])
        budget.spend(_TICKS_PER_TOKEN)
        yield token


@lru_cache(maxsize=8)
def sandbox_for(root: Path) -> Sandbox:
    """The one sandbox of a root in this process, with the templates that it has compiled."""
    return Sandbox(root)
