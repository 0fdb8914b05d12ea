import { type Broker } from './brokers/brokers.js';
import { faultText } from './report/report.js';
import { number, rate } from './report/table.js';
import { type Row, type Sample } from './rows/row.js';

export const print = (line = ''): boolean => process.stdout.write(`${line}\n`);

/** One line for each measurement, so that nobody waits without knowing for what. */
export function printProgress(row: Row, run: number, { name }: Broker, found: Sample | Error): void {
  if (found instanceof Error) {
    print(`  ${run + 1}  ${name.padEnd(12)}failed: ${found.message}`);
    return;
  }
  const figures = row.figures.map(({ key, label, unit }) => `${label} ${number(found.values[key])} ${unit}`);
  const cores = [
    ['broker', found.brokerCores],
    ['generator', found.generatorShare],
    ['others', found.otherCores],
  ] as const;
  const shares = found.generatorShare === undefined ? [] : [cores.map(([who, used]) => `${who} ${share(used)}`).join(', ')];
  if (found.slowShare !== undefined) shares.push(`machine slow ${share(found.slowShare)}`);
  const fault = found.faults && faultText(found.faults);
  print(`  ${run + 1}  ${name.padEnd(12)}${[...figures, `${rate(found.perSecond)}/s`, ...shares, ...(fault ? [fault] : [])].join('  ')}`);
}

const share = (cores: number | undefined): string => (cores === undefined ? 'not here' : `${Math.round(cores * 100)} %`);
