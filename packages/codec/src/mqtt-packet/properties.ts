import { type UserProperty } from '../packets.js';
import { definitionsOf, type PropertyDefinition, type PropertyKind, PropertyList } from '../property-table.js';
import { asBuffer } from './buffer.js';
import { type UserProperties } from './packet.js';
import { bytesOf } from './text.js';

/** mqtt-packet's names where they differ from the codec's. */
const otherNames: Readonly<Record<string, string>> = { maximumQos: 'maximumQoS', subscriptionIdentifiers: 'subscriptionIdentifier' };

/** What may stand in a list, by mqtt-packet's names. */
const definitionsByName: ReadonlyMap<PropertyList, ReadonlyMap<string, PropertyDefinition>> = new Map(
  Object.values(PropertyList).map((list) => [
    list,
    new Map(definitionsOf(list).map((definition) => [otherNames[definition.name] ?? definition.name, definition])),
  ]),
);

/** Properties as the codec decoded them, in the shape of mqtt-packet; undefined when there are none. `like` lends the class of byte values. */
export function fromCodecProperties(properties: object | undefined, like: Uint8Array): Record<string, unknown> | undefined {
  if (properties === undefined) return undefined;
  const result: Record<string, unknown> = {};
  let any = false;
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    any = true;
    if (name === 'userProperties') result[name] = userPropertiesObject(value);
    else if (name === 'subscriptionIdentifiers') result['subscriptionIdentifier'] = value.length === 1 ? value[0] : [...value];
    else if (name === 'payloadFormatIndicator') result[name] = value === 1;
    else result[otherNames[name] ?? name] = value instanceof Uint8Array ? asBuffer(value, like) : value;
  }
  return any ? result : undefined;
}

function userPropertiesObject(pairs: readonly UserProperty[]): UserProperties {
  // Without a prototype, as in mqtt-packet: a property named `__proto__` or `toString` is data like any other.
  const result: UserProperties = Object.create(null);
  for (const [name, value] of pairs) {
    const before = result[name];
    if (before === undefined) result[name] = value;
    else if (typeof before === 'string') result[name] = [before, value];
    else before.push(value);
  }
  return result;
}

/**
 * Properties in the shape of mqtt-packet, in that of the codec; undefined when there are none. Ranges are left to the encoder.
 * @throws Error for a property that does not belong in the list and for a value of the wrong type.
 */
export function toCodecProperties(properties: unknown, list: PropertyList): Record<string, unknown> | undefined {
  // mqtt-packet takes everything that is not a plain object for "no properties".
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) return undefined;
  const definitions = definitionsByName.get(list)!;
  const result: Record<string, unknown> = {};
  let any = false;
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    const definition = definitions.get(name);
    if (definition === undefined) throw new Error(`Invalid property ${name}: ${String(value)}`);
    result[definition.name] = codecValue(name, definition.kind, value);
    any = true;
  }
  return any ? result : undefined;
}

function codecValue(name: string, kind: PropertyKind, value: unknown): unknown {
  switch (kind) {
    case 'pairs':
      if (typeof value === 'object' && value !== null) return userPropertyPairs(value);
      break;
    case 'identifiers':
      return Array.isArray(value) ? value : [value];
    case 'bit':
      if (name === 'maximumQoS') return value;
      if (typeof value === 'boolean') return value ? 1 : 0;
      break;
    case 'string':
    case 'topicName':
      if (typeof value === 'string') return value;
      break;
    case 'binary':
      if (value instanceof Uint8Array) return value;
      if (typeof value === 'string') return bytesOf(value);
      break;
    default:
      return value;
  }
  throw new Error(`Invalid ${name}: ${String(value)}`);
}

function userPropertyPairs(properties: object): readonly UserProperty[] {
  const pairs: UserProperty[] = [];
  for (const [name, values] of Object.entries(properties)) {
    for (const value of Array.isArray(values) ? values : [values]) {
      // Whatever has a string form is written in it, as in mqtt-packet.
      if (value === null || value === undefined) throw new Error(`Invalid userProperties: ${name} has no value`);
      pairs.push([name, String(value)]);
    }
  }
  return pairs;
}
