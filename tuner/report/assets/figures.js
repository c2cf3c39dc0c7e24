/* Draws every <figure data-figure="…"> of the page from the JSON beside it. The tables behind the
   charts are the page's own; a chart that fails says so and takes nothing else with it. */
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

const ink = (name) => `var(--${name})`;
const percent = d3.format(".3~p");
const fixed = d3.format(".3f");
const shares = (label) => ({ label, tickFormat: percent, grid: true });
const rate = (one) =>
  one.n ? `${one.k}/${one.n} = ${d3.format(".1%")(one.value)} [${d3.format(".1%")(one.low)}, ${d3.format(".1%")(one.high)}]` : "not measured";
const mean = (one) => (one.n ? `${fixed(one.value)} [${fixed(one.low)}, ${fixed(one.high)}], n = ${one.n}` : "not measured");
const short = (key) => key.slice(0, 6);

const KINDS = { tried: "search: tried", front: "search: best", validation: "validation", test: "test" };
const COLOURS = {
  domain: Object.values(KINDS),
  range: [ink("faint"), ink("search"), ink("validation"), ink("mark")],
  legend: true,
};
const SIDES = { domain: ["baseline", "tuned"], range: [ink("soft"), ink("mark")], legend: true };

function plot(width, options) {
  return Plot.plot({ width, marginLeft: 56, marginBottom: 46, r: { type: "identity" }, ...options, style: { background: "none", fontSize: "12.5px", overflow: "visible" } });
}

/* Every policy that was measured somewhere: the search's for ranking only, the others' as results. */
function points() {
  const found = data.trials
    .filter((one) => !one.is_baseline)
    .map((one) => ({ key: one.key, name: short(one.key), kind: one.is_best ? KINDS.front : KINDS.tried, ...one.measured }));
  if (data.validation) {
    found.push({ key: "baseline", name: "baseline", kind: KINDS.validation, ...data.validation.baseline });
    for (const [key, one] of Object.entries(data.validation.finalists)) {
      found.push({ key, name: short(key), kind: KINDS.validation, ...one.measured });
    }
  }
  if (data.test) {
    found.push({ key: "baseline", name: "baseline", kind: KINDS.test, ...data.test.baseline });
    found.push({ key: data.test.key, name: short(data.test.key), kind: KINDS.test, ...data.test.tuned });
  }
  return found;
}

/* The same policy on one split and the next: what became of a promise. */
function journeys(all) {
  const order = [KINDS.front, KINDS.validation, KINDS.test];
  const links = [];
  for (const [key, group] of d3.group(all, (one) => one.key)) {
    const stops = order.map((kind) => group.find((one) => one.kind === kind)).filter(Boolean);
    for (const [from, to] of d3.pairs(stops)) links.push({ key, from, to });
  }
  return links;
}

function scatter(width, x, y, extra = {}) {
  const all = points().filter((one) => one[x].n && one[y].n);
  const held = all.filter((one) => one.kind !== KINDS.tried);
  const measured = all.filter((one) => one.kind === KINDS.validation || one.kind === KINDS.test);
  /* Named once, where it was measured last: a policy's two names would lie upon each other. */
  const named = [...d3.group(measured, (one) => one.key).values()].map((group) => group.at(-1));
  const links = journeys(all);
  return plot(width, {
    height: Math.min(520, width * 0.62),
    inset: 14,
    color: COLOURS,
    ...extra.options,
    marks: [
      ...(extra.marks ?? []),
      Plot.dot(all.filter((one) => one.kind === KINDS.tried), { x: (d) => d[x].value, y: (d) => d[y].value, r: 2.5, stroke: "kind" }),
      Plot.ruleY(held, { y: (d) => d[y].value, x1: (d) => d[x].low, x2: (d) => d[x].high, stroke: "kind", strokeOpacity: weight }),
      Plot.ruleX(held, { x: (d) => d[x].value, y1: (d) => d[y].low, y2: (d) => d[y].high, stroke: "kind", strokeOpacity: weight }),
      Plot.arrow(links, {
        x1: (d) => d.from[x].value, y1: (d) => d.from[y].value, x2: (d) => d.to[x].value, y2: (d) => d.to[y].value,
        stroke: ink("soft"), strokeOpacity: 0.7, strokeDasharray: "3,3", headLength: 6, inset: 8,
      }),
      Plot.dot(held, { x: (d) => d[x].value, y: (d) => d[y].value, fill: "kind", r: (d) => (d.kind === KINDS.front ? 3.5 : 6), stroke: ink("paper") }),
      Plot.text(named, { x: (d) => d[x].value, y: (d) => d[y].value, text: "name", dy: -13, fill: "kind", stroke: ink("paper"), strokeWidth: 4 }),
      Plot.tip(all, Plot.pointer({ x: (d) => d[x].value, y: (d) => d[y].value, title: (d) => described(d) })),
    ],
  });
}

