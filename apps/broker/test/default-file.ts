import { type KeySchema, rootKeySchema } from '../src/key-schema.js';

const WIDTH = 110;

/** `config/config.default.toml`: every key of the schema, commented out, with its explanation and its default. */
export function renderDefaultFile(): string {
  const { listeners, ...tables } = rootKeySchema().properties ?? {};
  const lines = [
    '# The configuration of si-mqtt, with every key, its explanation and its default.',
    '# Copy it to config/config.toml, and remove the "#" before the keys that you change: "# " begins an explanation, "#" alone a key.',
    '# A key whose line ends with "=" has no default. Relative paths start at the folder of this file,',
    '# only that of storage.path at the working folder.',
    '# Instead of any text: { env = "NAME" } takes an environment variable, { file = "path" } the contents of a file.',
    '',
  ];
  for (const [name, table] of Object.entries(tables)) {
    lines.push(...renderTable(name, table), '');
  }
  lines.push(...explanation(listeners.description ?? ''), '# Below is one listener of each type.');
  for (const variant of listeners.items?.oneOf ?? []) {
    lines.push('', ...renderTable('listeners', variant, true));
  }
  return `${lines.join('\n')}\n`;
}

function renderTable(name: string, table: KeySchema, isArray = false): string[] {
  const lines = [...explanation(table.description ?? ''), isArray ? `#[[${name}]]` : `#[${name}]`];
  const inner: string[] = [];
  for (const [key, schema] of Object.entries(table.properties ?? {})) {
    if (schema.properties !== undefined) {
      inner.push('', ...renderTable(`${name}.${key}`, schema));
    } else if (schema.items?.properties !== undefined) {
      inner.push('', ...explanation(schema.description ?? ''), ...renderTable(`${name}.${key}`, schema.items, true));
    } else {
      const value = schema.const ?? schema.default;
      lines.push(...explanation(schema.description ?? ''), value === undefined ? `#${key} =` : `#${key} = ${toToml(key, value)}`);
    }
  }
  return [...lines, ...inner];
}

export function toToml(key: string, value: unknown): string {
  if (key === 'socketMode') {
    return `0o${Number(value).toString(8)}`;
  }
  return typeof value === 'number' && value >= 10_000 ? value.toLocaleString('en-US').replaceAll(',', '_') : JSON.stringify(value);
}

function explanation(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter((part) => part !== '')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= WIDTH) {
      lines.push(`# ${word}`);
    } else {
      lines[lines.length - 1] = `${last} ${word}`;
    }
  }
  return lines;
}
