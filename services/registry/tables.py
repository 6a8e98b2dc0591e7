"""The tables. Every fact is a row with the registry revisions in which it began (`since`) and ended (`until`).

A fact is never changed: it is ended, and another one begins. What was known at registry revision R are the rows with
`since <= R` and `until` empty or greater than R; what is known now are the rows whose `until` is empty (the live ones).
Triggers in both databases hold every writer to that; the migrations make them.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Integer, MetaData, String, false, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field, SQLModel

from services.database.columns import Characters, Instant, Serial

Words = String().with_variant(TSVECTOR(), "postgresql")
"""The words that PostgreSQL indexes."""


class Noun(StrEnum):
    """What a revision is about."""

    REGISTRY = "registry"
    APP = "app"
    GRANT = "grant"
    ORGANISATION = "organisation"


class Action(StrEnum):
    """What a revision did."""

    FOUND = "found"
    REGISTER = "register"
    CHANGE = "change"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    RETURN = "return"
    RESUBMIT = "resubmit"
    BEGIN = "begin"
    LAUNCH = "launch"
    PHASE_OUT = "phase_out"
    KEEP = "keep"
    RETIRE = "retire"
    GRANT = "grant"
    RENEW = "renew"
    REVOKE = "revoke"


class Table(SQLModel):
    """What all tables of the registry have in common: one schema, with names that the migrations can rely on."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        }
    )


class RegistryRevision(Table, table=True):
    """The registry revision: one row. Every write updates it first, so writes happen one after the other.

    The instant never goes back, even when a clock does, so that each instant of the past has one registry revision.
    """

    __tablename__ = "registry_revision"
    __table_args__ = (
        CheckConstraint("id = 1", name="single"),
        # At the end of every transaction the latest number has its history: no number is ever lost.
        ForeignKeyConstraint(["revision"], ["revisions.revision"], deferrable=True, initially="DEFERRED"),
    )

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)


class Revision(Table, table=True):
    """The history: what every write did. A row is never changed or deleted, and the numbers have no gap.

    `thing` is the id of what the revision is about, `app` the app it concerns. `before` and `after` are canonical JSON
    of the thing; nothing was before it was registered, and nothing is after it was withdrawn.
    """

    __tablename__ = "revisions"
    __table_args__ = (
        Index("revisions_app", "app", "revision"),
        # Which registry revision an instant of the past is of.
        Index("revisions_at", "at", "revision"),
        Index(
            "revisions_organisation",
            *("thing", "revision"),
            sqlite_where=text("noun = 'organisation'"),
            postgresql_where=text("noun = 'organisation'"),
        ),
    )

    revision: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    noun: str = Field(sa_type=Characters)
    thing: str = Field(sa_type=Characters)
    app: str | None = Field(default=None, sa_type=Characters)
    action: str = Field(sa_type=Characters)
    who: str = Field(sa_type=Characters)
    reason: str = Field(sa_type=Characters)
    at: datetime = Field(sa_type=Instant)
    before: str | None = Field(default=None, sa_type=Characters)
    after: str | None = Field(default=None, sa_type=Characters)


