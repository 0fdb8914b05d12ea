import { type Will } from '@si-mqtt/codec';
import { describe, expect, it } from 'vitest';
import { defaultSessionLimits, fullCapabilities, negotiate, willAction } from '../src/index.js';
import { Harness } from './session-harness.js';

const settings = {
  limits: defaultSessionLimits,
  capabilities: fullCapabilities,
  assignClientId: () => 'assigned',
  responseTopicPrefix: 'responses/%c',
};
const will: Will = { topicName: 'w', payload: new Uint8Array(), qos: 2, retain: true };

describe('negotiation', () => {
  it('announces what the server limits', () => {
    const { connackProperties } = new Harness().negotiate(new Harness().connectPacket());
    expect(connackProperties).toEqual({ maximumPacketSize: 1024 * 1024, receiveMaximum: 100, topicAliasMaximum: 16 });
  });

  it('[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] assigns a client identifier', () => {
    const negotiated = new Harness().negotiate(new Harness().connectPacket({ clientId: '' }));
    expect(negotiated.clientId).toBe('assigned');
    expect(negotiated.connackProperties?.assignedClientIdentifier).toBe('assigned');
  });

  it('[v3.1.1 MQTT-3.1.3-8] refuses an empty client identifier without Clean Session, and any in 3.1', () => {
    const harness = new Harness();
    expect(negotiate(harness.connectPacket({ clientId: '', protocolVersion: 4, cleanStart: false }), settings)).toMatchObject({
      refused: 0x85,
    });
    expect(negotiate(harness.connectPacket({ clientId: '', protocolVersion: 3 }), settings)).toMatchObject({ refused: 0x85 });
    expect(negotiate(harness.connectPacket({ clientId: '', protocolVersion: 4 }), settings)).toMatchObject({ clientId: 'assigned' });
  });

  it('[MQTT-3.2.2-12] [MQTT-3.2.2-13] refuses wills that it cannot keep', () => {
    const harness = new Harness();
    const connect = harness.connectPacket({ will });
    expect(negotiate(connect, { ...settings, capabilities: { ...fullCapabilities, maximumQos: 1 } })).toMatchObject({ refused: 0x9b });
    expect(negotiate(connect, { ...settings, capabilities: { ...fullCapabilities, retainAvailable: false } })).toMatchObject({
      refused: 0x9a,
    });
  });

  it('bounds the session expiry and says so', () => {
    const harness = new Harness({ limits: { sessionExpirySecondsMax: 1000 } });
    const forever = harness.negotiate(harness.connectPacket({ properties: { sessionExpiryInterval: 0xffff_ffff } }));
    expect(forever.sessionExpiryInterval).toBe(1000);
    expect(forever.connackProperties?.sessionExpiryInterval).toBe(1000);
    const short = harness.negotiate(harness.connectPacket({ properties: { sessionExpiryInterval: 9 } }));
    expect(short.connackProperties?.sessionExpiryInterval).toBeUndefined();
    expect(harness.negotiate(harness.connectPacket({ protocolVersion: 4, cleanStart: false })).sessionExpiryInterval).toBe(7 * 86_400);
    expect(harness.negotiate(harness.connectPacket({ protocolVersion: 4 })).sessionExpiryInterval).toBe(0);
  });

  it('[MQTT-3.2.2-22] keeps the keep alive of the client unless it is too long', () => {
    const harness = new Harness({ capabilities: { serverKeepAliveSecondsMax: 60 } });
    expect(harness.negotiate(harness.connectPacket({ keepAlive: 30 }))).toMatchObject({ keepAliveSeconds: 30 });
    for (const keepAlive of [0, 61]) {
      expect(harness.negotiate(harness.connectPacket({ keepAlive }))).toMatchObject({
        keepAliveSeconds: 60,
        connackProperties: { serverKeepAlive: 60 },
      });
    }
  });

  it('[MQTT-3.1.2-28] gives Response Information only when it is asked for', () => {
    const harness = new Harness();
    expect(harness.negotiate(harness.connectPacket()).connackProperties?.responseInformation).toBeUndefined();
    const asked = harness.negotiate(harness.connectPacket({ properties: { requestResponseInformation: true } }));
    expect(asked.connackProperties?.responseInformation).toBe('responses/c');
  });
});

describe('the will', () => {
  const delayed: Will = { ...will, properties: { willDelayInterval: 10 } };

  it('[MQTT-3.14.4-3] is dropped by a DISCONNECT 0x00', () => {
    expect(willAction(delayed, 'disconnected', 100, 0)).toEqual({ action: 'none' });
  });

  it('[MQTT-3.1.2-8] waits for its delay, at most as long as the session lasts', () => {
    expect(willAction(delayed, 'lost', 100, 1000)).toEqual({ action: 'delay', publishAt: 11_000 });
    expect(willAction(delayed, 'lost', 5, 1000)).toEqual({ action: 'delay', publishAt: 6000 });
    expect(willAction(delayed, 'lost', 0, 1000)).toEqual({ action: 'publish' });
  });

  it('[MQTT-3.1.3-9] with a delay is cancelled by a takeover that continues the session, not by one that ends it', () => {
    expect(willAction(delayed, 'takenOver', 100, 0)).toEqual({ action: 'none' });
    expect(willAction(delayed, 'replaced', 100, 0)).toEqual({ action: 'publish' });
    expect(willAction(will, 'takenOver', 100, 0)).toEqual({ action: 'publish' });
  });
});
