import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { repository } from '../repository.js';
import { type Report } from './report.js';

/** Where the last report of a mode is. */
export const reportFile = (mode: string): string => `${repository}.cache/bench/${mode}.json`;

export const shown = (file: string): string => relative(process.cwd(), file);

export function writeText(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

export const writeReport = (file: string, report: Report): void => writeText(file, `${JSON.stringify(report, null, 2)}\n`);

/** @throws Error with one line for the reader */
export function readReport(file: string): Report {
  if (!existsSync(file)) throw new Error(`${shown(file)} does not exist: measure first`);
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}