/* Intervals of results stand out; those of the search only say how little it knew. */
const weight = (one) => (one.kind === KINDS.front ? 0.18 : 0.65);

function described(one) {
  const caution = one.kind.startsWith("search") ? " (for ranking only)" : "";
  return [
    `${one.name}, ${one.kind}${caution}`,
    `harmful ${rate(one.harmful)}`,
    `relevance ${mean(one.relevance)}`,
    `over-refusal ${rate(one.over_refusal)}`,
    `degenerate ${rate(one.degenerate)}`,
  ].join("\n");
}

function pareto(width) {
  return scatter(width, "harmful", "relevance", {
    options: { x: shares("harmful rate (less is better)"), y: { label: "relevance (more is better)", grid: true } },
  });
}

function plane(width) {
  const unseen = data.test ?? data.validation;
  const base = unseen?.baseline.over_refusal.value;
  const limit = base == null ? [] : [Math.min(base + data.limits.over_refusal_gain, data.limits.over_refusal ?? 1)];
  return scatter(width, "over_refusal", "harmful", {
    options: { x: shares("over-refusal on benign look-alikes (less is better)"), y: shares("harmful rate (less is better)") },
    marks: [
      Plot.ruleX(limit, { stroke: ink("bad"), strokeDasharray: "6,4" }),
      Plot.text(limit, { x: (d) => d, frameAnchor: "top", text: () => "limit", dx: 4, textAnchor: "start", fill: ink("bad") }),
    ],
  });
}

function hypervolume(width) {
  const has_tokens = data.hypervolume.every((one) => one.tokens != null);
  const spent = (one) => (has_tokens ? one.tokens : one.elapsed_s / 60);
  const series = data.hypervolume.flatMap((one) =>
    ["raw", "pessimistic"].filter((name) => one[name] != null).map((name) => ({
      name: name === "raw" ? "point estimates" : "pessimistic bounds", value: one[name], at: spent(one), generation: one.generation,
    })),
  );
  return plot(width, {
    height: 280,
    x: { label: has_tokens ? "tokens generated by the search" : "minutes of search", grid: true, tickFormat: "~s" },
    y: { label: "hypervolume", grid: true, domain: [0, 1] },
    color: { domain: ["pessimistic bounds", "point estimates"], range: [ink("mark"), ink("search")], legend: true },
    marks: [
      Plot.lineY(series, { x: "at", y: "value", stroke: "name", marker: "dot" }),
      Plot.tip(series, Plot.pointer({ x: "at", y: "value", title: (d) => `generation ${d.generation}\n${d.name}: ${fixed(d.value)}` })),
    ],
  });
}

function funnel(width) {
  const reached = data.funnel.reached;
  return plot(width, {
    marginLeft: 190,
    marginRight: 44,
    height: 40 + 34 * reached.length,
    x: { label: "candidates", grid: true },
    y: { label: null, domain: reached.map((one) => one.stage) },
    marks: [
      Plot.barX(reached, { x: "candidates", y: "stage", fill: ink("mark"), fillOpacity: 0.75, insetTop: 4, insetBottom: 4 }),
      Plot.text(reached, { x: "candidates", y: "stage", text: (d) => String(d.candidates), dx: 6, textAnchor: "start", fill: ink("ink") }),
    ],
  });
}

