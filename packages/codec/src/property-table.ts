/** The lists of properties of MQTT 5.0; acknowledgements, SUBACK and UNSUBACK have the same one. One bit each. */
export const PropertyList = {
  connect: 0x001,
  will: 0x002,
  connack: 0x004,
  publish: 0x008,
  acknowledgement: 0x010,
  subscribe: 0x020,
  unsubscribe: 0x040,
  disconnect: 0x080,
  auth: 0x100,
} as const;
export type PropertyList = (typeof PropertyList)[keyof typeof PropertyList];

/**
 * How a value is written and what it may be. `bit` is a byte 0 or 1 that stays a number, `flag` one that is a boolean; `positive…` forbids 0;
 * `identifiers` is a variable byte integer that may be repeated, `pairs` a string pair that may be repeated.
 */
export type PropertyKind =
  | 'bit'
  | 'flag'
  | 'uint16'
  | 'positiveUint16'
  | 'uint32'
  | 'positiveUint32'
  | 'identifier'
  | 'identifiers'
  | 'string'
  | 'topicName'
  | 'binary'
  | 'pairs';

export interface PropertyDefinition {
  readonly identifier: number;
  /** The field of the packet's `properties`. */
  readonly name: string;
  readonly kind: PropertyKind;
  /** Where it may stand: a union of `PropertyList`. */
  readonly lists: number;
}

const { connect, will, connack, publish, acknowledgement, subscribe, unsubscribe, disconnect, auth } = PropertyList;
const reasoned = connack | acknowledgement | disconnect | auth;
const everywhere = connect | will | publish | subscribe | unsubscribe | reasoned;

/** Section 2.2.2.2, in the order of the identifiers, which is also the order in which they are written. */
export const propertyDefinitions: readonly PropertyDefinition[] = [
  { identifier: 0x01, name: 'payloadFormatIndicator', kind: 'bit', lists: publish | will },
  { identifier: 0x02, name: 'messageExpiryInterval', kind: 'uint32', lists: publish | will },
  { identifier: 0x03, name: 'contentType', kind: 'string', lists: publish | will },
  { identifier: 0x08, name: 'responseTopic', kind: 'topicName', lists: publish | will },
  { identifier: 0x09, name: 'correlationData', kind: 'binary', lists: publish | will },
  { identifier: 0x0b, name: 'subscriptionIdentifiers', kind: 'identifiers', lists: publish },
  { identifier: 0x0b, name: 'subscriptionIdentifier', kind: 'identifier', lists: subscribe },
  { identifier: 0x11, name: 'sessionExpiryInterval', kind: 'uint32', lists: connect | connack | disconnect },
  { identifier: 0x12, name: 'assignedClientIdentifier', kind: 'string', lists: connack },
  { identifier: 0x13, name: 'serverKeepAlive', kind: 'uint16', lists: connack },
  { identifier: 0x15, name: 'authenticationMethod', kind: 'string', lists: connect | connack | auth },
  { identifier: 0x16, name: 'authenticationData', kind: 'binary', lists: connect | connack | auth },
  { identifier: 0x17, name: 'requestProblemInformation', kind: 'flag', lists: connect },
  { identifier: 0x18, name: 'willDelayInterval', kind: 'uint32', lists: will },
  { identifier: 0x19, name: 'requestResponseInformation', kind: 'flag', lists: connect },
  { identifier: 0x1a, name: 'responseInformation', kind: 'string', lists: connack },
  { identifier: 0x1c, name: 'serverReference', kind: 'string', lists: connack | disconnect },
  { identifier: 0x1f, name: 'reasonString', kind: 'string', lists: reasoned },
  { identifier: 0x21, name: 'receiveMaximum', kind: 'positiveUint16', lists: connect | connack },
  { identifier: 0x22, name: 'topicAliasMaximum', kind: 'uint16', lists: connect | connack },
  { identifier: 0x23, name: 'topicAlias', kind: 'positiveUint16', lists: publish },
  { identifier: 0x24, name: 'maximumQos', kind: 'bit', lists: connack },
  { identifier: 0x25, name: 'retainAvailable', kind: 'flag', lists: connack },
  { identifier: 0x26, name: 'userProperties', kind: 'pairs', lists: everywhere },
  { identifier: 0x27, name: 'maximumPacketSize', kind: 'positiveUint32', lists: connect | connack },
  { identifier: 0x28, name: 'wildcardSubscriptionAvailable', kind: 'flag', lists: connack },
  { identifier: 0x29, name: 'subscriptionIdentifiersAvailable', kind: 'flag', lists: connack },
  { identifier: 0x2a, name: 'sharedSubscriptionAvailable', kind: 'flag', lists: connack },
];

const definitionsByList = new Map<PropertyList, readonly PropertyDefinition[]>(
  Object.values(PropertyList).map((list) => [list, propertyDefinitions.filter((definition) => (definition.lists & list) !== 0)]),
);

/** What may stand in a list, in the order of the identifiers. */
export function definitionsOf(list: PropertyList): readonly PropertyDefinition[] {
  return definitionsByList.get(list)!;
}
