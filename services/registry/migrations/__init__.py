"""The schema of the registry's database, step by step."""

from pathlib import Path

from services.database.migrating import Migrations

# Any number will do for the lock, so long as every migration of a registry takes the same one.
MIGRATIONS = Migrations(Path(__file__).parent, advisory_lock=713_061_214)

head, current, migrate = MIGRATIONS.head, MIGRATIONS.current, MIGRATIONS.migrate