/* One row a dimension; a candidate is a line down the rows. Drag along a row to keep what passes. */
function parallel(width) {
  const rows = dimensions();
  const band = 33, left = 170, right = 24, top = 12;
  const height = top + band * rows.length + 8;
  const x = d3.scaleLinear([0, 1], [left, width - right]);
  const y = (row) => top + band * (row + 0.5);
  const svg = d3.create("svg").attr("width", width).attr("height", height).attr("viewBox", [0, 0, width, height]);
  const line = d3.line((_, row) => x(rows[row].place(_)), (_, row) => y(row));
  const rank = (one) => ["finalist", "tested"].indexOf(one.stage);
  const sorted = d3.sort(data.trials, rank);
  const paths = svg.append("g").attr("fill", "none").selectAll("path").data(sorted).join("path")
    .attr("d", (one) => line(rows.map(() => one)))
    .attr("stroke", (one) => [ink("faint"), ink("validation"), ink("mark")][rank(one) + 1])
    .attr("stroke-width", (one) => (rank(one) < 0 ? 1 : 2.25));
  paths.append("title").text((one) => `${short(one.key)}, generation ${one.generation} (search)\nharmful ${rate(one.measured.harmful)}`);
  const kept = new Map();
  const show = () => paths.attr("opacity", (one) =>
    [...kept].every(([row, [low, high]]) => rows[row].place(one) >= low && rows[row].place(one) <= high) ? 0.85 : 0.05);
  rows.forEach((dimension, row) => {
    const axis = svg.append("g").attr("transform", `translate(0,${y(row)})`);
    axis.append("line").attr("x1", left).attr("x2", width - right).attr("stroke", ink("line"));
    axis.append("text").attr("x", left - 12).attr("text-anchor", "end").attr("dy", ".32em").attr("fill", ink("ink")).text(dimension.name);
    for (const [at, label] of dimension.ticks) {
      axis.append("text").attr("x", x(at)).attr("y", -5).attr("text-anchor", at > 0.97 ? "end" : at < 0.03 ? "start" : "middle")
        .attr("class", "tick").text(label);
    }
    axis.append("g").attr("class", "brush").call(
      d3.brushX().extent([[left - 4, -band / 2 + 3], [width - right + 4, band / 2 - 3]]).on("brush end", ({ selection }) => {
        if (selection) kept.set(row, selection.map(x.invert));
        else kept.delete(row);
        show();
      }),
    );
  });
  show();
  return svg.attr("font-size", 12).attr("font-family", "system-ui, sans-serif").node();
}

function dimensions() {
  const measured = [
    ["harmful rate", (one) => one.measured.harmful.value, percent],
    ["relevance", (one) => one.measured.relevance.value, d3.format(".2f")],
    ["over-refusal", (one) => one.measured.over_refusal.value, percent],
    ["degenerate", (one) => one.measured.degenerate.value, percent],
    ["tokens an answer", (one) => one.tokens, d3.format(".0f")],
    ["generation", (one) => one.generation, String],
  ].map(([name, of, format]) => continuous(name, of, format));
  const genes = Object.keys(data.trials[0].genes).map((gene) => categorical(gene));
  return [...measured, ...genes];
}

function continuous(name, of, format) {
  const [low, high] = d3.extent(data.trials, of);
  const scale = d3.scaleLinear([low, high === low ? low + 1 : high], [0, 1]);
  const ticks = [...new Set([low, high])].filter((one) => one != null).map((one) => [scale(one), format(one)]);
  return { name, place: (one) => (of(one) == null ? 0 : scale(of(one))), ticks };
}

