import { type z } from 'zod';
import { type KeySchema, keySchemaAt, rootKeySchema } from './key-schema.js';
import { type KeyPath, type Problem } from './problems.js';
import { configurationSchema, type WrittenConfiguration } from './schema.js';
import { type TomlDocument } from './toml.js';

/** Checks a document against the schema. Exactly one of the two is there. */
export function validate(document: TomlDocument): { readonly written: WrittenConfiguration } | { readonly problems: readonly Problem[] } {
  const result = configurationSchema.safeParse(document.value);
  if (result.success && document.problems.length === 0) {
    return { written: result.data };
  }
  const problems = [...document.problems];
  const taken = new Set(problems.map(placeName));
  for (const issue of result.error?.issues ?? []) {
    for (const problem of problemsOf(issue, document)) {
      // One mistake, one line: a string whose variable is not set is not reported as an empty string too.
      const place = placeName(problem);
      if (issue.code === 'unrecognized_keys' || isMissing(issue, document) || !taken.has(place)) {
        problems.push(problem);
        taken.add(place);
      }
    }
  }
  return { problems };
}

function placeName({ position }: Problem): string {
  return `${position.line}:${position.column}`;
}

function problemsOf(issue: z.core.$ZodIssue, document: TomlDocument): Problem[] {
  const path = issue.path as KeyPath;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ position: document.positionOf([...path, key]), message: unknownKey(path, key, document.value) }));
  }
  const position = document.positionOf(path);
  if (isMissing(issue, document)) {
    const key = String(path.at(-1));
    return [
      { position, message: `the key "${key}" is missing${within(path.slice(0, -1))}: add it (${missingHint(path, issue, document)})` },
    ];
  }
  return [{ position, message: `${dotted(path)} has a wrong value: write ${wanted(issue)}${suggestionFor(issue, path, document)}` }];
}

function isMissing(issue: z.core.$ZodIssue, document: TomlDocument): boolean {
  return issue.code !== 'unrecognized_keys' && issue.path.length > 0 && valueAt(issue.path, document.value) === undefined;
}

function missingHint(path: KeyPath, issue: z.core.$ZodIssue, document: TomlDocument): string {
  const description = keySchemaAt(path, document.value)?.description;
  return (description ?? wanted(issue)).replace(/\.$/, '');
}

function unknownKey(path: KeyPath, key: string, value: unknown): string {
  const known = Object.keys(keySchemaAt(path, value)?.properties ?? {});
  const type =
    path[0] === 'listeners' && path.length === 2 ? ` in a listener of type "${String(valueAt([...path, 'type'], value))}"` : within(path);
  const said = `unknown key "${key}"${type}`;
  const near = nearest(key, known);
  if (near !== undefined) {
    return `${said}: did you mean "${near}"?`;
  }
  const elsewhere = tablesWith(rootKeySchema(), key);
  if (elsewhere.length > 0) {
    return `${said}: it belongs to ${elsewhere.join(' or ')}`;
  }
  return `${said}: remove it, or write one of ${known.join(', ')}`;
}

function within(path: KeyPath): string {
  return path.length === 0 ? '' : ` in ${dotted(path)}`;
}

/** `listeners[0].tls.keyFile` */
function dotted(path: KeyPath): string {
  return path.map((key, index) => (typeof key === 'number' ? `[${key}]` : index === 0 ? key : `.${key}`)).join('') || 'the file';
}

function wanted(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') {
    return issue.values.length === 1
      ? JSON.stringify(issue.values[0])
      : `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
  }
  if (issue.code === 'too_small' && issue.origin === 'array') {
    return `at least ${issue.minimum} of them, or leave the key out`;
  }
  const standard = 'Invalid input: expected ';
  if (issue.code === 'invalid_type' && issue.message.startsWith(standard)) {
    const words: Record<string, string> = {
      string: 'a string (text in quotation marks)',
      boolean: 'true or false',
      object: 'a table',
      array: 'an array',
    };
    return words[issue.expected] ?? issue.expected;
  }
  return issue.message;
}

function suggestionFor(issue: z.core.$ZodIssue, path: KeyPath, document: TomlDocument): string {
  const value = valueAt(path, document.value);
  if (typeof value !== 'string') {
    return '';
  }
  const choices =
    issue.code === 'invalid_value' ? issue.values : issue.code === 'invalid_union' && 'options' in issue ? (issue.options ?? []) : [];
  const near = nearest(
    value,
    choices.filter((choice): choice is string => typeof choice === 'string'),
  );
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

function valueAt(path: readonly PropertyKey[], value: unknown): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}

/** Names of the tables that know this key, e.g. `[limits]`, `[[listeners]]`. */
function tablesWith(schema: KeySchema, key: string, name = ''): string[] {
  const found = new Set<string>();
  for (const variant of schema.oneOf ?? [schema]) {
    if (name !== '' && variant.properties !== undefined && Object.hasOwn(variant.properties, key)) {
      found.add(name);
    }
    for (const [inner, innerSchema] of Object.entries(variant.properties ?? {})) {
      const dottedName = name === '' ? inner : `${name.replace(/^\[+|\]+$/g, '')}.${inner}`;
      const next = innerSchema.items ?? innerSchema;
      const bracketed = innerSchema.items === undefined ? `[${dottedName}]` : `[[${dottedName}]]`;
      for (const table of tablesWith(next, key, bracketed)) {
        found.add(table);
      }
    }
  }
  return [...found];
}

/** The candidate that a typing mistake of at most a third of its letters would explain. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    // Longer words cannot be within reach, and the distance costs the product of both lengths.
    if (Math.abs(candidate.length - word.length) > candidate.length / 3) {
      continue;
    }
    const distance = editDistance(word.toLowerCase().replaceAll(/[-_]/g, ''), candidate.toLowerCase().replaceAll('-', ''));
    if (distance <= candidate.length / 3 && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** How many letters to insert, remove, replace, or swap with their neighbour: three rows of the usual table. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          previous[j] + 1,
          row[j - 1] + 1,
          previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1),
          isSwap && i > 1 && j > 1 ? beforePrevious[j - 2] + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length];
}
