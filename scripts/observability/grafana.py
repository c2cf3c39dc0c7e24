"""Dashboards as Grafana's JSON, through Grafana's own SDK."""

from __future__ import annotations

import json

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    prometheus,
    stat,
    timeseries,
)
from grafana_foundation_sdk.builders import (
    dashboard as grafana,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as units
from grafana_foundation_sdk.models import dashboard as models

from scripts.observability.dashboard import (
    LOWER,
    UPPER,
    Annotation,
    Dashboard,
    Panel,
    Query,
    Variable,
)

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHT = {"lines": 8, "areas": 8, "bars": 8, "stat": 4}

PanelBuilder = timeseries.Panel | bargauge.Panel | stat.Panel


def render(dashboard: Dashboard) -> str:
    """The dashboard's JSON, as it is committed and provisioned."""
    return json.dumps(_build(dashboard), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _build(dashboard: Dashboard) -> models.Dashboard:
    page = (
        grafana.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.description)
        .tags(["guardtune"])
        .refresh("30s")
        .time(f"now-{dashboard.span}", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(_siblings())
        .with_variable(grafana.DatasourceVariable("datasource").label("Source").type("prometheus"))
    )
    for variable in dashboard.variables:
        page = page.with_variable(_variable(variable))
    for annotation in dashboard.annotations:
        page = page.annotation(_annotation(annotation))
    number = 0
    for row in dashboard.rows:
        page = page.with_row(grafana.Row(row.title))
        for panel in row.panels:
            number += 1
            page = page.with_panel(_panel(panel, number))
    return page.build()


def _siblings() -> grafana.DashboardLink:
    return (
        grafana.DashboardLink("GuardTune")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags(["guardtune"])
        .as_dropdown(as_dropdown=True)
        .keep_time(keep_time=True)
    )


def _variable(variable: Variable) -> grafana.QueryVariable:
    built = (
        grafana.QueryVariable(variable.name)
        .label(variable.label)
        .datasource(SOURCE)
        .query(f"label_values({variable.series}, {variable.name})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .hide(
            models.VariableHide.HIDE_VARIABLE
            if variable.is_hidden
            else models.VariableHide.DONT_HIDE
        )
    )
    if variable.is_multi:
        everything = models.VariableOption(selected=True, text=["All"], value=["$__all"])
        built = built.multi(multi=True).include_all(include_all=True).current(everything)
    return built


def _annotation(annotation: Annotation) -> grafana.AnnotationQuery:
    return (
        grafana.AnnotationQuery()
        .name(annotation.name)
        .datasource(SOURCE)
        .enable(enable=True)
        .icon_color(annotation.colour)
        .expr(annotation.expr)
    )


def _panel(panel: Panel, number: int) -> PanelBuilder:
    built = _drawn(panel)
    built.id(number).title(panel.title).description(panel.meaning).datasource(SOURCE)
    built.unit(panel.unit).span(panel.width).height(_HEIGHT[panel.kind])
    for position, query in enumerate(panel.queries):
        is_instant = panel.kind in {"bars", "stat"}
        built.with_target(_target(query, chr(ord("A") + position), is_instant=is_instant))
    if panel.repeat is not None:
        built.repeat(panel.repeat).repeat_direction("h").max_per_row(24 // panel.width)
    if panel.nothing is not None:
        built.no_value(panel.nothing)
    return built


def _drawn(panel: Panel) -> PanelBuilder:
    match panel.kind:
        case "stat":
            return stat.Panel().graph_mode(units.BigValueGraphMode.NONE)
        case "bars":
            return bargauge.Panel().orientation(units.VizOrientation.HORIZONTAL).min(0)
        case "areas":
            stacking = common.StackingConfig().mode(units.StackingMode.NORMAL)
            return _lines().fill_opacity(30).stacking(stacking)
        case "lines":
            return _with_band(_lines()) if panel.band else _lines()


def _lines() -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .display_mode(units.LegendDisplayMode.LIST)
        .placement(units.LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )
    tooltip = common.VizTooltipOptions().mode(units.TooltipDisplayMode.MULTI)
    return timeseries.Panel().legend(legend).tooltip(tooltip).line_width(1)


def _with_band(built: timeseries.Panel) -> timeseries.Panel:
    thin = models.DynamicConfigValue(id_val="custom.lineWidth", value=0)
    fill = [
        thin,
        models.DynamicConfigValue(id_val="custom.fillBelowTo", value=LOWER),
        models.DynamicConfigValue(id_val="custom.fillOpacity", value=20),
    ]
    return built.override_by_name(UPPER, fill).override_by_name(LOWER, [thin])


def _target(query: Query, name: str, *, is_instant: bool) -> prometheus.Dataquery:
    built = (
        prometheus.Dataquery()
        .ref_id(name)
        .expr(query.expr)
        .legend_format(query.legend)
        .datasource(SOURCE)
    )
    return built.instant() if is_instant else built.range()
