import { type AcknowledgementProperties, encodedLength } from '@si-mqtt/codec';
import { describe, expect, it } from 'vitest';
import { type AnswerPacket, type AnswerPolicy, type AnswerSettings, type AnswerTerms, answerTerms, completeAnswer } from '../src/index.js';
import { Harness } from './session-harness.js';

const talkative: AnswerPolicy = {
  propertiesFor: () => ({ reasonString: 'because it is so', userProperties: [['node', 'seven']] }),
};
const all = (policy?: AnswerPolicy): AnswerSettings => ({ explainsRefusals: true, policy });
const terms: AnswerTerms = { clientId: 'c', maximumPacketSize: 1000, requestProblemInformation: true };

const packets: readonly (readonly [string, AnswerPacket])[] = [
  ['3.2.2-19] [MQTT-3.2.2-20', { type: 'connack', sessionPresent: false, reasonCode: 0, properties: { receiveMaximum: 7 } }],
  ['3.4.2-2] [MQTT-3.4.2-3', { type: 'puback', packetId: 1, reasonCode: 0 }],
  ['3.5.2-2] [MQTT-3.5.2-3', { type: 'pubrec', packetId: 1, reasonCode: 0x10 }],
  ['3.6.2-2] [MQTT-3.6.2-3', { type: 'pubrel', packetId: 1, reasonCode: 0 }],
  ['3.7.2-2] [MQTT-3.7.2-3', { type: 'pubcomp', packetId: 1, reasonCode: 0 }],
  ['3.9.2-1] [MQTT-3.9.2-2', { type: 'suback', packetId: 1, reasonCodes: [0, 1, 0x87] }],
  ['3.11.2-1] [MQTT-3.11.2-2', { type: 'unsuback', packetId: 1, reasonCodes: [0x11] }],
  ['3.14.2-3] [MQTT-3.14.2-4', { type: 'disconnect', reasonCode: 0x8b }],
  ['3.15.2-2] [MQTT-3.15.2-3', { type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'm' } }],
];

describe('what is attached', () => {
  for (const [ids, packet] of packets) {
    it(`[MQTT-${ids}] stays within Maximum Packet Size: ${packet.type}`, () => {
      const sizeOf = (properties: AcknowledgementProperties) =>
        encodedLength({ ...packet, properties: { ...packet.properties, ...properties } }, 5);
      const attached = talkative.propertiesFor(packet, 'c')!;
      const { reasonString, userProperties } = attached;
      const at = (maximumPacketSize: number) => completeAnswer(packet, { ...terms, maximumPacketSize }, all(talkative));
      const whole = sizeOf(attached);
      expect(at(whole)).toEqual({ ...packet, properties: { ...packet.properties, ...attached } });
      expect(at(whole - 1)).toEqual({ ...packet, properties: { ...packet.properties, reasonString } });
      const alone = sizeOf({ reasonString });
      // The User Property is the shorter one.
      expect(at(alone - 1)).toEqual({ ...packet, properties: { ...packet.properties, userProperties } });
      const bare = sizeOf({});
      expect(at(bare)).toEqual({ ...packet, properties: { ...packet.properties } });
      expect(at(bare - 1)).toBeUndefined();
    });

    it(`[MQTT-3.1.2-29] is left out without Request Problem Information, unless the packet ends something: ${packet.type}`, () => {
      const answer = completeAnswer(packet, { ...terms, requestProblemInformation: false }, all(talkative));
      const expected = packet.type === 'connack' || packet.type === 'disconnect' ? talkative.propertiesFor(packet, 'c') : {};
      expect(answer).toEqual({ ...packet, properties: { ...packet.properties, ...expected } });
    });
  }

  it('is asked for with the packet and its client', () => {
    const asked: unknown[] = [];
    const policy: AnswerPolicy = { propertiesFor: (packet, clientId) => void asked.push(packet, clientId) };
    completeAnswer({ type: 'puback', packetId: 1, reasonCode: 0x87 }, terms, all(policy));
    const properties = { reasonString: 'publishing to this topic is not allowed' };
    expect(asked).toEqual([{ type: 'puback', packetId: 1, reasonCode: 0x87, properties }, 'c']);
  });

  it('replaces one property and leaves the others', () => {
    const properties: AcknowledgementProperties = { reasonString: 'own', userProperties: [['a', 'b']] };
    const packet: AnswerPacket = { type: 'disconnect', reasonCode: 0x8b, properties };
    const policy: AnswerPolicy = { propertiesFor: () => ({ reasonString: 'other' }) };
    expect(completeAnswer(packet, terms, all(policy))).toEqual({ ...packet, properties: { ...properties, reasonString: 'other' } });
  });
});

describe('without a policy', () => {
  it.each<[AnswerPacket, string | undefined]>([
    [{ type: 'puback', packetId: 1, reasonCode: 0 }, undefined],
    [{ type: 'puback', packetId: 1, reasonCode: 0x10 }, undefined],
    [{ type: 'puback', packetId: 1, reasonCode: 0x87 }, 'publishing to this topic is not allowed'],
    [{ type: 'pubrec', packetId: 1, reasonCode: 0x97 }, 'no subscriber had room for the message, or it could not be retained'],
    [{ type: 'pubrel', packetId: 1, reasonCode: 0 }, undefined],
    [{ type: 'pubcomp', packetId: 1, reasonCode: 0x92 }, 'no exchange with this packet identifier is open'],
    [{ type: 'suback', packetId: 1, reasonCodes: [0, 1, 2] }, undefined],
    [
      { type: 'suback', packetId: 1, reasonCodes: [0x87, 0, 0x9e, 0x87] },
      'subscribing to this topic filter is not allowed; shared subscriptions are not available',
    ],
    [{ type: 'unsuback', packetId: 1, reasonCodes: [0x11] }, undefined],
    [{ type: 'disconnect', reasonCode: 0x8e, properties: { reasonString: 'own' } }, 'own'],
    [{ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'm' } }, undefined],
  ])('%j says: %s', (packet, reasonString) => {
    expect(completeAnswer(packet, terms, all())?.properties?.reasonString).toBe(reasonString);
  });
});

describe('where refusals are not to be explained', () => {
  const packet: AnswerPacket = {
    type: 'connack',
    sessionPresent: false,
    reasonCode: 0x87,
    properties: { reasonString: 'own', serverKeepAlive: 7 },
  };
  const silent = { explainsRefusals: false, policy: undefined };

  it('no Reason String is left, and none is added', () => {
    expect(completeAnswer(packet, terms, silent)).toEqual({ ...packet, properties: { serverKeepAlive: 7 } });
    const refusal: AnswerPacket = { type: 'puback', packetId: 1, reasonCode: 0x87 };
    expect(completeAnswer(refusal, terms, silent)).toBe(refusal);
  });

  it('a policy may', () => {
    const policy: AnswerPolicy = { propertiesFor: () => ({ reasonString: 'because' }) };
    const properties = { serverKeepAlive: 7, reasonString: 'because' };
    expect(completeAnswer(packet, terms, { ...silent, policy })).toEqual({ ...packet, properties });
  });
});

it('reads what the client wants from its CONNECT', () => {
  const harness = new Harness();
  expect(answerTerms(harness.connectPacket({ clientId: 'c' }))).toEqual({
    clientId: 'c',
    maximumPacketSize: 268_435_460,
    requestProblemInformation: true,
  });
  const properties = { maximumPacketSize: 20, requestProblemInformation: false };
  expect(answerTerms(harness.connectPacket({ clientId: 'c', properties }))).toEqual({ clientId: 'c', ...properties });
});