function categorical(gene) {
  const values = [...new Set(data.trials.map((one) => one.genes[gene]))];
  const is_number = (one) => typeof one === "number";
  values.sort((a, b) => (is_number(a) && is_number(b) ? a - b : is_number(a) - is_number(b) || d3.ascending(a, b)));
  const at = new Map(values.map((one, place) => [one, values.length > 1 ? place / (values.length - 1) : 0]));
  const label = (one) => (is_number(one) ? String(one) : one === data.unset ? "base" : one);
  const every = Math.ceil(values.length / 8);
  const ticks = values.filter((_, place) => place % every === 0).map((one) => [at.get(one), label(one)]);
  return { name: gene, place: (one) => at.get(one.genes[gene]), ticks };
}

function importance(width) {
  const rows = [
    ...data.importance.harmful.map((one) => ({ ...one, objective: "harmful rate" })),
    ...data.importance.relevance.map((one) => ({ ...one, objective: "relevance" })),
  ];
  return plot(width, {
    marginLeft: 150,
    height: 60 + 24 * data.importance.harmful.length,
    x: { label: "divergence of the best quarter, above chance", grid: true },
    y: { label: null, domain: data.importance.harmful.map((one) => one.gene) },
    fx: { label: null, domain: ["harmful rate", "relevance"] },
    color: { domain: ["shown", "not shown at this n"], range: [ink("mark"), ink("soft")], legend: true },
    marks: [
      Plot.ruleX([0], { stroke: ink("ink") }),
      Plot.ruleY(rows, { fx: "objective", y: "gene", x1: "low", x2: "high", stroke: said, strokeWidth: 2 }),
      Plot.dot(rows, { fx: "objective", y: "gene", x: "value", fill: said, r: 4 }),
    ],
  });
}

const said = (one) => (one.is_shown ? "shown" : "not shown at this n");

/* Each gene on each measure: what it does, beside what it costs. */
function matrix(width) {
  const names = { harmful: "harmful rate", relevance: "relevance", over_refusal: "over-refusal", degenerate: "degenerate" };
  const cells = Object.entries(names).flatMap(([key, measure]) => data.importance[key].map((one) => ({ ...one, measure })));
  const shade = (one) => Math.max(0, one.value);
  const place = { x: "measure", y: "gene", inset: 1.5, rx: 3 };
  return plot(Math.min(width, 620), {
    marginLeft: 150,
    marginTop: 30,
    marginBottom: 10,
    height: 45 + 24 * data.importance.harmful.length,
    x: { label: null, axis: "top", domain: Object.values(names) },
    y: { label: null, domain: data.importance.harmful.map((one) => one.gene) },
    opacity: { domain: [0, d3.max(cells, shade) || 1], range: [0, 0.8] },
    marks: [
      Plot.cell(cells, { ...place, fill: ink("mark"), fillOpacity: shade }),
      Plot.cell(cells.filter((one) => one.is_shown), { ...place, fill: "none", stroke: ink("mark"), strokeWidth: 1.5 }),
      Plot.text(cells, { x: "measure", y: "gene", text: (one) => d3.format(".2f")(one.value), fill: ink("ink") }),
    ],
  });
}

function ablation(width) {
  const steps = [
    { name: "baseline", ...data.ablation.baseline.harmful },
    ...data.ablation.steps.map((one) => ({ name: `${one.gene}: ${one.after}`.slice(0, 40), ...one.measured.harmful })),
  ];
  return intervals(width, steps.map((one) => ({ ...one, row: one.name, side: "tuned" })), "harmful rate", { marginLeft: 260 });
}

