import * as fc from 'fast-check';
import { isWellFormedString } from '../../src/index.js';
import { type Packet, type QoS } from '../../src/mqtt-packet/index.js';

type Fields = Record<string, unknown>;

/** A packet and the version of the connection that it is sent on. */
export interface Sent {
  packet: Packet;
  protocolVersion: 3 | 4 | 5;
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter(isWellFormedString);
const filledText = text.filter((value) => value !== '');
const topic = filledText.filter((value) => !/[+#]/.test(value));
const topicFilter = fc
  .tuple(
    fc.array(
      fc.oneof(
        topic.map((value) => value.replaceAll('/', '')),
        fc.constant('+'),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    fc.boolean(),
  )
  .map(([levels, deep]) => [...levels, ...(deep ? ['#'] : [])].join('/'))
  .filter((value) => value !== '' && !value.startsWith('$share'));
const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
const uint16 = fc.integer({ min: 0, max: 0xffff });
const positiveUint16 = fc.integer({ min: 1, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const positiveUint32 = fc.integer({ min: 1, max: 0xffff_ffff });
const identifier = fc.integer({ min: 1, max: 268_435_455 });
const qos: fc.Arbitrary<QoS> = fc.constantFrom(0, 1, 2);
const messageId = positiveUint16;
// mqtt-packet loses the empty first value of a repeated name, and generates nothing at all for an empty object: neither can be compared.
const userProperties = fc.dictionary(text, fc.oneof(text, fc.array(filledText, { minLength: 1, maxLength: 3 })), {
  minKeys: 1,
  maxKeys: 3,
  noNullPrototype: true,
});

/** Some of these properties. */
function some(model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Fields> {
  return fc.record(model, { requiredKeys: [] });
}

const reasons = { reasonString: text, userProperties };
const messageProperties = {
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: topic,
  correlationData: bytes,
  userProperties,
};
const connectionProperties = {
  sessionExpiryInterval: uint32,
  receiveMaximum: positiveUint16,
  maximumPacketSize: positiveUint32,
  topicAliasMaximum: uint16,
  userProperties,
};

/** Data belongs to a method (section 3.1.2.11.10). */
function authenticated(properties: fc.Arbitrary<Fields>): fc.Arbitrary<Fields> {
  return fc
    .tuple(properties, fc.option(fc.tuple(text, fc.option(bytes, { nil: undefined })), { nil: undefined }))
    .map(([others, method]) => {
      if (method === undefined) return others;
      const [authenticationMethod, authenticationData] = method;
      return { ...others, authenticationMethod, ...(authenticationData && { authenticationData }) };
    });
}

const properties: Record<string, fc.Arbitrary<Fields>> = {
  connect: authenticated(
    some({ ...connectionProperties, requestResponseInformation: fc.boolean(), requestProblemInformation: fc.boolean() }),
  ),
  connack: authenticated(
    some({
      ...connectionProperties,
      ...reasons,
      maximumQoS: fc.constantFrom(0, 1),
      retainAvailable: fc.boolean(),
      assignedClientIdentifier: text,
      wildcardSubscriptionAvailable: fc.boolean(),
      subscriptionIdentifiersAvailable: fc.boolean(),
      sharedSubscriptionAvailable: fc.boolean(),
      serverKeepAlive: uint16,
      responseInformation: text,
      serverReference: text,
    }),
  ),
  publish: some({
    ...messageProperties,
    topicAlias: positiveUint16,
    subscriptionIdentifier: fc.oneof(identifier, fc.array(identifier, { minLength: 2, maxLength: 4 })),
  }),
  subscribe: some({ subscriptionIdentifier: identifier, userProperties }),
  unsubscribe: some({ userProperties }),
  disconnect: fc.oneof(some({ ...reasons, sessionExpiryInterval: uint32 }), some({ ...reasons, serverReference: text })),
  auth: fc
    .tuple(some({ ...reasons, authenticationData: bytes }), text)
    .map(([others, authenticationMethod]) => ({ ...others, authenticationMethod })),
};
const acknowledgementProperties = some(reasons);

const publish = fc
  .record({ topic, payload: fc.oneof(bytes, text), qos, retain: fc.boolean(), messageId, repeated: fc.boolean() })
  .map(({ messageId: id, repeated, ...fields }) => ({
    ...fields,
    dup: fields.qos > 0 && repeated,
    ...(fields.qos > 0 && { messageId: id }),
  }));

const will = fc.record({ topic, payload: bytes, qos, retain: fc.boolean() });
const connect = fc
  .record({
    clientId: filledText,
    clean: fc.boolean(),
    keepalive: uint16,
    will: fc.option(will, { nil: undefined }),
    username: fc.option(text, { nil: undefined }),
    password: fc.option(bytes, { nil: undefined }),
  })
  .map((fields) => (fields.username === undefined ? { ...fields, password: undefined } : fields));

const published = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const released = [0x00, 0x92];
const granted5 = [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2];
const unsubscribed = [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91];

function codes(values: readonly number[]): fc.Arbitrary<number[]> {
  return fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 5 });
}

/** Bodies of the packets, without `cmd` and without properties. */
function bodies(protocolVersion: 3 | 4 | 5): Record<string, fc.Arbitrary<Fields>> {
  const is5 = protocolVersion === 5;
  const acknowledgement = (values: readonly number[]): fc.Arbitrary<Fields> =>
    is5 ? fc.record({ messageId, reasonCode: fc.constantFrom(...values) }) : fc.record({ messageId });
  const options = is5 ? { nl: fc.boolean(), rap: fc.boolean(), rh: fc.constantFrom(0, 1, 2) } : {};
  return {
    connect: connect.map((fields) => ({ ...fields, protocolId: protocolVersion === 3 ? 'MQIsdp' : 'MQTT', protocolVersion })),
    connack: is5
      ? fc.record({ sessionPresent: fc.boolean(), reasonCode: fc.constantFrom(0, 0x80, 0x87, 0x9f) }).map(withoutSessionWhenRefused)
      : fc.record({ sessionPresent: fc.boolean(), returnCode: fc.constantFrom(0, 1, 2, 3, 4, 5) }).map(withoutSessionWhenRefused),
    publish,
    puback: acknowledgement(published),
    pubrec: acknowledgement(published),
    pubrel: acknowledgement(released),
    pubcomp: acknowledgement(released),
    subscribe: fc.record({
      messageId,
      subscriptions: fc.array(fc.record({ topic: topicFilter, qos, ...options }), { minLength: 1, maxLength: 4 }),
    }),
    suback: fc.record({ messageId, granted: codes(is5 ? granted5 : protocolVersion === 4 ? [0, 1, 2, 0x80] : [0, 1, 2]) }),
    unsubscribe: fc.record({ messageId, unsubscriptions: fc.array(topicFilter, { minLength: 1, maxLength: 4 }) }),
    unsuback: is5 ? fc.record({ messageId, granted: codes(unsubscribed) }) : fc.record({ messageId }),
    pingreq: fc.constant({}),
    pingresp: fc.constant({}),
    disconnect: is5 ? fc.record({ reasonCode: fc.constantFrom(0, 0x81, 0x82, 0x98) }) : fc.constant({}),
    ...(is5 && { auth: fc.record({ reasonCode: fc.constantFrom(0, 0x18, 0x19) }) }),
  };
}

function withoutSessionWhenRefused(fields: { sessionPresent: boolean; returnCode?: number; reasonCode?: number }): Fields {
  // [MQTT-3.2.2-6]; 3.1 has no such flag, and its parsers differ in whether they look at it.
  return { ...fields, sessionPresent: fields.sessionPresent && !(fields.returnCode || fields.reasonCode) };
}

function packets(protocolVersion: 3 | 4 | 5): fc.Arbitrary<Sent>[] {
  return Object.entries(bodies(protocolVersion)).map(([cmd, body]) => {
    const hasProperties = protocolVersion === 5 && cmd !== 'pingreq' && cmd !== 'pingresp';
    const list = hasProperties ? (properties[cmd] ?? acknowledgementProperties) : fc.constant(undefined);
    const withProperties = cmd === 'auth' ? list : fc.option(list, { nil: undefined });
    return fc.tuple(body, withProperties, some(messageProperties)).map(([fields, itsProperties, willProperties]) => {
      const packet: Fields = { cmd, ...fields };
      if (itsProperties !== undefined) packet['properties'] = itsProperties;
      if (cmd === 'connect' && protocolVersion === 5 && packet['will'] !== undefined) {
        packet['will'] = { ...(packet['will'] as object), properties: { willDelayInterval: 7, ...willProperties } };
      }
      if (protocolVersion === 3 && cmd === 'connack') packet['sessionPresent'] = false;
      return { packet: packet as unknown as Packet, protocolVersion };
    });
  });
}

/** Valid packets of every type and version, in the shape that `generate` takes. */
export const sent: fc.Arbitrary<Sent> = fc.oneof(...packets(3), ...packets(4), ...packets(5));