class App(Table, table=True):
    """An app as it stood from one registry revision until another: what lists filter by. Its manifest is in history.

    Keys (`…_key`) are normalised names, see `services.manifest.ties.name_key`; long ones are replaced by their digest.
    """

    __tablename__ = "apps"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        # With what nearly every list asks besides, so that joins and counts need not look at the table.
        Index(
            "apps_live",
            "id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
            postgresql_include=["is_withdrawn"],
        ),
        Index("apps_division", "division", "id"),
        Index("apps_province", "province", "id"),
        Index("apps_department", "department_key", "id"),
        Index("apps_sector", "sector_key", "id"),
        # The order of lists, for each sort: whatever a condition leaves out, a page reads a stretch of one of them.
        Index("apps_level", "level", "id"),
        Index("apps_stage", "stage", "id"),
        Index("apps_role", "role", "id"),
        Index("apps_name", "name_start", "id"),
        Index("apps_since", "since", "id"),
        # What facets count, and where rare values of any of it are found. SQLite looks up in the table what conditions
        # are about, though every entry meets them; hence the last two.
        Index(
            "apps_facets",
            *("stage", "level", "faces_grassroots", "kind", "role", "province"),
            *("sector_key", "feature_kinds", "department_key", "until", "is_withdrawn"),
            sqlite_where=text("until IS NULL AND is_withdrawn IS 0"),
            postgresql_where=text("until IS NULL AND is_withdrawn IS false"),
        ),
        *(
            Index(name, day, "id", sqlite_where=text(f"{day} IS NOT NULL"), postgresql_where=text(f"{day} IS NOT NULL"))
            for name, day in (
                ("apps_online_on", "online_on"),
                ("apps_retire_on", "retire_on"),
                ("apps_consolidation_due_on", "consolidation_due_on"),
            )
        ),
        *(
            Index(name, "id", sqlite_where=text(flag), postgresql_where=text(flag))
            for name, flag in (("apps_returned", "is_returned"), ("apps_withdrawn", "is_withdrawn"))
        ),
        # Which apps a unit may be the sponsor of, when the tree of organisations changes.
        *(
            Index(name, column, "id", sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL"))
            for name, column in (("apps_sponsor", "sponsor_key"), ("apps_credit_code", "credit_code"))
        ),
    )

    id: str = Field(primary_key=True, sa_type=Characters)
    since: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    until: int | None = Field(default=None, sa_type=BigInteger)
    registered: int = Field(sa_type=BigInteger, description="The revision that registered it.")
    stated: int = Field(sa_type=BigInteger, description="The revision whose history holds its manifest.")
    hash: str = Field(sa_type=Characters)
    is_withdrawn: bool
    is_returned: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": false()},
        description="Whether the proposal was given back to its sponsor.",
    )

    name: str | None = Field(default=None, sa_type=Characters)
    name_key: str | None = Field(default=None, sa_type=Characters)
    name_start: str | None = Field(
        default=None, sa_type=Characters, description="The first characters of the key, by which lists are sorted."
    )
    kind: str | None = Field(default=None, sa_type=Characters)
    sponsor: str | None = Field(default=None, sa_type=Characters)
    sponsor_key: str | None = Field(default=None, sa_type=Characters)
    credit_code: str | None = Field(default=None, sa_type=Characters)
    root_organ: str | None = Field(default=None, sa_type=Characters)
    department_key: str | None = Field(default=None, sa_type=Characters)
    level: str | None = Field(default=None, sa_type=Characters)
    division: str | None = Field(default=None, sa_type=Characters)
    province: str | None = Field(
        default=None, sa_type=Characters, description="The first two digits of the division; empty for the country."
    )
    sector: str | None = Field(default=None, sa_type=Characters)
    sector_key: str | None = Field(default=None, sa_type=Characters)
    role: str | None = Field(default=None, sa_type=Characters)
    stage: str | None = Field(default=None, sa_type=Characters)
    faces_grassroots: bool | None = None
    feature_kinds: str | None = Field(
        default=None, sa_type=Characters, description="Set off by spaces, on both ends too."
    )
    proposed_on: date | None = None
    begun_on: date | None = None
    online_on: date | None = None
    retire_on: date | None = None
    retired_on: date | None = None
    consolidation_due_on: date | None = None


class SearchText(Table, table=True):
    """What an app was found by from one registry revision until another, see `services.registry.search_text`.

    `words` are there on PostgreSQL only. SQLite has them in the FTS5 table `text_words`, whose row ids are the `id`.
    """

    __tablename__ = "texts"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        Index(
            "texts_live", "app", unique=True, sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL")
        ),
        Index("texts_app", "app", "since"),
        # Nothing is in it on SQLite.
        Index("texts_gin", "words", sqlite_where=text("words IS NOT NULL"), postgresql_using="gin"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Serial)
    app: str = Field(sa_type=Characters)
    text: str = Field(sa_type=Characters, description="Folded texts, one a line.")
    marks: str = Field(sa_type=Characters, description="Exact facts, one a line.")
    words: str | None = Field(default=None, sa_type=Words)
    since: int = Field(sa_type=BigInteger)
    until: int | None = Field(default=None, sa_type=BigInteger)


