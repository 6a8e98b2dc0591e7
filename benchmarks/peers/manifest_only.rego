# The rules that the declared values of a manifest decide alone, as a Rego policy.
# Input: {"app": the canonical manifest, "on": the day}. Answer: the verdict of each rule by its label.
package manifest_only

import rego.v1

app := input.app

labels := ["12.4", "12.5", "12.9", "13.1", "13.2", "13.4", "13.5", "14.1", "14.2", "14.3", "14.5"]

grassroots := {"county", "township", "village"}

below_county := {"township", "village"}

of_use := {"install", "register", "activate", "log_in", "use"}

verdicts := {label: "not_applicable" | some label in labels} if aside

verdicts := {
	"12.4": v12_4,
	"12.5": v12_5,
	"12.9": v12_9,
	"13.1": v13_1,
	"13.2": v13_2,
	"13.4": v13_4,
	"13.5": v13_5,
	"14.1": v14_1,
	"14.2": v14_2,
	"14.3": v14_3,
	"14.5": v14_5,
} if {
	not aside
}

aside if app.kind in {"public_account", "work_group", "terminal"}

aside if app.stage == "retired"

aside if input.on < "2024-08-06"

# An undeclared field is absent, which differs from false and from empty.
declares(thing, field) if thing[field] != null

# ---------------------------------------------------------------- 12.4: apps below the county

stays_above(levels) if {
	app.levels
	count(levels & {level | level := app.levels[_]}) == 0
}

stays_above(_) if {
	not app.levels
	app.faces_grassroots == false
}

reaches_below_county if {
	count(below_county & {level | level := app.levels[_]}) > 0
} else if {
	count(below_county & {level | level := app.features[_].levels[_]}) > 0
} else if {
	count(below_county & {level | level := app.asks[_].levels[_]}) > 0
}

central if app.sponsor.level == "central"

central if app.sponsor.managed_by == "centre"

default v12_4 := "undetermined"

v12_4 := "not_applicable" if {
	central
} else := "not_applicable" if {
	not app.stage in {"online", "retiring"}
	app.stage
} else := "not_applicable" if {
	stays_above(below_county)
} else := "undetermined" if {
	not may_be_judged
} else := "violation" if {
	app.consolidation.decision in {"merge", "retire"}
	app.consolidation.due_on < input.on
} else := "undetermined" if {
	not decided
} else := "compliant" if {
	app.consolidation.decision == "keep"
	app.consolidation.basis != "none"
	some part in ["title", "number", "article"]
	app.consolidation.basis[part]
} else := "compliant" if {
	app.consolidation.decision in {"merge", "retire"}
	app.consolidation.due_on
}

may_be_judged if {
	app.sponsor.level
	app.sponsor.managed_by
	app.stage
	reaches_below_county
}

decided if {
	app.consolidation.decision
	app.consolidation.decided_by
	app.consolidation.decided_on
}

# ---------------------------------------------------------------- 12.5, 12.9: what is asked of the grassroots

asks_of_grassroots := [ask | ask := app.asks[_]; count(grassroots & {level | level := ask.levels[_]}) > 0]

unknown_asks if {
	not app.asks
} else if {
	count([levels | levels := app.asks[_].levels]) < count(app.asks)
}

default v12_5 := "not_applicable"

v12_5 := "not_applicable" if {
	stays_above(grassroots)
} else := "violation" if {
	some ask in asks_of_grassroots
	ask.basis == "none"
} else := "undetermined" if {
	unknown_asks
} else := "undetermined" if {
	some ask in asks_of_grassroots
	not citable(ask)
} else := "compliant" if {
	count(asks_of_grassroots) > 0
}

citable(ask) if {
	ask.basis.title
	ask.basis.number
}

citable(ask) if {
	ask.basis.title
	ask.basis.article
}

default v12_9 := "not_applicable"

v12_9 := "not_applicable" if {
	stays_above(grassroots)
} else := "violation" if {
	some ask in asks_of_grassroots
	ask.paper
} else := "undetermined" if {
	unknown_asks
} else := "undetermined" if {
	some ask in asks_of_grassroots
	not declares(ask, "paper")
} else := "compliant" if {
	count(asks_of_grassroots) > 0
}

# ---------------------------------------------------------------- 13.1: new apps

new if app.stage in {"proposed", "approved"}

new if app.begun_on >= "2024-08-06"

began_on := app.begun_on

began_on := app.online_on if not app.begun_on

default v13_1 := "undetermined"