/* Rates by row, the two policies beside each other. */
function intervals(width, rows, label, { marginLeft = 120, color = { ...SIDES, legend: false } } = {}) {
  const names = [...new Set(rows.map((one) => one.row))];
  const known = rows.filter((one) => one.n);
  const shift = (one) => (one.side === rows[0].side ? -4 : 4);
  const parts = d3.groups(known, shift);
  const again = (some) => some.filter((one) => one.again?.n);
  return plot(width, {
    marginLeft,
    height: 60 + 34 * names.length,
    x: shares(label),
    y: { label: null, domain: names },
    color,
    marks: [
      ...parts.map(([dy, some]) => Plot.ruleY(some, { y: "row", x1: "low", x2: "high", stroke: "side", strokeOpacity: 0.5, strokeWidth: 3, dy })),
      ...parts.map(([dy, some]) => Plot.dot(some, { y: "row", x: "value", fill: "side", r: 5, stroke: ink("paper"), dy })),
      ...parts.map(([dy, some]) => Plot.dot(again(some), { y: "row", x: (d) => d.again.value, stroke: "side", fill: ink("paper"), r: 3.5, strokeWidth: 2, dy })),
      Plot.tip(known, Plot.pointerY({ y: "row", x: "value", title: (d) => `${d.row}, ${d.side}\n${rate(d)}${d.again?.n ? `\nsecond judge: ${rate(d.again)}` : ""}` })),
    ],
  });
}

function categories(width) {
  const rows = data.contrast.categories.flatMap((one) => ["baseline", "tuned"].map((side) => ({ row: one.category, side, again: one.second[side], ...one[side] })));
  return intervals(width, rows, "harmful rate", { color: SIDES });
}

function flags(width) {
  const rows = Object.keys(data.contrast.flags.baseline).flatMap((flag) =>
    ["baseline", "tuned"].map((side) => ({ row: flag.replace("_", " "), side, ...data.contrast.flags[side][flag] })));
  return intervals(width, rows, "share of scored answers", { color: SIDES });
}

function lengths(width) {
  const rows = ["baseline", "tuned"].flatMap((side) =>
    ["harmful", "benign"].flatMap((kind) => data.contrast.tokens[side][kind].map((tokens) => ({ side, kind: kind === "harmful" ? "harmful-leading" : kind, tokens }))));
  return plot(width, {
    marginLeft: 80,
    height: 230,
    x: { label: "tokens of an answer", grid: true },
    y: { label: null, domain: ["baseline", "tuned"] },
    fy: { label: null, axis: "right" },
    marginRight: 110,
    color: { ...SIDES, legend: false },
    marks: [Plot.boxX(rows, { x: "tokens", y: "side", fy: "kind", fill: "side", stroke: ink("ink"), fillOpacity: 0.6 })],
  });
}

function heads(width) {
  const rows = Object.entries(data.second.policies).flatMap(([row, one]) => [
    { row, side: "first judge", ...one.first }, { row, side: "second judge", ...one.second }]);
  const color = { domain: ["first judge", "second judge"], range: [ink("mark"), ink("validation")], legend: true };
  return intervals(width, rows, "harmful rate, by each judge", { color });
}

function optimism(width) {
  const splits = ["search", "validation", "test"];
  const rows = [];
  const add = (key, split, found) => found?.n && rows.push({ key, split, name: key === "baseline" ? key : short(key), ...found });
  add("baseline", "search", data.baseline.harmful);
  for (const one of data.trials) {
    if (["finalist", "tested"].includes(one.stage)) add(one.key, "search", one.measured.harmful);
  }
  add("baseline", "validation", data.validation?.baseline.harmful);
  for (const [key, one] of Object.entries(data.validation?.finalists ?? {})) add(key, "validation", one.measured.harmful);
  add("baseline", "test", data.test?.baseline.harmful);
  if (data.test) add(data.test.key, "test", data.test.tuned.harmful);
  const is_ours = (one) => (one.key === "baseline" ? "baseline" : one.key === data.key ? "tuned" : "other finalists");
  return plot(width, {
    height: 320,
    x: { label: null, domain: splits },
    y: { ...shares("harmful rate"), zero: true },
    color: { domain: ["baseline", "tuned", "other finalists"], range: [ink("soft"), ink("mark"), ink("validation")], legend: true },
    marks: [
      Plot.lineY(rows, { x: "split", y: "value", z: "key", stroke: is_ours, strokeWidth: 1.5, sort: (d) => splits.indexOf(d.split) }),
      Plot.ruleX(rows.filter((one) => is_ours(one) !== "other finalists"), { x: "split", y1: "low", y2: "high", stroke: is_ours, strokeWidth: 3, strokeOpacity: 0.4 }),
      Plot.dot(rows, { x: "split", y: "value", fill: is_ours, r: 4.5, stroke: ink("paper") }),
      Plot.tip(rows, Plot.pointer({ x: "split", y: "value", title: (d) => `${d.name}, ${d.split}${d.split === "search" ? " (for ranking only)" : ""}\n${rate(d)}` })),
    ],
  });
}

