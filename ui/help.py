"""Help as other Unix tools print it: plain lines that can be piped, searched and read at 80 columns."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup

from .screen import typed

# The contexts and formatters below are click's, whose place inside typer changes between versions: hence Any.


class PlainCommand(TyperCommand):
    """A command whose help names its arguments without brackets or types and shows its epilog as it is written."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command with all text as it was typed, in whatever charset; paths keep their exact bytes."""
        ctx.params = {name: _as_typed(value) for name, value in ctx.params.items()}
        return super().invoke(ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words after the command's name in the line `Usage:`."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections `Arguments:` and `Options:`, or one for each panel that options name."""
        parameters = self.get_params(ctx)
        arguments = [p for p in parameters if isinstance(p, TyperArgument)]
        with formatter.section("Arguments"):
            formatter.write_dl([(argument.metavar or argument.name, argument.help or "") for argument in arguments])
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in parameters:
            record = None if parameter in arguments else parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(parameter, "rich_help_panel", None) or "Options", []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the examples, line by line."""
        _write_as_is(formatter, self.epilog)


class PlainGroup(TyperGroup):
    """The group of all commands; its epilog too is shown as it is written."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write what to type first, line by line."""
        _write_as_is(formatter, self.epilog)


def _as_typed(value: object) -> object:
    if isinstance(value, list):
        return [_as_typed(one) for one in value]
    return typed(value) if type(value) is str else value  # choices are words of ours


def _write_as_is(formatter: Any, epilog: str | None) -> None:
    if epilog:
        formatter.write(f"\n{epilog.strip()}\n")
