import { type Report, type ReportRow } from './report.js';
import { colour, decades, element, line, logarithmic, svg, text } from './svg.js';
import { number } from './table.js';

const PLOT_WIDTH = 500;
const RIGHT = 40;
/** About, in the font's size; nobody measures text here. */
const CHARACTER_WIDTH = 6.7;
const LINE_HEIGHT = 26;
const TOP = 64;

/** Every figure of every broker as a multiple of one broker's, which is the line at 1; small ticks stand where ours was promised to be. */
export function ratioChart(report: Report, base: string): string {
  const lines = report.rows.flatMap((row) => row.figures.map((figure) => ({ row, figure })));
  const shown = lines.filter(({ row, figure }) => (row.brokers[base]?.medians[figure.key] ?? 0) > 0);
  const labels = shown.map(({ row, figure }) => (row.figures.length > 1 ? `${row.title}: ${figure.label}` : row.title));
  const left = 20 + CHARACTER_WIDTH * Math.max(0, ...labels.map(({ length }) => length));
  const right = left + PLOT_WIDTH;
  const names = report.brokers.map(({ name }) => name);
  const points = shown.flatMap(({ row, figure }, index) =>
    names.flatMap((name, broker) => {
      const value = row.brokers[name]?.medians[figure.key];
      return value === undefined ? [] : [{ index, broker, times: value / row.brokers[base].medians[figure.key] }];
    }),
  );
  const all = [...points.map(({ times }) => times), 1];
  const ticks = decades(Math.min(...all), Math.max(...all));
  const x = logarithmic(ticks[0], ticks[ticks.length - 1], left, right);
  const bottom = TOP + shown.length * LINE_HEIGHT;
  const y = (index: number): number => TOP + (index + 0.5) * LINE_HEIGHT;
  return svg(
    right + RIGHT,
    bottom + 30,
    `Each broker's figures as multiples of those of ${base}; less is better`,
    ...legendOf(names, `as a multiple of ${base}'s figure (logarithmic, less is better; upright strokes: what was promised)`),
    ...ticks.flatMap((tick) => [
      line(x(tick), TOP, x(tick), bottom, { class: tick === 1 ? 'one' : 'grid' }),
      text(x(tick), bottom + 18, `${number(tick).replace(/\.?0+$/, '')} ×`, { class: 'quiet', 'text-anchor': 'middle' }),
    ]),
    ...shown.flatMap(({ figure }, index) => {
      const promised = figure.goal?.ratioMax?.[base];
      const mark = promised === undefined ? [] : [line(x(promised), y(index) - 9, x(promised), y(index) + 9, { class: 'promise' })];
      return [text(left - 12, y(index) + 4, labels[index], { 'text-anchor': 'end' }), ...mark];
    }),
    ...points.map(({ index, broker, times }) => element('circle', { cx: x(times), cy: y(index), r: 5, class: colour(broker) })),
  );
}

const PANEL_WIDTH = 400;
const PANEL_HEIGHT = 230;
const MARGIN = { left: 52, right: 18, top: 34, bottom: 44 };

/** One of several curves: rows whose names are `series/x`. */
export interface Panel {
  readonly series: string;
  readonly axis: string;
}

/** Cost as one number grows, one panel for each such number; both axes are logarithmic. */
export function scaleChart(report: Report, key: string, panels: readonly Panel[]): string {
  const names = report.brokers.map(({ name }) => name);
  const height = TOP + Math.ceil(panels.length / 2) * PANEL_HEIGHT;
  return svg(
    2 * PANEL_WIDTH + 40,
    height,
    'Processor time per delivery, in microseconds, as one number grows',
    ...legendOf(names, 'CPU per delivery, µs (logarithmic, less is better)'),
    ...panels.map((panel, index) => {
      const left = (index % 2) * (PANEL_WIDTH + 20);
      const top = TOP + Math.floor(index / 2) * PANEL_HEIGHT;
      return element('g', { transform: `translate(${left} ${top})` }, ...panelOf(report.rows, panel, key, names));
    }),
  );
}

function panelOf(rows: readonly ReportRow[], { series, axis }: Panel, key: string, names: readonly string[]): string[] {
  const found = rows
    .filter(({ name }) => name.startsWith(`${series}/`))
    .map((row) => ({ row, at: Number(row.name.slice(series.length + 1)) }));
  const curves = names.map((name) => found.flatMap(({ row, at }) => ({ at, value: row.brokers[name]?.medians[key] })));
  const values = curves.flat().flatMap(({ value }) => value ?? []);
  if (values.length === 0) return [text(MARGIN.left, MARGIN.top, `${axis}: no figures`)];
  const xTicks = decades(Math.min(...found.map(({ at }) => at)), Math.max(...found.map(({ at }) => at)));
  const yTicks = decades(Math.min(...values), Math.max(...values));
  const right = PANEL_WIDTH - MARGIN.right;
  const bottom = PANEL_HEIGHT - MARGIN.bottom;
  const x = logarithmic(xTicks[0], xTicks[xTicks.length - 1], MARGIN.left, right);
  const y = logarithmic(yTicks[0], yTicks[yTicks.length - 1], bottom, MARGIN.top);
  return [
    text(MARGIN.left, MARGIN.top - 14, axis, { class: 'bold' }),
    ...yTicks.flatMap((tick) => [
      line(MARGIN.left, y(tick), right, y(tick), { class: 'grid' }),
      text(MARGIN.left - 8, y(tick) + 4, short(tick), { class: 'quiet', 'text-anchor': 'end' }),
    ]),
    ...xTicks.map((tick) => text(x(tick), bottom + 18, short(tick), { class: 'quiet', 'text-anchor': 'middle' })),
    ...curves.flatMap((curve, broker) => {
      const points = curve.flatMap(({ at, value }) => (value === undefined ? [] : [{ cx: x(at), cy: y(value) }]));
      const path = points.map(({ cx, cy }) => `${cx.toFixed(1)},${cy.toFixed(1)}`).join(' ');
      return [
        element('polyline', { points: path, class: colour(broker) }),
        ...points.map(({ cx, cy }) => element('circle', { cx, cy, r: 3.5, class: colour(broker) })),
      ];
    }),
  ];
}

function legendOf(names: readonly string[], title: string): string[] {
  let at = 12;
  const entries = names.flatMap((name, broker) => {
    const entry = [element('circle', { cx: at, cy: 40, r: 5, class: colour(broker) }), text(at + 12, 44, name)];
    at += 34 + name.length * 7.5;
    return entry;
  });
  return [text(8, 20, title, { class: 'bold' }), ...entries];
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6} M`;
  return value >= 1000 ? `${value / 1000} k` : String(Number(value.toPrecision(1)));
}
