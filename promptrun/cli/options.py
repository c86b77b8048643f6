"""Options that several commands share, and how they become the pipeline's `Options`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from promptrun.pipeline.options import Options


targets = click.argument("targets", nargs=-1, metavar="PATH…", required=True)

keyword = click.option(
    "-k", "keyword", metavar="EXPR", help="Only cases whose id or tags fit: 'korean and not slow'."
)
variables = click.option(
    "--var", "variables", multiple=True, metavar="K=V", help="Set a variable over every case."
)
model = click.option("--model", metavar="NAME", help="Ask this model instead; writes nothing.")
seed = click.option("--seed", type=int, metavar="N", help="Send this seed; writes nothing.")
provider = click.option("--provider", metavar="NAME", help="openai, local, or one of yours.")
env_file = click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Read promptrun's settings and keys from KEY=VALUE lines.",
)


class SectionedCommand(click.Command):
    """A command with so many options that its help lists them under headings.

    `sections` names the parameters under each; what they leave out follows at the end.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        rows = {
            one.name: row
            for one in self.get_params(ctx)
            if isinstance(one, click.Option) and (row := one.get_help_record(ctx))
        }
        for heading, names in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([rows.pop(name) for name in names])
        with formatter.section("Help"):
            formatter.write_dl(list(rows.values()))


def typed_arguments(context: click.Context, *, without: Sequence[str]) -> list[str]:
    """What was typed behind the name of a command, without the options of these names.

    Every option stands in its long form, behind the targets; the words are not quoted for a shell.
    """
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        value = context.params.get(name)
        source = context.get_parameter_source(name)
        if name in without or source is not click.core.ParameterSource.COMMANDLINE:
            continue
        if isinstance(parameter, click.Argument):
            # One that looks like an option, typed behind `--`, is none with its folder in front.
            targets = [f"./{one}" if one.startswith("-") else one for one in context.params[name]]
            words = [*targets, *words]
        elif isinstance(parameter, click.Option):
            spelling = max(parameter.opts, key=len)
            if parameter.is_flag:
                words.append(spelling)
            else:
                for one in context.params[name] if parameter.multiple else [value]:
                    words += [spelling, _spell(one)]
    return words


def selecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose cases and fill them in."""
    for option in (env_file, provider, seed, model, variables, keyword, targets):
        function = option(function)
    return function


def make_options(  # noqa: PLR0913 - each is an option by its name
    targets: tuple[str, ...],
    *,
    keyword: str | None = None,
    variables: tuple[str, ...] = (),
    model: str | None = None,
    seed: int | None = None,
    provider: str | None = None,
    env_file: Path | None = None,
    no_stream: bool = False,
    samples: int | None = None,
    **rest: Any,
) -> Options:
    """What the options of a command mean to the pipeline; UsageError for a bad `--var`."""
    from promptrun.models import Overrides
    from promptrun.pipeline.options import Options, working_folder

    fields: dict[str, Any] = {"model": model} if model is not None else {}
    if seed is not None:
        fields["seed"] = seed
    if no_stream:
        fields["stream"] = False
    return Options(
        targets=targets,
        cwd=working_folder(),
        environ=os.environ,
        env_file=env_file,
        keyword=keyword,
        overrides=Overrides(
            vars=dict(map(_split_variable, variables)), fields=fields, samples=samples
        ),
        provider=provider,
        **rest,
    )


def _split_variable(text: str) -> tuple[str, str]:
    from promptrun.errors import UsageError

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(
            f"cannot read `--var {text}`", hint="write it as NAME=VALUE: --var language=ko"
        )
    return name, value


def _spell(value: Any) -> str:
    """The value of an option as a person types it: 2, and not 2.0."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