class Grant(Table, table=True):
    """A grant as it stood from one registry revision until another.

    `facts` is what a neighbourhood tells of it (JSON), empty for a grant that was revoked before its first day.
    """

    __tablename__ = "grants"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        Index(
            "grants_live", "id", unique=True, sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL")
        ),
        Index("grants_app", "app", "recorded"),
        # Which apps hold grants on a day.
        Index(
            "grants_counting",
            *("app", "kind", "from_on", "until_on", "revoked_on"),
            sqlite_where=text("until IS NULL AND facts IS NOT NULL"),
            postgresql_where=text("until IS NULL AND facts IS NOT NULL"),
        ),
        # Which grants end soon.
        Index("grants_until_on", "until_on"),
        Index("grants_revoked_on", "revoked_on"),
    )

    id: str = Field(primary_key=True, sa_type=Characters)
    since: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    until: int | None = Field(default=None, sa_type=BigInteger)
    recorded: int = Field(sa_type=BigInteger, description="The revision that recorded it.")

    app: str = Field(sa_type=Characters)
    kind: str = Field(sa_type=Characters)
    granter: str = Field(sa_type=Characters)
    granter_credit_code: str | None = Field(default=None, sa_type=Characters)
    granter_root_organ: str | None = Field(default=None, sa_type=Characters)
    basis_title: str | None = Field(default=None, sa_type=Characters)
    basis_number: str | None = Field(default=None, sa_type=Characters)
    basis_article: str | None = Field(default=None, sa_type=Characters)
    granted_on: date
    from_on: date
    until_on: date | None = None
    revoked_on: date | None = None
    provision: str | None = Field(default=None, sa_type=Characters)
    feature: str | None = Field(default=None, sa_type=Characters)
    item: str | None = Field(default=None, sa_type=Characters)
    facts: str | None = Field(default=None, sa_type=Characters)


