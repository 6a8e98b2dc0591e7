"""Whatever can be done to a registry, at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from benchmarks import nation
from tests.integration.registry.clerk import new_id
from tests.integration.registry.offices import Offices

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.integration.registry.clerk import Clerk

RUNNING = [each.manifest for each in nation.apps(300) if orjson.loads(each.manifest).get("stage") == "online"]
"""Manifests of the platforms, of the sectors' apps and of some of every kind; of one stage, so any may follow any."""


class Doings:
    """Does to the registry whatever a random number says."""

    def __init__(self, clerk: Clerk, chance: random.Random) -> None:
        self.clerk, self.chance, self.offices = clerk, chance, Offices(clerk)
        self.apps: list[str] = []
        self.units: list[str] = []

    def do(self) -> None:
        """Do something."""
        ways: list[Callable[[], None]] = [self.register, self.register]
        if self.apps:
            ways += [self.change, self.change, self.grant, self.withdraw, self.place]
        self.chance.choice(ways)()

    def declared(self) -> dict[str, Any]:
        """Give what some app of the nation declares."""
        document: dict[str, Any] = orjson.loads(self.chance.choice(RUNNING))
        if self.units and self.chance.random() < 0.5:
            document["sponsor"] = {**document["sponsor"], "credit_code": self.chance.choice(self.units)}
        return {name: value for name, value in document.items() if name not in {"id", "manifest"}}

    def register(self) -> None:
        """Register an app."""
        self.apps.append(self.clerk.register(id=new_id(), **self.declared()))

    def change(self) -> None:
        """Change an app to another one's manifest."""
        self.clerk.change(self.chance.choice(self.apps), **self.declared())

    def grant(self) -> None:
        """Grant something to an app."""
        kind = self.chance.choice(["approval", "special_scenario", "necessity"])
        self.clerk.grant(self.chance.choice(self.apps), kind=kind)

    def withdraw(self) -> None:
        """Withdraw an app."""
        self.clerk.withdraw(self.apps.pop(self.chance.randrange(len(self.apps))))

    def place(self) -> None:
        """Put an organisation into the tree, of the name of a sponsor or of none."""
        app = self.clerk.get(f"/v1/apps/{self.chance.choice(self.apps)}")
        name = self.chance.choice([app["manifest"]["sponsor"].get("name") or "示例中心", f"示例部{new_id()}"])
        above = [{"organisation": self.chance.choice(self.units)}] if self.units and self.chance.random() < 0.5 else []
        self.units.append(self.offices.record(name, parents=above))
