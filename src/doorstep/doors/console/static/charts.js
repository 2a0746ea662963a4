// Charts: what a page carries in data-chart, drawn by uPlot in the colors of the stylesheet, light and dark.
"use strict";

(() => {
  const language = document.documentElement.lang;
  const dayOf = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { day: "numeric", month: "short", timeZone: "UTC" });
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });

  function color(at, name) {
    const probe = document.createElement("i");
    probe.className = `chart-probe t-${name}`;
    at.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  // The values under the pointer stand beside the names of the lines, their day beside the title.
  function tell(at, told, index, spelled) {
    const figure = at.closest("figure");
    figure.querySelector("[data-day]").textContent = index == null ? "" : dayOf.format(told.times[index] * 1000);
    figure.querySelectorAll(".chart-lines b").forEach((value, line) => {
      value.textContent = index == null ? "" : spelled(told.lines[line].values[index]);
    });
  }

  // A value between two gaps is no line: only its point shows it.
  const alone = (values) => () => values.flatMap((value, nth) => (value != null && values[nth - 1] == null && values[nth + 1] == null ? [nth] : []));

  function options(at, told) {
    const ink = color(at, "ink");
    const grid = { stroke: color(at, "grid"), width: 1 };
    const font = `12px ${getComputedStyle(at).fontFamily}`;
    const spelled = (value) => (value == null ? "–" : told.unit === "%" ? `${number.format(value)}%` : told.unit ? `${number.format(value)} ${told.unit}` : number.format(value));
    const axis = { stroke: ink, grid, ticks: { show: false }, font };
    return {
      width: at.clientWidth,
      height: 220,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      padding: [8, 26, 0, 0],
      cursor: { points: { size: 7 }, drag: { x: false, y: false } },
      legend: { show: false },
      hooks: { setCursor: [(plot) => tell(at, told, plot.cursor.idx, spelled)] },
      scales: {
        x: { time: true },
        y: { range: (_, least, most) => [0, told.unit === "%" ? 102 : Math.max(most * 1.1, 1)] },
      },
      axes: [
        { ...axis, grid: { show: false }, gap: 10, size: 34, space: 64, incrs: [86400, 2 * 86400, 7 * 86400, 14 * 86400, 30 * 86400, 91 * 86400, 182 * 86400, 365 * 86400], values: (_, ticks) => ticks.map((tick) => dayOf.format(tick * 1000)) },
        { ...axis, size: 46, space: 40, splits: told.unit === "%" ? () => [0, 25, 50, 75, 100] : undefined, values: (_, ticks) => ticks.map((tick) => short.format(tick)) },
      ],
      series: [
        {},
        ...told.lines.map((line) => ({
          label: line.name, stroke: color(at, line.tone), width: line.before ? 1.25 : 2, dash: line.before ? [4, 4] : undefined,
          points: { show: !line.before, filter: told.times.length < 20 ? undefined : alone(line.values), size: 5, fill: color(at, line.tone) }, spanGaps: false,
        })),
      ],
    };
  }

  const drawn = new Map();
  function draw(at) {
    drawn.get(at)?.destroy();
    if (!at.clientWidth) return;
    const told = JSON.parse(at.dataset.chart);
    drawn.set(at, new uPlot(options(at, told), [told.times, ...told.lines.map((line) => line.values)], at));
  }

  const every = () => [...document.querySelectorAll("[data-chart]")];
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = drawn.get(target);
      if (!chart) draw(target);
      else if (chart.width !== target.clientWidth) chart.setSize({ width: target.clientWidth, height: 220 });
    }
  });
  for (const at of every()) { draw(at); resized.observe(at); }
  const again = () => { for (const at of every()) draw(at); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new MutationObserver(again).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
})();