class Offer(Table, table=True):
    """That an app offers a tie in a division, with the facts rules look at (JSON).

    `places` is in how many divisions the app offers this tie: apps with only one can be counted by their rows.
    """

    __tablename__ = "offers"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        # The conditions' own columns are in the indexes because SQLite looks them up in the table otherwise. It also
        # holds two empty values for different; there a trigger keeps live offers unique.
        Index(
            "offers_live",
            *("tie", "division", "app", "until"),
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "offers_several",
            *("tie", "division", "app", "until", "places"),
            sqlite_where=text("until IS NULL AND places > 1"),
            postgresql_where=text("until IS NULL AND places > 1"),
        ),
        Index(
            "offers_live_app",
            "app",
            "tie",
            "division",
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        # Whether anything began or ended after a registry revision, which approvals ask.
        Index("offers_since", "tie", "since", postgresql_include=["division", "app"]),
        Index(
            "offers_until",
            "tie",
            "until",
            sqlite_where=text("until IS NOT NULL"),
            postgresql_where=text("until IS NOT NULL"),
            postgresql_include=["division", "app"],
        ),
        # What each revision began and ended, which the change feed tells.
        Index("offers_begun", "since"),
        Index(
            "offers_ended",
            "until",
            sqlite_where=text("until IS NOT NULL"),
            postgresql_where=text("until IS NOT NULL"),
        ),
        # What was offered in the past. It holds ended offers only: beginning one costs nothing here.
        Index(
            "offers_past",
            *("tie", "division", "app", "until", "since"),
            sqlite_where=text("until IS NOT NULL"),
            postgresql_where=text("until IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Serial)
    tie: str = Field(sa_type=Characters)
    division: str = Field(sa_type=Characters)
    app: str = Field(sa_type=Characters)
    places: int = Field(sa_type=Integer)
    facts: str = Field(sa_type=Characters)
    since: int = Field(sa_type=BigInteger)
    until: int | None = Field(default=None, sa_type=BigInteger)


class Receipt(Table, table=True):
    """A receipt that was acted on, whole, and the registry revision that acted on it. Never changed, never ended.

    That a decision stands here once is what keeps a receipt from being used twice.
    """

    __tablename__ = "receipts"
    __table_args__ = (Index("receipts_app", "app", "revision"),)

    issuer: str = Field(primary_key=True, sa_type=Characters)
    decision: str = Field(primary_key=True, sa_type=Characters)
    app: str = Field(sa_type=Characters)
    revision: int = Field(sa_type=BigInteger)
    receipt: str = Field(sa_type=Characters)


class KeptAnswer(Table, table=True):
    """What was answered to a request that its caller had named, so that it is answered alike when it comes again.

    It is no fact and has no history: after a while it is taken away.
    """

    __tablename__ = "kept_answers"
    __table_args__ = (Index("kept_answers_at", "at"),)

    caller: str = Field(primary_key=True, sa_type=Characters)
    key: str = Field(primary_key=True, sa_type=Characters)
    request: str = Field(sa_type=Characters, description="The digest of what was asked.")
    at: datetime = Field(sa_type=Instant)
    status: int = Field(sa_type=Integer)
    headers: str = Field(sa_type=Characters, description="A JSON object.")
    body: bytes


def _live(name: str, *columns: str) -> Index:
    """Give the unique index of the live rows of a table."""
    condition = text("until IS NULL")
    return Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


class Organisation(Table, table=True):
    """An organisation as it stood from one registry revision until another. What was recorded is in history.

    `above` is where the way to the root goes on: the organisation above it, or the one it was merged into. No fact may
    begin on a day to come, so this is so on the day of recording and on every day after it, until it is changed.
    """

    __tablename__ = "organisations"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        _live("organisations_live", "code"),
        Index("organisations_above", "above", "code"),
    )

    code: str = Field(primary_key=True, sa_type=Characters)
    since: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    until: int | None = Field(default=None, sa_type=BigInteger)
    registered: int = Field(sa_type=BigInteger, description="The revision that registered it.")

    name: str = Field(sa_type=Characters)
    above: str | None = Field(default=None, sa_type=Characters)
    level: str | None = Field(default=None, sa_type=Characters)
    division: str | None = Field(default=None, sa_type=Characters)
    nature: str | None = Field(default=None, sa_type=Characters)
    managed_by: str | None = Field(default=None, sa_type=Characters)
    ended_on: date | None = None


class OrganisationName(Table, table=True):
    """A name of an organisation, from its first day up to, but without, `before_on`."""

    __tablename__ = "organisation_names"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        CheckConstraint("before_on > from_on", name="before_on"),
        _live("organisation_names_live", "organisation", "from_on"),
        Index("organisation_names_key", "name_key", "organisation"),
    )

    organisation: str = Field(primary_key=True, sa_type=Characters)
    from_on: date = Field(primary_key=True, description="The first day of all where it is not known.")
    since: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    until: int | None = Field(default=None, sa_type=BigInteger)
    before_on: date = Field(description="The last day of all where it has no end.")
    name: str = Field(sa_type=Characters)
    name_key: str = Field(sa_type=Characters)


class OrganisationParent(Table, table=True):
    """That an organisation stood below another, from a day up to, but without, `before_on`; or was merged into it."""

    __tablename__ = "organisation_parents"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        CheckConstraint("before_on > from_on", name="before_on"),
        _live("organisation_parents_live", "organisation", "from_on"),
        Index("organisation_parents_parent", "parent", "organisation"),
    )

    organisation: str = Field(primary_key=True, sa_type=Characters)
    from_on: date = Field(primary_key=True, description="The first day of all where it is not known.")
    since: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    until: int | None = Field(default=None, sa_type=BigInteger)
    before_on: date = Field(description="The last day of all where it has no end.")
    parent: str = Field(sa_type=Characters)
    is_merger: bool


