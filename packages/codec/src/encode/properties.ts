import { type UserProperty } from '../packets.js';
import { definitionsOf, type PropertyDefinition, type PropertyList } from '../property-table.js';
import { checkTopicName } from '../topic-syntax.js';
import { binaryLength, checkInteger, stringLength, variableByteIntegerLength, type Writer } from '../writer.js';

/** Bytes of the properties, without the Property Length. Refuses values that no property of the list can have. */
export function propertiesLength(properties: object | undefined, list: PropertyList): number {
  if (properties === undefined) return 0;
  let length = 0;
  for (const definition of definitionsOf(list)) {
    const value = (properties as Record<string, unknown>)[definition.name];
    if (value !== undefined) length += propertyLength(definition, value);
  }
  return length;
}

/** Bytes of a Property Length and what it counts. */
export function propertyListLength(properties: object | undefined, list: PropertyList): number {
  const length = propertiesLength(properties, list);
  return variableByteIntegerLength(length) + length;
}

function propertyLength({ name, kind }: PropertyDefinition, value: unknown): number {
  switch (kind) {
    case 'bit':
      checkInteger(value as number, 0, 1, name);
      return 2;
    case 'flag':
      if (typeof value !== 'boolean') throw new TypeError(`${name} is not a boolean`);
      return 2;
    case 'uint16':
      checkInteger(value as number, 0, 0xffff, name);
      return 3;
    case 'positiveUint16':
      checkInteger(value as number, 1, 0xffff, name);
      return 3;
    case 'uint32':
      checkInteger(value as number, 0, 0xffff_ffff, name);
      return 5;
    case 'positiveUint32':
      checkInteger(value as number, 1, 0xffff_ffff, name);
      return 5;
    case 'identifier':
      return identifierLength(value as number);
    case 'identifiers':
      return (value as readonly number[]).reduce((sum, identifier) => sum + identifierLength(identifier), 0);
    case 'topicName': {
      const problem = checkTopicName(value as string);
      if (problem !== undefined) throw new TypeError(`${name} ${problem}`); // [MQTT-3.3.2-14]
      return 1 + stringLength(value as string, name);
    }
    case 'string':
      return 1 + stringLength(value as string, name);
    case 'binary':
      return 1 + binaryLength(value as Uint8Array, name);
    case 'pairs':
      return (value as readonly UserProperty[]).reduce((sum, pair) => sum + pairLength(pair), 0);
  }
}

function identifierLength(identifier: number): number {
  return 1 + variableByteIntegerLength(checkInteger(identifier, 1, 268_435_455, 'Subscription Identifier'));
}

function pairLength([name, value]: UserProperty): number {
  return 1 + stringLength(name, 'User Property name') + stringLength(value, 'User Property value');
}

/** Writes Property Length and properties, which `propertiesLength` has measured and accepted. */
export function writeProperties(writer: Writer, properties: object | undefined, list: PropertyList, length: number): void {
  writer.variableByteInteger(length); // [MQTT-2.2.2-1]
  if (length === 0) return;
  for (const definition of definitionsOf(list)) {
    const value = (properties as Record<string, unknown>)[definition.name];
    if (value !== undefined) writeProperty(writer, definition, value);
  }
}

function writeProperty(writer: Writer, { identifier, kind }: PropertyDefinition, value: unknown): void {
  if (kind === 'pairs') {
    for (const [name, text] of value as readonly UserProperty[]) {
      writer.byte(identifier);
      writer.string(name);
      writer.string(text);
    }
    return;
  }
  if (kind === 'identifiers') {
    for (const number of value as readonly number[]) {
      writer.byte(identifier);
      writer.variableByteInteger(number);
    }
    return;
  }
  writer.byte(identifier);
  switch (kind) {
    case 'bit':
      return writer.byte(value as number);
    case 'flag':
      return writer.byte(value === true ? 1 : 0);
    case 'uint16':
    case 'positiveUint16':
      return writer.uint16(value as number);
    case 'uint32':
    case 'positiveUint32':
      return writer.uint32(value as number);
    case 'identifier':
      return writer.variableByteInteger(value as number);
    case 'string':
    case 'topicName':
      return writer.string(value as string);
    case 'binary':
      return writer.binary(value as Uint8Array);
  }
}
