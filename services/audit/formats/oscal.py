"""OSCAL (NIST): the law as a catalog, and reports as assessment results that refer to it.

A provision is a control, a rule an assessment objective of it. OSCAL knows two states of an objective: what is lacking
keeps it from being satisfied, with the reason `other`; what does not apply is told apart and satisfies nothing.
Everything is named by digests, so that the same reports give the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import orjson

from services.audit.formats import outline
from services.audit.formats.checked import Refused
from services.audit.formats.prose import flowing, line, sentence, word
from services.audit.law import Verdict
from services.audit.regulation import LAW
from services.audit.rules import RULES
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from services.audit.formats.checked import Checked, Judged
    from services.audit.formats.outline import Item, Outline
    from services.audit.law import Instrument, Provision, Ruling
    from services.text import Lang

OSCAL_VERSION = "1.1.3"
NAMESPACE = "urn:govapp:oscal"
"""The namespace of the properties that are our own."""

_ROOT = UUID("5b1f4c0e-7d0a-5a3e-9f57-1c2d6a8e4b90")
_LANGUAGES = {"zh": "zh-CN", "en": "en"}
_STATES = {
    Verdict.VIOLATION: ("not-satisfied", "fail"),
    Verdict.UNDETERMINED: ("not-satisfied", "other"),
    Verdict.EXEMPT: ("satisfied", "other"),
    Verdict.COMPLIANT: ("satisfied", "pass"),
}
_CATALOG = Text("govapp 所载法规", "the law that govapp holds")
_RESULTS = Text("政务应用程序审查结果", "results of auditing government apps")
_PLAN = Text(
    "审查方案就是目录本身：每条规则对每个应用检查一次",
    "the plan of the assessment is the catalog itself: every rule is checked once for every app",
)


def catalog(lang: Lang) -> bytes:
    """Give the law as an OSCAL catalog: instruments are groups, provisions controls, rules assessment objectives."""
    document = {
        "catalog": {
            "uuid": _uuid("catalog", LAW.version, lang),
            "metadata": _metadata(_CATALOG, max(each.published_on for each in LAW.instruments), LAW.version, lang),
            "groups": [_group(each, lang) for each in LAW.instruments],
        }
    }
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2)


def render(checked: Iterable[Checked], *, lang: Lang, version: str, on: date) -> bytes:
    """Give what a check found in some sources as OSCAL assessment results, one result for each.

    Args:
        checked: what was found in each.
        lang: language of the texts.
        version: version of the program.
        on: the day judged, which dates the document.
    """
    results = [_refused(each, lang, on) if isinstance(each, Refused) else _result(each, lang) for each in checked]
    plan, law = _uuid("plan", LAW.version), _uuid("catalog", LAW.version, lang)
    document = {
        "assessment-results": {
            "uuid": _uuid("results", *(each["uuid"] for each in results)),
            "metadata": _metadata(_RESULTS, on, version, lang),
            "import-ap": {"href": f"#{plan}"},
            "results": results,
            "back-matter": {
                "resources": [
                    {"uuid": plan, "title": LAW.version, "description": sentence(_PLAN, lang)},
                    {"uuid": law, "title": _CATALOG.in_(lang), "description": LAW.version},
                ]
            },
        }
    }
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2)


# ---------------------------------------------------------------- the law


def control_id(provision: str) -> str:
    """Give the id of the control that stands for a provision: OSCAL lets no id begin with a digit."""
    return f"p{provision}"


def _group(instrument: Instrument, lang: Lang) -> dict[str, Any]:
    props = [
        _prop("edition", str(instrument.edition)),
        _prop("approved-on", str(instrument.approved_on)),
        _prop("in-force-on", str(instrument.in_force_on)),
        _prop("interpreter", instrument.interpreter),
    ]
    controls = [_control(each, lang) for each in instrument.provisions]
    return {"id": instrument.id, "title": instrument.title.in_(lang), "props": props, "controls": controls}


def _control(provision: Provision, lang: Lang) -> dict[str, Any]:
    id = control_id(provision.label)
    props = [{"name": "label", "value": provision.label}, _prop("strength", provision.strength.value)]
    props.append(_prop("from-on", str(provision.from_on)))
    if provision.until_on is not None:
        props.append(_prop("until-on", str(provision.until_on)))
    objectives = [
        {
            "id": rule.id,
            "name": "assessment-objective",
            "props": [{"name": "label", "value": rule.label}],
            "title": rule.title.in_(lang),
            "prose": flowing(rule.page.in_(lang)),
        }
        for rule in RULES
        if rule.provision == provision.label
    ]
    statement = {"id": f"{id}_smt", "name": "statement", "prose": provision.text.in_(lang)}
    return {
        "id": id,
        "title": f"{provision.label} {word(provision.strength).in_(lang)}",
        "props": props,
        "parts": [statement, *objectives],
    }


# ---------------------------------------------------------------- results


def _result(judged: Judged, lang: Lang) -> dict[str, Any]:
    report, told = judged.report, outline.outline(judged, lang)
    subject = _uuid("app", report.app or judged.source)
    mark = (subject, report.manifest_hash, str(report.on), report.law, str(report.revision))
    observations = list(_observations(told, subject, mark, _instant(report.on)))
    props = [_prop("outcome", report.outcome.value), _prop("manifest-hash", report.manifest_hash)]
    props += [_prop("law", report.law), _prop("source", judged.source)]
    if report.revision is not None:
        props.append(_prop("registry-revision", str(report.revision)))
    left_out = [each for each in report.rulings if each.verdict is Verdict.NOT_APPLICABLE]
    props += [
        _prop("not-applicable", each.rule, "" if each.reason is None else each.reason.in_(lang)) for each in left_out
    ]
    findings = [
        _finding(each, subject, mark, [one for rule, one in observations if rule == each.label], lang)
        for each in report.rulings
        if each.verdict is not Verdict.NOT_APPLICABLE
    ]
    return {
        "uuid": _uuid("result", *mark),
        "title": told.called,
        "description": f"{outline.heading(outline.OUTCOME, lang)}: {told.concluded}",
        "start": _instant(report.on),
        "end": _instant(report.on),
        "props": props,
        "local-definitions": {"inventory-items": [{"uuid": subject, "description": told.called}]},
        "reviewed-controls": {"control-selections": [{"include-all": {}}]},
        **({"observations": [each for _, each in observations]} if observations else {}),
        **({"findings": findings} if findings else {}),
        **({"remarks": told.reason} if told.reason else {}),
    }


def _observations(
    told: Outline, subject: str, mark: Sequence[str], collected: str
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Give what was told at each place, with the label of the rule that told it."""
    for section in told.sections:
        for number, item in enumerate(item for topic in section.topics for item in topic.items):
            for where in item.places:
                props = [_prop("kind", section.kind.value), _prop("place", where.address), _prop("field", where.field)]
                props += [_prop("pointer", where.pointer or "/"), *_involved(item)]
                yield (
                    where.rule,
                    {
                        "uuid": _uuid(*mark, section.kind.value, str(number), str(where.rule), where.pointer),
                        "description": item.fact,
                        "props": props,
                        "methods": ["TEST"],
                        "subjects": [{"subject-uuid": subject, "type": "inventory-item"}],
                        "collected": collected,
                        **({"remarks": item.remedy} if item.remedy else {}),
                    },
                )


