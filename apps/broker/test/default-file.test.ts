import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type KeySchema, rootKeySchema } from '../src/key-schema.js';
import { renderDefaultFile } from './default-file.js';
import { load } from './load.js';

const shipped = readFileSync(new URL('../config/config.default.toml', import.meta.url), 'utf8');
/** The keys without "#", except those that have no default. */
const uncommented = shipped.replaceAll(/^#(?! )(?=\S)/gm, '').replaceAll(/^\w+ =$/gm, '');

/** Tables of the file, in which a listener of a type is one table, with the keys that the file gives them. */
function keysInFile(): Map<string, string[]> {
  const tables = new Map<string, string[]>();
  let name = '';
  let listener = '';
  for (const line of shipped.split('\n')) {
    const header = /^#\[+([\w.]+)\]+$/.exec(line)?.[1];
    const key = /^#(\w+) =(.*)$/.exec(line);
    if (header !== undefined) {
      name = header;
      if (name !== 'listeners' && name.startsWith('listeners')) {
        name = name.replace('listeners', listener);
        tables.set(name, []);
      } else if (name !== 'listeners') {
        tables.set(name, []);
      }
    } else if (key !== null) {
      if (name === 'listeners' && key[1] === 'type') {
        listener = `listeners<${key[2].trim()}>`;
        name = listener;
        tables.set(name, []);
      }
      tables.get(name)?.push(key[1]);
    }
  }
  return tables;
}

/** The same from the schema. */
function keysInSchema(schema: KeySchema, name: string, tables: Map<string, string[]>): Map<string, string[]> {
  const keys: string[] = [];
  if (name !== '') {
    tables.set(name, keys);
  }
  for (const [key, inner] of Object.entries(schema.properties ?? {})) {
    const variants = inner.items?.oneOf;
    const table = inner.properties === undefined ? inner.items : inner;
    if (variants !== undefined) {
      for (const variant of variants) {
        keysInSchema(variant, `${key}<${JSON.stringify(variant.properties?.['type']?.const)}>`, tables);
      }
    } else if (table?.properties !== undefined) {
      keysInSchema(table, name === '' ? key : `${name}.${key}`, tables);
    } else {
      keys.push(key);
    }
  }
  return tables;
}

describe('config/config.default.toml', () => {
  it('is what the schema says (npx vitest run -u writes it)', async () => {
    await expect(renderDefaultFile()).toMatchFileSnapshot('../config/config.default.toml');
  });

  it('has every key of every table, and no other', () => {
    const expected = keysInSchema(rootKeySchema(), '', new Map());
    expect(expected.size).toBeGreaterThan(20);
    expect(Object.fromEntries(keysInFile())).toEqual(Object.fromEntries(expected));
  });

  it('explains every key', () => {
    const lines = shipped.split('\n');
    const silent = lines.filter((line, index) => /^#\w+ =/.test(line) && !line.startsWith('#type') && !lines[index - 1].startsWith('# '));
    expect(silent).toEqual([]);
  });

  it('as it is, and with every default written out, is the built-in configuration', () => {
    const { storage, ...rest } = load('').configuration;
    // Each folder has a database of its own.
    const builtIn = { ...rest, storage: { ...storage, path: expect.stringMatching(/\/data\/si-mqtt\.db$/) as string } };
    expect(load(shipped).configuration).toEqual(builtIn);
    const [tables] = uncommented.split('[[listeners]]');
    const withoutRules = tables.replace(/\[\[shared\.rules\]\]\s+/, '');
    expect(withoutRules).toContain('queueBytesMax = 16_777_216');
    expect(load(withoutRules).configuration).toEqual(builtIn);
  });

  it('its listeners are valid when what has no default is filled in', () => {
    const blocks = uncommented.split(/^(?=\[\[listeners\]\]$)/m).slice(1);
    const written = blocks.map((block, index) => {
      const withName = block.replace(/^type = .*$/m, `$&\nname = "l${index}"`).replace(/\[\[listeners\.tls\.serverNames\]\]\s+/, '');
      return withName.includes('"unix"') ? withName.replace('socketMode', 'socketPath = "s"\nsocketMode') : withName;
    });
    const plain = written.filter((block) => !block.includes('[listeners.tls]'));
    expect(plain).toHaveLength(3);
    const types = load(plain.join('\n')).configuration.listeners.map(({ type }) => type);
    expect(types).toEqual(['tcp', 'websocket', 'unix']);
  });
});