v13_1 := "not_applicable" if {
	not new
	app.stage
	began_on < "2024-08-06"
} else := "undetermined" if {
	not new
} else := "violation" if {
	app.review == "none"
	not app.stage == "proposed"
} else := "compliant" if {
	app.review.fits_plan
	app.review.overlaps_existing == false
	app.review.could_be_module == false
	app.review.works_with_related
	app.review.meets_sharing_needs
	reviewed
}

reviewed if app.stage == "proposed"

reviewed if {
	app.review.reviewer
	app.review.reviewed_on
}

# ---------------------------------------------------------------- 13.2, 13.4, 13.5: apps online

default v13_2 := "undetermined"

v13_2 := "not_applicable" if {
	app.stage != "online"
} else := "undetermined" if {
	not app.stage
} else := "violation" if {
	app.supervision == "none"
} else := "compliant" if {
	app.supervision.authority
	app.supervision.registration
}

default v13_4 := "undetermined"

v13_4 := "not_applicable" if {
	app.role != "sector_unified"
} else := "not_applicable" if {
	app.stage != "online"
} else := "undetermined" if {
	not app.role
} else := "undetermined" if {
	not app.stage
} else := "violation" if {
	app.opened_functions == "none"
} else := "compliant" if {
	app.opened_functions
}

default v13_5 := "undetermined"

v13_5 := "not_applicable" if {
	app.sponsor.managed_by == "none"
} else := "not_applicable" if {
	app.stage != "online"
} else := "undetermined" if {
	not app.sponsor.managed_by
} else := "undetermined" if {
	not app.stage
} else := "violation" if {
	app.connected_platforms == "none"
} else := "compliant" if {
	app.connected_platforms.to
} else := "violation" if {
	app.connected_platforms.planned_by < input.on
} else := "compliant" if {
	app.connected_platforms.planned_by
}

# ---------------------------------------------------------------- 14.1, 14.2, 14.3, 14.5: usage policies and metrics

unknown_policies if {
	not app.usage_policy
} else if {
	count([measure | measure := app.usage_policy[_].measure]) < count(app.usage_policy)
}

policies_of_use := [entry | entry := app.usage_policy[_]; of_use[entry.measure]]

default v14_1 := "not_applicable"

v14_1 := "violation" if {
	some entry in policies_of_use
	entry.required
} else := "violation" if {
	some entry in policies_of_use
	entry.target != "none"
} else := "undetermined" if {
	unknown_policies
} else := "undetermined" if {
	some entry in policies_of_use
	some field in ["required", "target"]
	not declares(entry, field)
} else := "compliant" if {
	count(policies_of_use) > 0
}

default v14_2 := "not_applicable"

v14_2 := "violation" if {
	some entry in policies_of_use
	some field in ["assessed", "ranked", "circulated"]
	entry[field] == true
} else := "undetermined" if {
	unknown_policies
} else := "undetermined" if {
	some entry in policies_of_use
	some field in ["assessed", "ranked", "circulated"]
	not declares(entry, field)
} else := "compliant" if {
	count(policies_of_use) > 0
}

policies_of_log_in := [entry | entry := app.usage_policy[_]; {"log_in", "use"}[entry.measure]]

not_regular := {"none", "once", "as_needed"}

check_ins := [feature | feature := app.features[_]; {"check_in", "study_time"}[feature.kind]]

forced(feature) if {
	feature.forced
} else if {
	count(feature.decline.costs) > 0
}

free(feature) if {
	not_regular[feature.rhythm]
} else if {
	feature.forced == false
	feature.decline.how
	count(feature.decline.costs) == 0
}

default v14_3 := "not_applicable"

v14_3 := "violation" if {
	some entry in policies_of_log_in
	regular(entry)
} else := "violation" if {
	some feature in check_ins
	feature.rhythm
	forced(feature)
	not free(feature)
} else := "undetermined" if {
	unknown_policies
} else := "undetermined" if {
	not app.features
} else := "undetermined" if {
	count([kind | kind := app.features[_].kind]) < count(app.features)
} else := "undetermined" if {
	some entry in policies_of_log_in
	not told_of_demands(entry)
} else := "undetermined" if {
	some feature in check_ins
	not free(feature)
} else := "compliant" if {
	count(policies_of_log_in) + count(check_ins) > 0
}

regular(entry) if {
	entry.rhythm
	not not_regular[entry.rhythm]
} else if {
	entry.target != "none"
} else if {
	entry.penalty != "none"
}

told_of_demands(entry) if {
	entry.rhythm
	entry.target
	entry.penalty
}

default v14_5 := "not_applicable"

v14_5 := "violation" if {
	some entry in app.metrics
	entry.metric in {"likes", "votes", "forwards", "study_time"}
} else := "undetermined" if {
	not app.metrics
} else := "undetermined" if {
	count(app.metrics) > 0
}
