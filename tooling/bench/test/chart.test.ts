import { expect, test } from 'vitest';
import { ratioChart, scaleChart } from '../src/report/charts.js';
import { type Report } from '../src/report/report.js';
import { decades, element, logarithmic } from '../src/report/svg.js';
import { reportWith } from './report.js';

/** Names of elements in the order of their ends; throws where the text is not well-formed XML. */
function parse(xml: string): string[] {
  const open: string[] = [];
  const closed: string[] = [];
  let at = 0;
  for (const tag of xml.matchAll(/<(\/?)([a-z]+)((?: [A-Za-z][\w:-]*="[^"<]*")*)(\/?)>/g)) {
    if (/[<>]|&(?!(amp|lt|gt|quot);)/.test(xml.slice(at, tag.index))) throw new Error(`text at ${at}: ${xml.slice(at, tag.index)}`);
    at = tag.index + tag[0].length;
    const [, end, name, , empty] = tag;
    if (end === '' && empty === '') open.push(name);
    else if (end === '/' && open.pop() !== name) throw new Error(`</${name}> at ${tag.index} ends nothing`);
    if (end === '/' || empty === '/') closed.push(name);
  }
  if (open.length > 0 || xml.slice(at).trim() !== '') throw new Error(`unfinished: ${open.join(' ')}${xml.slice(at)}`);
  return closed;
}

const count = (names: readonly string[], name: string): number => names.filter((one) => one === name).length;

const report = reportWith({
  'first <&> row': { 'si-mqtt': 0.5, mosquitto: 5, aedes: 10 },
  'second row': { 'si-mqtt': 3, mosquitto: 6 },
});

test('the ratio chart is well-formed, and has a point for each figure', () => {
  const names = parse(ratioChart(report, 'mosquitto'));
  // Three of the legend.
  expect(count(names, 'circle')).toBe(3 + 5);
  expect(names.at(-1)).toBe('svg');
});

test('a chart has both colour schemes', () => {
  expect(ratioChart(report, 'mosquitto')).toContain('@media(prefers-color-scheme:dark)');
});

test('points stand where their ratio is', () => {
  const chart = ratioChart(report, 'mosquitto');
  const ones = [...chart.matchAll(/<line x1="([\d.]+)"[^>]*class="one"/g)].map(([, x]) => x);
  expect(ones).toHaveLength(1);
  // mosquitto's own two points stand on the line at 1.
  expect(chart.match(new RegExp(`<circle cx="${ones[0]}"[^>]*class="c1"`, 'g'))).toHaveLength(2);
});

test('the scale chart has a curve for each broker and series', () => {
  const scale: Report = reportWith({
    'payload/16': { 'si-mqtt': 0.3, mosquitto: 5, aedes: 9 },
    'payload/65536': { 'si-mqtt': 8, mosquitto: 20, aedes: 40 },
    'topics/10': { 'si-mqtt': 0.3, mosquitto: 5, aedes: 9 },
  });
  const panels = [
    { series: 'payload', axis: 'payload, bytes' },
    { series: 'topics', axis: 'topics' },
    { series: 'none', axis: 'nothing' },
  ];
  const names = parse(scaleChart(scale, 'cost', panels));
  expect(count(names, 'polyline')).toBe(6);
  expect(count(names, 'circle')).toBe(3 + 6 + 3);
});

test('text and attributes are escaped', () => {
  expect(element('a', { b: '"<&>' })).toBe('<a b="&quot;&lt;&amp;&gt;"/>');
});

test('a logarithmic axis', () => {
  const x = logarithmic(0.01, 100, 0, 400);
  expect([0.001, 0.01, 1, 100, 1000].map(x)).toEqual([0, 0, 200, 400, 400]);
  expect(decades(0.03, 5)).toEqual([0.01, 0.1, 1, 10]);
  expect(decades(1, 1)).toEqual([1, 10]);
});
