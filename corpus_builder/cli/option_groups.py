"""Options that several commands share, written once: a parameter that is a group becomes its options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_type_hints

Command = TypeVar("Command", bound=Callable[..., Any])


class OptionGroup:
    """Base of dataclasses whose fields are options: ``name: Annotated[type, Option(...)] = default``."""


def expanded(command: Command) -> Command:
    """Give a command the options of its :class:`OptionGroup` parameters in their place.

    Example:
        >>> @dataclass
        ... class Lengths(OptionGroup):
        ...     min_chars: Annotated[int, typer.Option(help="Shorter sentences are left out.")] = 5
        >>> @app.command()
        ... @expanded
        ... def mine(inputs: Inputs, lengths: Lengths) -> None: ...  # mine --min-chars 7
    """
    signature, hints = inspect.signature(command), get_type_hints(command, include_extras=True)
    plain: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    for parameter in signature.parameters.values():
        kind = hints[parameter.name]
        if isinstance(kind, type) and issubclass(kind, OptionGroup):
            groups[parameter.name] = kind
            plain += _options(kind)
        else:
            plain.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def with_groups(**values: Any) -> Any:
        for name, kind in groups.items():
            values[name] = kind(**{field.name: values.pop(field.name) for field in fields(kind)})
        return command(**values)

    with_groups.__signature__ = signature.replace(parameters=plain)  # type: ignore[attr-defined]
    with_groups.__annotations__ = {parameter.name: parameter.annotation for parameter in plain}
    return with_groups  # type: ignore[return-value]


def _options(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    options = []
    for field in fields(group):
        default = field.default
        if default is MISSING:
            default = (
                field.default_factory() if field.default_factory is not MISSING else inspect.Parameter.empty
            )
        options.append(
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
            )
        )
    return options