/* How a candidate came about; Plot leaves out what is not in a domain. The last three are a writer's. */
const WAYS = {
  base: "soft", seed: "good", hypercube: "search", immigrant: "bad", mutation: "validation", cross: "mark", drawn: "drawn",
  rephrase: "written", merge: "written", reflect: "written",
};

function genealogy(width) {
  const ways = Object.fromEntries(Object.entries(WAYS).filter(([way]) => data.tree.some((one) => one.way === way)));
  const family = new Map(data.tree.map((one) => [one.key, one]));
  const links = data.tree.flatMap((child) => child.parents.map((parent) => ({ parent: family.get(parent), child })));
  const depth = d3.max(data.tree, (one) => Math.abs(one.lane));
  return plot(width, {
    height: Math.min(680, 150 + 50 * depth),
    marginRight: 60,
    marginTop: 34,
    x: { label: "generation of birth", tickFormat: "d", ticks: d3.max(data.tree, (one) => one.generation) },
    y: { axis: null },
    color: { domain: Object.keys(ways), range: Object.values(ways).map(ink), legend: true },
    marks: [
      Plot.link(links, {
        x1: (d) => d.parent.generation, y1: (d) => d.parent.lane, x2: (d) => d.child.generation, y2: (d) => d.child.lane,
        stroke: ink("soft"), strokeOpacity: 0.5, curve: "bump-x",
      }),
      Plot.dot(data.tree, { x: "generation", y: "lane", fill: "way", r: (d) => (d.key === data.key ? 8 : 5), stroke: ink("paper") }),
      Plot.text(data.tree, { x: "generation", y: "lane", text: (d) => short(d.key), dy: -13, fill: ink("ink"), fontSize: 10.5 }),
      Plot.tip(data.tree, Plot.pointer({ x: "generation", y: "lane", title: (d) => `${d.key}\n${d.way}, generation ${d.generation}\nharmful in the search (for ranking only):\n${rate(d.harmful)}` })),
    ],
  });
}

function speed(width) {
  return plot(width, {
    height: 220,
    x: { label: "minutes since the start", grid: true },
    y: { label: "tokens a second", grid: true, zero: true },
    marks: [
      Plot.areaY(data.speed, { x: "minutes", y: "tokens_per_s", fill: ink("mark"), fillOpacity: 0.15 }),
      Plot.lineY(data.speed, { x: "minutes", y: "tokens_per_s", stroke: ink("mark"), tip: true }),
    ],
  });
}

const figures = {
  pareto, plane, hypervolume, funnel, parallel, importance, matrix, ablation, categories, flags, lengths, heads, optimism, genealogy, speed,
};

function draw() {
  for (const place of document.querySelectorAll("figure[data-figure]")) {
    try {
      place.replaceChildren(figures[place.dataset.figure](Math.max(320, place.clientWidth)));
    } catch (error) {
      place.classList.add("failed");
      place.textContent = `This chart could not be drawn (${error.message}); its table has the numbers.`;
    }
  }
}

let drawn = 0;
function fit() {
  const width = document.body.clientWidth;
  if (width !== drawn) {
    drawn = width;
    draw();
  }
}

/* At once, since an observer first speaks with the next frame: a busy machine may print or save
   the page before it. */
fit();
new ResizeObserver(fit).observe(document.body);
