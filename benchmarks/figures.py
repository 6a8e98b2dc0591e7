"""Figures as they are printed: tables of one run, whose ratios matter; the absolute numbers are the machine's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.table import Table as RichTable

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(slots=True)
class Table:
    """A titled table of cells, and remarks below it."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Add a row."""
        self.rows.append(cells)

    def show(self, console: Console) -> None:
        """Print it."""
        shown = RichTable(title=self.title, title_justify="left")
        for i, column in enumerate(self.columns):
            shown.add_column(column, justify="right" if i else "left")
        for row in self.rows:
            shown.add_row(*row)
        console.print(shown)
        for remark in self.remarks:
            console.print(remark)
        console.print()


def ratio(value: float) -> str:
    """Tell how many times one figure is another."""
    return f"{value:.2f} ×" if value < 10 else f"{value:.0f} ×"
