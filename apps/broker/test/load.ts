import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Invocation, type LoadedConfiguration, loadConfiguration } from '../src/config.js';
import { OperatorError } from '../src/problems.js';

/** A folder with these files (path → text), removed after the test. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'si-mqtt-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

export function invocationIn(workingFolder: string, environment: Invocation['environment'] = {}): Invocation {
  return { argv: [], environment, workingFolder, openFilesMax: Number.POSITIVE_INFINITY };
}

/** Loads the text as `c.toml` in a folder with the other files. */
export function load(
  toml: string,
  files: Readonly<Record<string, string>> = {},
  environment: Invocation['environment'] = {},
): LoadedConfiguration {
  return loadConfiguration('c.toml', invocationIn(folderWith({ 'c.toml': toml, ...files }), environment));
}

/** The lines that an operator sees. */
export function problemsIn(action: () => unknown): readonly string[] {
  try {
    action();
  } catch (error) {
    if (error instanceof OperatorError) {
      return error.lines;
    }
    throw error;
  }
  throw new Error('no problem was reported');
}
