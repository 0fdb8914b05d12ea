import { isDeepStrictEqual } from 'node:util';
import { type KeySchema, rootKeySchema } from '../src/key-schema.js';
import { toToml } from './default-file.js';

/** A key with the schema that each type of listener has for it; outside of listeners there is one, without a name. */
interface Key {
  readonly name: string;
  readonly variants: readonly { readonly listenerType: string | undefined; readonly schema: KeySchema }[];
}

/** `docs/configuration.md`: every key of the schema with what it may be, its default and its explanation. */
export function renderConfigurationDocument(): string {
  const { listeners, ...tables } = rootKeySchema().properties ?? {};
  const blocks = [
    '# Configuration',
    '<!-- Written from apps/broker/src/schema.ts by the test configuration-document.test.ts; `npx vitest run -u` in apps/broker writes it anew. -->',
    'Every key of the configuration file of `si-mqtt`, which is [TOML](https://toml.io). Where the file is looked for, and how strings are taken from the environment or from other files, is told in the [README of the broker](../apps/broker/README.md); [config.default.toml](../apps/broker/config/config.default.toml) has the same keys ready to be changed. An unknown key, and a value that is not allowed, is refused with its line and column.',
    'Words that end in `Seconds` or `Bytes` name the unit. A limit is at least 1 unless 0 is mentioned, so that zero never means "unlimited" by accident.',
  ];
  for (const [name, table] of Object.entries(tables)) blocks.push(...renderTable(name, table, 2));
  blocks.push('## `[[listeners]]`', sentence(listeners.description));
  const variants = (listeners.items?.oneOf ?? []).map((schema) => ({
    listenerType: String(schema.properties?.['type']?.const),
    schema,
  }));
  blocks.push(`- \`type\`: ${alternatives(variants.map(({ listenerType }) => `\`"${listenerType}"\``))}; always needed.`);
  const keys = keysOf(variants).filter(({ name }) => name !== 'type');
  const isCommon = ({ variants: having }: Key): boolean =>
    having.length === variants.length && having.every(({ schema }) => isDeepStrictEqual(schema, having[0].schema));
  const common = keys
    .filter(isCommon)
    .map(({ name, variants: [{ schema }] }) => ({ name, variants: [{ listenerType: undefined, schema }] }));
  blocks.push(...renderKeys(common, 'listeners', 3, requiredIn(variants[0].schema)));
  const others = keys.filter((key) => !isCommon(key));
  const needed = new Set(variants.flatMap(({ schema }) => [...requiredIn(schema)]));
  blocks.push('### Keys of some types', ...renderKeys(others, 'listeners', 4, needed));
  return `${joinBlocks(blocks)}\n`;
}

/** Every key that one of the schemas has, in their order. */
function keysOf(schemas: Key['variants']): Key[] {
  const names = new Set(schemas.flatMap(({ schema }) => Object.keys(schema.properties ?? {})));
  return [...names].map((name) => ({
    name,
    variants: schemas.flatMap(({ listenerType, schema: { properties } }) =>
      properties?.[name] === undefined ? [] : [{ listenerType, schema: properties[name] }],
    ),
  }));
}

function renderTable(name: string, table: KeySchema, depth: number, isArray = false): string[] {
  const heading = `${'#'.repeat(depth)} \`${isArray ? `[[${name}]]` : `[${name}]`}\``;
  const keys = keysOf([{ listenerType: undefined, schema: table }]);
  return [heading, sentence(table.description), ...renderKeys(keys, name, depth + 1, requiredIn(table))];
}

/** Plain keys as a list, then the tables among them. */
function renderKeys(keys: readonly Key[], table: string, depth: number, required: ReadonlySet<string>): string[] {
  const list: string[] = [];
  const inner: string[] = [];
  for (const key of keys) {
    const [{ schema }] = key.variants;
    const item = schema.items;
    if (schema.properties !== undefined) {
      const types = typesOf(key);
      const description = types === '' ? schema.description : `Only with ${types}. ${schema.description}`;
      inner.push(...renderTable(`${table}.${key.name}`, { ...schema, description }, depth));
    } else if (item?.properties !== undefined) {
      inner.push(...renderTable(`${table}.${key.name}`, { ...item, description: schema.description }, depth, true));
    } else {
      list.push(renderKey(key, required.has(key.name)));
    }
  }
  return [...list, ...inner];
}

function renderKey(key: Key, isNeeded: boolean): string {
  const { name, variants } = key;
  const { schema } = variants[0];
  const description = sentence(schema.description);
  const isTold = schema.enum?.every((value) => description.includes(`\`${JSON.stringify(value)}\``)) === true;
  const allowed = isTold ? [] : [name === 'socketMode' ? 'a whole number from `0` to `0o777`' : allowedBy(schema)];
  const facts = [...allowed, defaultOf(name, variants, isNeeded)].join('; ');
  const types = typesOf(key);
  return `- \`${name}\`${types === '' ? '' : ` (${types})`}: ${description} ${facts.charAt(0).toUpperCase()}${facts.slice(1)}.`;
}

/** The types of listener that have the key; empty if all have it alike. */
function typesOf({ variants }: Key): string {
  const types = variants.flatMap(({ listenerType }) => (listenerType === undefined ? [] : [`\`${listenerType}\``]));
  return types.join(', ');
}

function defaultOf(name: string, variants: Key['variants'], isNeeded: boolean): string {
  const written = variants.map(({ schema }) => schema.default ?? schema.const);
  if (written[0] === undefined) return isNeeded ? 'always needed' : 'no default';
  const code = (value: unknown): string => `\`${toToml(name, value)}\``;
  if (written.every((value) => isDeepStrictEqual(value, written[0]))) return `default ${code(written[0])}`;
  return `default ${written.map((value, index) => `${code(value)} (\`${variants[index].listenerType}\`)`).join(', ')}`;
}

/** What a key may be, in words. */
function allowedBy(schema: KeySchema): string {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return alternatives(choices.map(allowedBy));
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return alternatives(schema.enum.map((value) => `\`${JSON.stringify(value)}\``));
  if (schema.items !== undefined) return `a list, each ${allowedBy(schema.items)}`;
  switch (schema.type) {
    case 'boolean':
      return '`true` or `false`';
    case 'integer': {
      const { minimum, maximum } = schema;
      const grouped = (value: number | undefined): string => (value ?? 0).toLocaleString('en-US');
      return maximum === Number.MAX_SAFE_INTEGER
        ? `a whole number (at least ${grouped(minimum)})`
        : `a whole number from ${grouped(minimum)} to ${grouped(maximum)}`;
    }
    case 'string':
      return 'a string';
    default:
      throw new Error(`no words for ${JSON.stringify(schema)}`);
  }
}

function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function requiredIn({ required = [], properties = {} }: KeySchema): Set<string> {
  return new Set(required.filter((name) => properties[name]?.default === undefined));
}

/** Quoted values, and what Markdown would take for its own, are code. */
function sentence(description = ''): string {
  return description.replaceAll(/"[^"]+"|\$[^\s]+?(?=[.,]?(?:\s|$))|(?<=\s)[#+*](?=[\s.,])|\{[^}]+\}|%c/g, (word) => `\`${word}\``);
}

/** A blank line between blocks, none between the items of a list. */
function joinBlocks(blocks: readonly string[]): string {
  const filled = blocks.filter((block) => block !== '');
  return filled.map((block, index) => (index === 0 ? '' : isItem(block) && isItem(filled[index - 1]) ? '\n' : '\n\n') + block).join('');
}

function isItem(block: string): boolean {
  return block.startsWith('- ');
}
