"""Problems of a document: everything that keeps it from being a manifest, with its places, said in two languages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from services.manifest.mistakes import Mistake, explain
from services.manifest.model import TAGS, Manifest
from services.manifest.nodes import MAX_PROBLEMS, Fault, find, offset, plain, pointer_of, steps
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pydantic_core import ErrorDetails

    from services.manifest.contradictions import Contradiction
    from services.manifest.faults import Said
    from services.manifest.nodes import Lines, Node, Path, Tree


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a document from being a manifest.

    Args:
        pointer: JSON pointer of the place; empty for the whole document.
        line, column: its position in the text, both from 1; columns count characters.
        detail: what is wrong.
        remedy: what to do about it.
    """

    pointer: str
    line: int
    column: int
    detail: Text
    remedy: Text


class Unreadable(ValueError):
    """A document that is no manifest, with everything that is wrong, in the order of the text."""

    def __init__(self, problems: Iterable[Problem], source: str | None = None) -> None:
        """Take the problems, and the name of what was read."""
        self.problems = tuple(problems)
        self.source = source
        super().__init__("; ".join(f"{each.line}:{each.column} {each.detail.en}" for each in self.problems[:3]))


@dataclass(frozen=True, slots=True)
class _Found:
    """A problem at an offset, before anybody has put it into words."""

    at: int
    path: Path
    say: Callable[[], Said]


def unreadable(at: int, said: Said, lines: Lines, source: str | None) -> Unreadable:
    """Give the one problem of a text that is not read at all."""
    return Unreadable(_told([_Found(at, (), lambda: said)], lines), source)


def validate(tree: Tree, lines: Lines, source: str | None) -> Manifest:
    """Make a manifest of what a text says.

    Raises:
        Unreadable: everything that is wrong with the text and what it says.
    """
    found = [_Found(fault.at, fault.path, partial(_as_is, fault)) for fault in tree.faults]
    if tree.root is not None:
        document = plain(tree.root)
        try:
            manifest = Manifest.model_validate_json(orjson.dumps(document))
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
            found += _mistakes(tree, document, errors)
        else:
            if not found:
                return manifest
    raise Unreadable(_told(found, lines), source)


def _told(found: Iterable[_Found], lines: Lines) -> tuple[Problem, ...]:
    """Put problems into words, in the order of the text and not without end."""
    ordered = sorted(found, key=lambda each: each.at)
    listed = ordered if len(ordered) <= MAX_PROBLEMS else ordered[: MAX_PROBLEMS - 1]
    told = [Problem(pointer_of(each.path), *lines.position(each.at), *each.say()) for each in listed]
    if more := ordered[len(listed) :]:
        detail = Text(f"另有 {len(more)} 处问题没有列出", f"{len(more)} more problems are not listed")
        told.append(Problem("", *lines.position(more[0].at), detail, Text("先改正以上各处", "correct these first")))
    return tuple(told)


def _as_is(each: Fault | Contradiction) -> Said:
    return (each.detail if isinstance(each, Fault) else each.fact, each.remedy)


def _mistakes(tree: Tree, document: Any, errors: Sequence[ErrorDetails]) -> Iterator[_Found]:  # noqa: ANN401 - any document
    """Give what validation found, and the contradictions that it would find next if all else were undeclared."""
    hidden = {fault.path for fault in tree.faults if fault.hides}
    located = [(_path(error), error) for error in errors]
    above = {path[:length] for path, _ in located for length in range(len(path))}
    for path, error in located:
        if error["type"] == "contradiction":
            yield from _contradictions(tree.root, error)
        elif not any(path[:length] in hidden for length in range(len(path) + 1)) and not (
            # A list of which nothing is left, because its items are wrong, is not empty.
            error["type"] == "too_short" and path in above
        ):
            at = offset(tree.root, path, name=error["type"] == "extra_forbidden")
            mistake = Mistake(path, find(tree.root, path), error.get("ctx", {}))
            yield _Found(at, path, partial(explain, error["type"], mistake))
    if all(error["type"] != "contradiction" for error in errors):
        yield from _further(tree.root, document, [path for path, _ in located])


def _contradictions(root: Node | None, error: ErrorDetails) -> Iterator[_Found]:
    for each in error["ctx"]["contradictions"]:
        path = steps(each.place)
        yield _Found(offset(root, path), path, partial(_as_is, each))


def _further(root: Node | None, document: Any, paths: Iterable[Path]) -> Iterator[_Found]:  # noqa: ANN401 - any document
    """Give the contradictions among what is right, so that they need not wait until all else is corrected."""
    if not isinstance(document, dict):
        return
    unnamed = False
    for path in paths:
        _withdraw(document, path)
        unnamed = unnamed or (path[:1] == ("features",) and path[2:] == ("id",))
    try:
        Manifest.model_validate_json(orjson.dumps({**document, "manifest": "1"}))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            if each["type"] == "contradiction":
                # A feature whose id is wrong may be the one that an ask means.
                yield from (
                    found
                    for found in _contradictions(root, each)
                    if not (unnamed and found.path[:1] == ("asks",) and found.path[2:] == ("feature",))
                )


def _withdraw(document: dict[str, Any], path: Path) -> None:
    """Make undeclared the field at a path, or the field whose list it lies in."""
    holder: Any = document
    last: tuple[dict[str, Any], str] | None = None
    for step in path:
        if isinstance(holder, dict) and isinstance(step, str) and step in holder:
            last = holder, step
            holder = holder[step]
        elif isinstance(holder, list) and isinstance(step, int):
            holder = holder[step]
        else:
            return
    if last is not None:
        last[0].pop(last[1])


def _path(error: ErrorDetails) -> Path:
    return tuple(step for step in error["loc"] if step not in TAGS)