def _involved(item: Item) -> Iterator[dict[str, Any]]:
    for each in item.neighbours:
        yield _prop("neighbour", each)
    for each in item.grants:
        yield _prop("grant", each)


def _finding(
    ruling: Ruling, subject: str, mark: Sequence[str], told: Sequence[dict[str, Any]], lang: Lang
) -> dict[str, Any]:
    state, reason = _STATES[ruling.verdict]
    title = f"{ruling.label} {ruling.title.in_(lang)}"
    said = "" if ruling.reason is None else sentence(ruling.reason, lang)
    related = [{"observation-uuid": each["uuid"]} for each in told]
    return {
        "uuid": _uuid(*mark, ruling.rule),
        "title": title,
        "description": said or "; ".join(each["description"] for each in told) or title,
        "props": [_prop("verdict", ruling.verdict.value), _prop("app", subject)],
        "target": {
            "type": "objective-id",
            "target-id": ruling.rule,
            "status": {"state": state, "reason": reason, "remarks": word(ruling.verdict).in_(lang)},
        },
        **({"related-observations": related} if related else {}),
    }


def _refused(refused: Refused, lang: Lang, on: date) -> dict[str, Any]:
    told = outline.outline(refused, lang)
    subject = _uuid("app", refused.source)
    observations = [
        {
            "uuid": _uuid(subject, str(on), "unreadable", str(number)),
            "description": each.fact,
            "props": [_prop("kind", "unreadable"), _prop("place", each.places[0].address)],
            "methods": ["TEST"],
            "subjects": [{"subject-uuid": subject, "type": "inventory-item"}],
            "collected": _instant(on),
            **({"remarks": each.remedy} if each.remedy else {}),
        }
        for number, each in enumerate(told.problems)
    ]
    return {
        "uuid": _uuid("result", subject, str(on), "unreadable"),
        "title": told.called,
        "description": f"{outline.heading(outline.OUTCOME, lang)}: {told.concluded}",
        "start": _instant(on),
        "end": _instant(on),
        "props": [_prop("outcome", "unreadable")],
        "local-definitions": {"inventory-items": [{"uuid": subject, "description": told.called}]},
        "reviewed-controls": {"control-selections": [{"include-all": {}}]},
        "observations": observations,
    }


# ---------------------------------------------------------------- parts


def _metadata(title: Text, on: date, version: str, lang: Lang) -> dict[str, Any]:
    return {
        "title": outline.heading(title, lang),
        "last-modified": _instant(on),
        "version": version,
        "oscal-version": OSCAL_VERSION,
        "props": [_prop("language", _LANGUAGES[lang])],
    }


def _prop(name: str, value: str, remarks: str = "") -> dict[str, Any]:
    # A value is one line that is not empty and has no white space around it.
    said = line(value).strip() or "-"
    return {"name": name, "ns": NAMESPACE, "value": said, **({"remarks": remarks} if remarks else {})}


def _instant(on: date) -> str:
    """Give the beginning of a day in Beijing."""
    return f"{on.isoformat()}T00:00:00+08:00"


def _uuid(*parts: str) -> str:
    return str(uuid5(_ROOT, "\n".join(parts)))
