import { z } from 'zod';
import { configurationSchema } from './schema.js';

/** What `z.toJSONSchema` says about one key; the part that messages, the default file and the documentation need. */
export interface KeySchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly items?: KeySchema;
  readonly anyOf?: readonly KeySchema[];
  readonly oneOf?: readonly KeySchema[];
}

/** The schema of the file as it is written, before defaults and conversions. */
export function rootKeySchema(): KeySchema {
  return z.toJSONSchema(configurationSchema, { io: 'input' }) as KeySchema;
}

/** The schema of what stands at `path` in `value`; undefined if there is nothing of the kind. */
export function keySchemaAt(path: readonly PropertyKey[], value: unknown): KeySchema | undefined {
  let schema: KeySchema | undefined = rootKeySchema();
  let current = value;
  for (const key of path) {
    schema = typeof key === 'number' ? schema?.items : schema?.properties?.[String(key)];
    current = (current as Record<PropertyKey, unknown> | undefined)?.[key];
    schema = variantOf(schema, current);
  }
  return schema;
}

/** Listeners have one schema per type. */
function variantOf(schema: KeySchema | undefined, value: unknown): KeySchema | undefined {
  if (schema?.oneOf === undefined) {
    return schema;
  }
  const type = (value as { readonly type?: unknown } | null | undefined)?.type;
  return schema.oneOf.find((variant) => variant.properties?.['type']?.const === type);
}
