import { describe, expect, it } from 'vitest';
import { Harness } from './session-harness.js';

const payload = new Uint8Array([1]);

describe('publications of a client', () => {
  it('[MQTT-3.3.4-1] are answered by their QoS', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open();
    harness.receive(session, { topicName: 't', payload, qos: 0, packetId: 0 });
    expect(output.take()).toEqual([]);
    harness.receive(session, { topicName: 't', payload, qos: 1, packetId: 5 });
    expect(output.take()).toMatchObject([{ type: 'puback', packetId: 5, reasonCode: 0 }]);
    harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 6 });
    expect(output.take()).toMatchObject([{ type: 'pubrec', packetId: 6, reasonCode: 0 }]);
    expect(harness.published.map(({ qos }) => qos)).toEqual([0, 1, 2]);
  });

  it('[MQTT-4.3.3-10] [MQTT-4.3.3-12] of QoS 2 count once until PUBREL, also over a reconnect', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
    harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 6 });
    harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 6, dup: true });
    expect(output.take()).toMatchObject([{ type: 'pubrec' }, { type: 'pubrec' }]);
    session.detach('lost');
    const again = harness.attach(session, { cleanStart: false });
    harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 6, dup: true });
    expect(harness.published).toHaveLength(1);
    session.inbound.receivePubrel(6);
    session.inbound.receivePubrel(6);
    expect(again.take()).toMatchObject([{ type: 'pubrec' }, { type: 'pubcomp', reasonCode: 0 }, { type: 'pubcomp', reasonCode: 0x92 }]);
    harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 6 });
    expect(harness.published).toHaveLength(2);
  });

  it('[MQTT-4.3.3-9] that were refused with PUBREC can be tried again under their identifier', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open();
    harness.answer = 0x97;
    harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 6 });
    harness.answer = 0;
    harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 6 });
    expect(output.take()).toMatchObject([{ reasonCode: 0x97 }, { reasonCode: 0 }]);
    expect(harness.published).toHaveLength(2);
  });

  it('of 3.1.1 are acknowledged even when they are refused', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ protocolVersion: 4 });
    harness.answer = 0x87;
    harness.receive(session, { topicName: 't', payload, qos: 1, packetId: 6 });
    harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 7 });
    session.inbound.receivePubrel(7);
    expect(output.take().map(({ type }) => type)).toEqual(['puback', 'pubrec', 'pubcomp']);
  });

  it('[MQTT-3.3.4-7] beyond the Receive Maximum end the connection with 0x93; 3.1.1 has none', async () => {
    const harness = new Harness({ limits: { receiveMaximum: 2 } });
    const { session } = await harness.open();
    const publish = (packetId: number) => harness.receive(session, { topicName: 't', payload, qos: 2, packetId });
    publish(1);
    publish(2);
    expect(() => publish(3)).toThrow(expect.objectContaining({ reasonCode: 0x93 }));
    const { session: old } = await harness.open({ protocolVersion: 4, clientId: 'old' });
    for (let packetId = 1; packetId <= 1000; packetId++) harness.receive(old, { topicName: 't', payload, qos: 2, packetId });
    expect(harness.published).toHaveLength(1002);
  });

  it('are acknowledged in their order, however late the outcomes come', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open();
    harness.answer = -1;
    harness.receive(session, { topicName: 't', payload, qos: 1, packetId: 1 });
    harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 2 });
    harness.answer = 0x10;
    harness.receive(session, { topicName: 't', payload, qos: 1, packetId: 3 });
    harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 2, dup: true });
    expect(output.take()).toEqual([]);
    session.inbound.published(2, 0);
    expect(output.take()).toEqual([]);
    session.inbound.published(1, 0x97);
    expect(output.take()).toMatchObject([
      { type: 'puback', packetId: 1, reasonCode: 0x97 },
      { type: 'pubrec', packetId: 2, reasonCode: 0 },
      { type: 'puback', packetId: 3, reasonCode: 0x10 },
    ]);
    expect(harness.published).toHaveLength(3);
  });

  it('[MQTT-3.3.2-12] [MQTT-3.3.2-9] resolve topic aliases from 1 to the maximum', async () => {
    const harness = new Harness({ limits: { topicAliasMaximumIn: 2 } });
    const { session } = await harness.open();
    const publish = (topicName: string, topicAlias: number) =>
      harness.receive(session, { topicName, payload, qos: 0, packetId: 0, properties: { topicAlias } });
    publish('first', 1);
    publish('second', 2);
    publish('', 1);
    publish('third', 1);
    publish('', 1);
    expect(harness.published.map(({ topicName }) => topicName)).toEqual(['first', 'second', 'first', 'third', 'third']);
    expect(harness.published[0].properties?.topicAlias).toBeUndefined();
    expect(() => publish('x', 3)).toThrow(expect.objectContaining({ reasonCode: 0x94 }));
  });

  it('with an alias that was never set are a protocol error', async () => {
    const harness = new Harness();
    const { session } = await harness.open();
    expect(() => harness.receive(session, { topicName: '', payload, qos: 0, packetId: 0, properties: { topicAlias: 1 } })).toThrow(
      expect.objectContaining({ reasonCode: 0x82 }),
    );
  });

  it('[MQTT-3.2.2-11] [MQTT-3.2.2-14] beyond what the server announced end the connection', async () => {
    const harness = new Harness({ capabilities: { maximumQos: 1, retainAvailable: false } });
    const { session } = await harness.open();
    expect(() => harness.receive(session, { topicName: 't', payload, qos: 2, packetId: 1 })).toThrow(
      expect.objectContaining({ reasonCode: 0x9b }),
    );
    expect(() => harness.receive(session, { topicName: 't', payload, qos: 0, packetId: 0, retain: true })).toThrow(
      expect.objectContaining({ reasonCode: 0x9a }),
    );
  });

  it('get the expiry that the server allows at most', async () => {
    const harness = new Harness({ limits: { messageExpirySecondsMax: 60 } });
    const { session } = await harness.open();
    harness.receive(session, { topicName: 't', payload, qos: 0, packetId: 0 });
    harness.receive(session, { topicName: 't', payload, qos: 0, packetId: 0, properties: { messageExpiryInterval: 5 } });
    expect(harness.published.map(({ properties }) => properties?.messageExpiryInterval)).toEqual([60, 5]);
    const { session: subscriber, output } = await harness.open({ clientId: 's' });
    subscriber.deliver(harness.published[0], 0, false, undefined, undefined);
    expect(output.takePublishes()[0].properties).toEqual({ messageExpiryInterval: 60 });
  });
});
