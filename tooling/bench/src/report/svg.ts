/** Just enough of SVG for the charts of the documents, which follow the reader's light or dark mode. */

export type Attributes = Readonly<Record<string, string | number>>;

export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const list = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escapeText(typeof value === 'number' ? String(round(value)) : value)}"`,
  );
  return children.length === 0 ? `<${name}${list.join('')}/>` : `<${name}${list.join('')}>${children.join('')}</${name}>`;
}

export function text(x: number, y: number, content: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeText(content));
}

export const line = (x1: number, y1: number, x2: number, y2: number, attributes: Attributes = {}): string =>
  element('line', { x1, y1, x2, y2, ...attributes });

/** A complete file. @param title for those who cannot see it */
export function svg(width: number, height: number, title: string, ...children: readonly string[]): string {
  const attributes = { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img' };
  const body = [element('title', {}, escapeText(title)), element('style', {}, style), ...children];
  return `${element('svg', attributes, '\n', body.join('\n'), '\n')}\n`;
}

/** The colour class of the n-th broker. */
export const colour = (broker: number): string => `c${broker % COLOURS.length}`;

/** A position on a logarithmic axis. */
export function logarithmic(from: number, to: number, start: number, end: number): (value: number) => number {
  const span = Math.log10(to / from);
  return (value) => start + (Math.log10(Math.min(to, Math.max(from, value)) / from) / span) * (end - start);
}

/** The powers of ten from at most `least` to at least `most`, which differ. */
export function decades(least: number, most: number): number[] {
  const first = Math.floor(Math.log10(least));
  const last = Math.max(first + 1, Math.ceil(Math.log10(most)));
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

/** Light and dark, both told apart by people who see few colours, on white and on black. */
const COLOURS = [
  ['#0b62c4', '#5aa9ff'],
  ['#b3541e', '#ff9f5a'],
  ['#6b7280', '#a3acb9'],
  ['#0f766e', '#3fd0c0'],
  ['#9333ea', '#c994ff'],
] as const;
const fills = (shade: 0 | 1): string => COLOURS.map((pair, index) => `.c${index}{fill:${pair[shade]};stroke:${pair[shade]}}`).join('');
const style = [
  'text{font:12px system-ui,sans-serif;fill:#1f2328;stroke:none}.quiet{fill:#59636e}.bold{font-weight:600}',
  '.grid{stroke:#d1d9e0}.one{stroke:#59636e;stroke-dasharray:3 3}.promise{stroke:#1f2328;stroke-width:2}polyline{fill:none!important;stroke-width:2}',
  fills(0),
  `@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.grid{stroke:#3d444d}.one{stroke:#9198a1}.promise{stroke:#e6edf3}${fills(1)}}`,
].join('');

const escapeText = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const round = (value: number): number => Math.round(value * 10) / 10;
