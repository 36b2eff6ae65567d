"""One ``from flask_login import ...`` as several statements, each name with its comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import dropwhile

import libcst as cst

# What tools read on the line of a statement; it holds for all that the statement becomes.
_FOR_TOOLS = re.compile(r"#\s*(noqa|type:|pragma|pylint:|pyright:|mypy:|isort:|ruff:|nosec|fmt:)")


def is_for_tools(comment: cst.Comment | None) -> bool:
    return comment is not None and _FOR_TOOLS.match(comment.value) is not None


@dataclass
class Piece:
    """A name of the import, with the comments over it, beside it and, for the last one, under it."""

    original: cst.ImportAlias
    above: Sequence[cst.EmptyLine]
    beside: cst.Comment | None = None
    below: Sequence[cst.EmptyLine] = ()

    @property
    def alias(self) -> cst.ImportAlias:
        """The name, without a comma."""
        return self.original.with_changes(comma=cst.MaybeSentinel.DEFAULT)

    @property
    def has_comment(self) -> bool:
        return bool(self.beside or any(line.comment for line in [*self.above, *self.below]))


@dataclass
class Layout:
    """How the import was written."""

    is_multiline: bool
    indent: cst.SimpleWhitespace
    head: cst.Comment | None


def take_apart(node: cst.ImportFrom) -> tuple[list[Piece], Layout]:
    """The names of an import, not of a star, and its layout."""
    names = [] if isinstance(node.names, cst.ImportStar) else node.names
    opening = _gap(node.lpar.whitespace_after if node.lpar else None)
    pieces, above, is_multiline = list[Piece](), opening.lines, opening.is_newline
    for alias in names:
        comma = alias.comma if isinstance(alias.comma, cst.Comma) else None
        gap = _gap(comma.whitespace_after if comma else None)
        pieces.append(Piece(alias, above, gap.beside))
        above, is_multiline = gap.lines, is_multiline or gap.is_newline
    closing = _gap(node.rpar.whitespace_before if node.rpar else None)
    pieces[-1].beside = pieces[-1].beside or closing.beside
    pieces[-1].below = [*above, *closing.lines]
    return pieces, Layout(is_multiline or closing.is_newline, opening.indent, opening.beside)


def put_together(node: cst.ImportFrom, module: str, pieces: Sequence[Piece], layout: Layout) -> cst.ImportFrom:
    """An import of some of the names, from a module."""
    has_comment = layout.head is not None or any(piece.has_comment for piece in pieces)
    if not has_comment and not (layout.is_multiline and len(pieces) > 1):
        aliases = [*(piece.alias.with_changes(comma=_comma()) for piece in pieces[:-1]), pieces[-1].alias]
        return _statement(node, module, aliases, lpar=None, rpar=None)
    aliases = []
    for piece, following in zip(pieces, [*pieces[1:], None], strict=True):
        lines = following.above if following else piece.below
        after = _newline(piece.beside, lines, layout.indent if following else cst.SimpleWhitespace(""))
        aliases.append(piece.alias.with_changes(comma=cst.Comma(whitespace_after=after)))
    # An empty line that parted a name from the one before it parts nothing at the top.
    top = list(dropwhile(lambda line: line.comment is None, pieces[0].above))
    lpar = cst.LeftParen(_newline(layout.head, top, layout.indent))
    return _statement(node, module, aliases, lpar=lpar, rpar=cst.RightParen())


def from_module(node: cst.ImportFrom, module: str) -> cst.ImportFrom:
    """The same import, from another module."""
    return node.with_changes(module=cst.parse_expression(module))


def _statement(
    node: cst.ImportFrom,
    module: str,
    aliases: Sequence[cst.ImportAlias],
    *,
    lpar: cst.LeftParen | None,
    rpar: cst.RightParen | None,
) -> cst.ImportFrom:
    space = cst.SimpleWhitespace(" ")
    changed = node.with_changes(
        names=aliases, lpar=lpar, rpar=rpar, whitespace_after_import=space, semicolon=cst.MaybeSentinel.DEFAULT
    )
    return from_module(changed, module)


def _comma() -> cst.Comma:
    return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def _newline(
    comment: cst.Comment | None, lines: Iterable[cst.EmptyLine], indent: cst.SimpleWhitespace
) -> cst.ParenthesizedWhitespace:
    space = cst.SimpleWhitespace("  " if comment else "")
    first = cst.TrailingWhitespace(whitespace=space, comment=comment)
    return cst.ParenthesizedWhitespace(first_line=first, empty_lines=list(lines), indent=True, last_line=indent)


@dataclass
class _Gap:
    beside: cst.Comment | None
    lines: Sequence[cst.EmptyLine]
    indent: cst.SimpleWhitespace
    is_newline: bool


def _gap(space: cst.BaseParenthesizableWhitespace | None) -> _Gap:
    """What is between two names."""
    if isinstance(space, cst.ParenthesizedWhitespace):
        return _Gap(space.first_line.comment, space.empty_lines, space.last_line, True)
    return _Gap(None, (), cst.SimpleWhitespace("    "), False)