class Sponsorship(Table, table=True):
    """That the sponsor of an app is an organisation of the tree, and by what it was found there."""

    __tablename__ = "sponsorships"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        _live("sponsorships_live", "app"),
        Index("sponsorships_organisation", "organisation", "app"),
    )

    app: str = Field(primary_key=True, sa_type=Characters)
    since: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    until: int | None = Field(default=None, sa_type=BigInteger)
    organisation: str = Field(sa_type=Characters)
    found_by: str = Field(sa_type=Characters)


class SubscriptionState(StrEnum):
    """Whether changes are delivered to a subscription."""

    ACTIVE = "active"
    FAILING = "failing"
    PAUSED = "paused"
    ENDED = "ended"


class Subscription(Table, table=True):
    """Who wants to be told of which changes, where, and how far that has got. No fact: it has no history.

    Every change up to and with `cursor` that meets the conditions was delivered, or given up as a dead letter. `tries`
    counts the attempts at the one that follows, `given_up` the dead letters since anything was delivered.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        Index("subscriptions_id", "id", unique=True),
        Index("subscriptions_owner", "owner", "number"),
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=Serial)
    id: str = Field(sa_type=Characters)
    owner: str = Field(sa_type=Characters)
    url: str = Field(sa_type=Characters)
    types: str = Field(sa_type=Characters, description="A JSON list.")
    ties: str = Field(sa_type=Characters, description="A JSON list.")
    state: str = Field(sa_type=Characters)
    description: str | None = Field(default=None, sa_type=Characters)
    filter: str | None = Field(default=None, sa_type=Characters, description="The conditions on apps, as JSON.")
    state_reason: str | None = Field(default=None, sa_type=Characters)
    last_error: str | None = Field(default=None, sa_type=Characters)
    version: int = Field(sa_type=BigInteger, description="Moves on with every change that its owner makes.")
    cursor: int = Field(sa_type=BigInteger)
    tries: int = 0
    given_up: int = 0
    created_at: datetime = Field(sa_type=Instant)
    next_at: datetime | None = Field(default=None, sa_type=Instant)
    failing_since: datetime | None = Field(default=None, sa_type=Instant)
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class SubscriptionSecret(Table, table=True):
    """A secret that signs what a subscription is sent, until it has been replaced for a while."""

    __tablename__ = "subscription_secrets"

    subscription: str = Field(primary_key=True, sa_type=Characters)
    secret: str = Field(primary_key=True, sa_type=Characters)
    since: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)


class Delivery(Table, table=True):
    """One attempt to deliver a change to a subscription. It succeeded when it has no error."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("deliveries_subscription", "subscription", "id"),
        Index("deliveries_at", "subscription", "at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Serial)
    subscription: str = Field(sa_type=Characters)
    revision: int = Field(sa_type=BigInteger)
    attempt: int
    at: datetime = Field(sa_type=Instant)
    took_ms: int
    status: int | None = None
    error: str | None = Field(default=None, sa_type=Characters)


class DeadLetter(Table, table=True):
    """A change that could not be delivered to a subscription, however often it was tried."""

    __tablename__ = "dead_letters"
    __table_args__ = (
        Index(
            "dead_letters_ordered",
            "ordered_at",
            sqlite_where=text("ordered_at IS NOT NULL"),
            postgresql_where=text("ordered_at IS NOT NULL"),
        ),
    )

    subscription: str = Field(primary_key=True, sa_type=Characters)
    revision: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    attempts: int
    dead_at: datetime = Field(sa_type=Instant)
    error: str = Field(sa_type=Characters)
    ordered_at: datetime | None = Field(
        default=None, sa_type=Instant, description="Since when it is to be redelivered."
    )
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)
