import { type DecoderOptions } from '../decoder-options.js';
import { type UserProperty } from '../packets.js';
import { definitionsOf, type PropertyDefinition, PropertyList } from '../property-table.js';
import { malformed, ProtocolError, protocolError } from '../protocol-error.js';
import { type Reader } from '../reader.js';
import { ReasonCode } from '../reason-codes.js';
import { checkTopicNameCharacters } from '../topic-syntax.js';

type Definitions = readonly (PropertyDefinition | undefined)[];

/** Definitions at the index of their identifier, per list. */
const byIdentifier: ReadonlyMap<PropertyList, Definitions> = new Map(
  Object.values(PropertyList).map((list) => {
    const definitions = new Array<PropertyDefinition | undefined>(0x2b).fill(undefined);
    for (const definition of definitionsOf(list)) definitions[definition.identifier] = definition;
    return [list, definitions];
  }),
);

type Properties = Record<string, unknown>;

/** The property lists that PUBLISH frames need to know a position in. */
const messageExpiryIdentifier = 0x02;

/** Where the four bytes of the Message Expiry Interval of the list read last are, or -1. Read at once by the one who reads a PUBLISH. */
export let messageExpiryAt = -1;

/**
 * Reads a Property Length and the properties in it (section 2.2.2); undefined when there are none.
 * The caller names the type of the list: the table fills it with the fields that the type has.
 */
export function readProperties<List>(reader: Reader, list: PropertyList, options: DecoderOptions): List | undefined {
  messageExpiryAt = -1;
  const length = reader.variableByteInteger('Property Length');
  if (length === 0) return undefined;
  if (length > reader.remaining) throw malformed('Property Length reaches beyond the packet');
  const packetEnd = reader.end;
  const listEnd = reader.at + length;
  reader.end = listEnd; // A value that reaches out of its list is malformed even if the packet is long enough.
  const definitions = byIdentifier.get(list)!;
  const most = options.propertiesMax ?? Infinity;
  const properties: Properties = {};
  let count = 0;
  while (reader.at < listEnd) {
    const identifier = reader.variableByteInteger('Property Identifier');
    const definition = definitions[identifier];
    // Section 2.2.2.2: an identifier that is not valid for the packet makes it malformed.
    if (definition === undefined) throw malformed(`property 0x${identifier.toString(16)} is not allowed here`);
    count += 1;
    if (count > most) throw new ProtocolError(ReasonCode.quotaExceeded, `more than ${most} properties`);
    if (identifier === messageExpiryIdentifier) messageExpiryAt = reader.at;
    readProperty(reader, definition, properties);
  }
  reader.end = packetEnd;
  return properties as List;
}

function readProperty(reader: Reader, definition: PropertyDefinition, properties: Properties): void {
  const { name, kind } = definition;
  if (kind === 'pairs') {
    const pair: UserProperty = [reader.repeatedString('User Property name'), reader.repeatedString('User Property value')]; // [MQTT-1.5.7-1]
    append(properties, name, pair);
    return;
  }
  if (kind === 'identifiers') {
    append(properties, name, readIdentifier(reader));
    return;
  }
  if (properties[name] !== undefined) throw protocolError(`${name} stands twice`);
  properties[name] = readValue(reader, definition);
}

function append(properties: Properties, name: string, value: unknown): void {
  const values = properties[name] as unknown[] | undefined;
  if (values === undefined) properties[name] = [value];
  else values.push(value);
}

function readValue(reader: Reader, { name, kind }: PropertyDefinition): unknown {
  switch (kind) {
    case 'bit':
      return readBit(reader, name);
    case 'flag':
      return readBit(reader, name) === 1;
    case 'uint16':
      return reader.uint16(name);
    case 'uint32':
      return reader.uint32(name);
    case 'positiveUint16':
      return positive(reader.uint16(name), name);
    case 'positiveUint32':
      return positive(reader.uint32(name), name);
    case 'identifier':
      return readIdentifier(reader);
    case 'string':
      return reader.repeatedString(name);
    case 'topicName':
      return topicName(reader.repeatedString(name), name);
    case 'binary':
      return reader.binary(name);
    case 'identifiers':
    case 'pairs':
      throw new Error(`${name} is repeatable`);
  }
}

function readBit(reader: Reader, name: string): 0 | 1 {
  const value = reader.byte(name);
  if (value > 1) throw protocolError(`${name} is neither 0 nor 1`);
  return value as 0 | 1;
}

function positive(value: number, name: string): number {
  if (value > 0) return value;
  if (name === 'topicAlias') throw new ProtocolError(ReasonCode.topicAliasInvalid, 'topicAlias is 0'); // [MQTT-3.3.2-8]
  throw protocolError(`${name} is 0`);
}

function readIdentifier(reader: Reader): number {
  return positive(reader.variableByteInteger('Subscription Identifier'), 'Subscription Identifier');
}

/** A Response Topic is a topic name [MQTT-3.3.2-14]. */
function topicName(text: string, name: string): string {
  const problem = checkTopicNameCharacters(text);
  if (problem !== undefined) throw malformed(`${name} ${problem}`);
  return text;
}
