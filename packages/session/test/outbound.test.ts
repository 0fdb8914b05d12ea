import { describe, expect, it } from 'vitest';
import { Harness, texts } from './session-harness.js';

const nothing = undefined;

describe('deliveries', () => {
  it('[MQTT-3.8.4-8] go at the lower of published and granted QoS', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open();
    for (const published of [0, 1, 2] as const) {
      for (const granted of [0, 1, 2] as const) session.deliver(harness.message({ qos: published }), granted, false, nothing, nothing);
    }
    expect(output.takePublishes().map(({ qos }) => qos)).toEqual([0, 0, 0, 0, 1, 1, 0, 1, 2]);
  });

  it('[MQTT-2.2.1-4] [MQTT-4.3.2-1] get packet identifiers that are free and not zero, over the whole range', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open();
    session.deliver(harness.message(), 1, false, nothing, nothing);
    const stuck = output.takePublishes()[0].packetId;
    const seen = new Set<number>();
    for (let i = 0; i < 65_534; i++) {
      session.deliver(harness.message(), 1, false, nothing, nothing);
      const [packet] = output.takePublishes();
      seen.add(packet.packetId);
      session.outbound.receivePuback(packet.packetId);
    }
    expect(seen.size).toBe(65_534);
    expect(seen.has(0)).toBe(false);
    session.deliver(harness.message(), 1, false, nothing, nothing);
    const next = output.takePublishes()[0].packetId;
    expect(next).not.toBe(stuck);
  });

  it('[MQTT-3.3.4-9] [MQTT-4.9.0-2] keep to the Receive Maximum of the client, and the rest follows in order', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ properties: { receiveMaximum: 2 } });
    for (const text of ['1', '2', '3', '4']) session.deliver(harness.message({ text }), 1, false, nothing, nothing);
    const first = output.takePublishes();
    expect(texts(first)).toEqual(['1', '2']);
    session.deliver(harness.message({ text: 'qos 0', qos: 0 }), 0, false, nothing, nothing);
    expect(texts(output.takePublishes())).toEqual(['qos 0']);
    session.outbound.receivePuback(first[0].packetId);
    expect(texts(output.takePublishes())).toEqual(['3']);
    session.outbound.receivePuback(first[1].packetId);
    expect(texts(output.takePublishes())).toEqual(['4']);
  });

  it('[MQTT-4.3.3-4] [MQTT-4.3.3-5] finish QoS 2 in four steps', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ properties: { receiveMaximum: 1 } });
    session.deliver(harness.message({ text: '1', qos: 2 }), 2, false, nothing, nothing);
    session.deliver(harness.message({ text: '2', qos: 2 }), 2, false, nothing, nothing);
    const [publish] = output.takePublishes();
    session.outbound.receivePubrec(publish.packetId, 0);
    expect(output.take()).toMatchObject([{ type: 'pubrel', packetId: publish.packetId, reasonCode: 0 }]);
    session.outbound.receivePubrec(publish.packetId, 0);
    expect(output.take()).toMatchObject([{ type: 'pubrel', packetId: publish.packetId, reasonCode: 0 }]);
    session.outbound.receivePubcomp(publish.packetId);
    expect(texts(output.takePublishes())).toEqual(['2']);
  });

  it('[MQTT-4.4.0-2] count a PUBREC from 0x80 on as the end', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
    session.deliver(harness.message({ qos: 2 }), 2, false, nothing, nothing);
    const [publish] = output.takePublishes();
    session.outbound.receivePubrec(publish.packetId, 0x97);
    expect(output.take()).toEqual([]);
    session.detach('lost');
    expect(harness.attach(session).take()).toEqual([]);
  });

  it('answer a PUBREC for an unknown identifier with PUBREL 0x92', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open();
    session.outbound.receivePubrec(77, 0);
    expect(output.take()).toMatchObject([{ type: 'pubrel', packetId: 77, reasonCode: 0x92 }]);
  });

  it('refuse a PUBACK for a QoS 2 delivery', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open();
    session.deliver(harness.message({ qos: 2 }), 2, false, nothing, nothing);
    const [publish] = output.takePublishes();
    expect(() => session.outbound.receivePuback(publish.packetId)).toThrow(expect.objectContaining({ reasonCode: 0x82 }));
  });
});

describe('a client that comes back', () => {
  it('[MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.6.0-1] gets what is unfinished again: PUBREL, then PUBLISH with DUP and the old identifiers, in order', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ cleanStart: false, properties: { sessionExpiryInterval: 100 } });
    for (const text of ['1', '2', '3']) session.deliver(harness.message({ text, qos: 2 }), 2, false, nothing, nothing);
    session.deliver(harness.message({ text: '4', qos: 1 }), 1, false, nothing, nothing);
    const sent = output.takePublishes();
    session.outbound.receivePubrec(sent[1].packetId, 0);
    session.detach('lost');
    session.deliver(harness.message({ text: 'while away' }), 1, false, nothing, nothing);
    const packets = harness.attach(session, { cleanStart: false, properties: { sessionExpiryInterval: 100 } }).take();
    expect(packets[0]).toMatchObject({ type: 'pubrel', packetId: sent[1].packetId });
    const publishes = packets
      .slice(1)
      .map((packet) => (packet.type === 'publish' ? [texts([packet])[0], packet.packetId, packet.dup] : packet));
    expect(publishes.slice(0, 3)).toEqual([
      ['1', sent[0].packetId, true],
      ['3', sent[2].packetId, true],
      ['4', sent[3].packetId, true],
    ]);
    expect(publishes[3]).toMatchObject(['while away', expect.any(Number), false]);
  });

  it('[MQTT-3.3.4-9] has its new, smaller Receive Maximum kept while unfinished deliveries are sent again', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
    for (const text of ['1', '2', '3']) session.deliver(harness.message({ text }), 1, false, nothing, nothing);
    const sent = output.takePublishes();
    session.detach('lost');
    const again = harness.attach(session, { cleanStart: false, properties: { receiveMaximum: 1, sessionExpiryInterval: 100 } });
    expect(texts(again.takePublishes())).toEqual(['1']);
    session.outbound.receivePuback(sent[0].packetId);
    expect(texts(again.takePublishes())).toEqual(['2']);
  });

  it('is not sent what it has acknowledged, though it had not been sent again yet', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
    for (const text of ['1', '2', '3']) session.deliver(harness.message({ text }), 1, false, nothing, nothing);
    const sent = output.takePublishes();
    session.detach('lost');
    const again = harness.attach(session, { cleanStart: false, properties: { receiveMaximum: 1 } });
    again.take();
    session.outbound.receivePuback(sent[1].packetId);
    session.outbound.receivePuback(sent[0].packetId);
    expect(texts(again.takePublishes())).toEqual(['3']);
  });

  it('[MQTT-3.3.4-9] gets no place for a new message by what it finishes of the connection before', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
    for (const text of ['a', 'b', 'c', 'd', 'e']) session.deliver(harness.message({ text, qos: 2 }), 2, false, nothing, nothing);
    const [a, b, c, d] = output.takePublishes().map(({ packetId }) => packetId);
    session.outbound.receivePubrec(a, 0);
    session.outbound.receivePubrec(b, 0);
    session.detach('lost');
    const again = harness.attach(session, { cleanStart: false, properties: { receiveMaximum: 1 } });
    // Two PUBRELs are owed, more than the client now takes messages.
    expect(again.take().map(({ type }) => type)).toEqual(['pubrel', 'pubrel']);
    session.outbound.receivePubcomp(a);
    expect(again.take()).toEqual([]);
    session.outbound.receivePubcomp(b);
    expect(texts(again.takePublishes())).toEqual(['c']);
    // Refused and finished, though it has not been sent again: c still has the only place.
    session.outbound.receivePubrec(d, 0x80);
    expect(again.take()).toEqual([]);
    session.outbound.receivePubrec(c, 0);
    expect(again.take().map(({ type }) => type)).toEqual(['pubrel']);
    session.outbound.receivePubcomp(c);
    expect(texts(again.takePublishes())).toEqual(['e']);
  });

  it('[MQTT-3.3.2-7] has no topic alias left', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ properties: { topicAliasMaximum: 1, sessionExpiryInterval: 9 } });
    session.deliver(harness.message({ qos: 0 }), 0, false, nothing, nothing);
    session.deliver(harness.message({ qos: 0 }), 0, false, nothing, nothing);
    session.deliver(harness.message({ qos: 0, topicName: 'other' }), 0, false, nothing, nothing);
    expect(output.takePublishes().map(({ topicName, properties }) => [topicName, properties?.topicAlias])).toEqual([
      ['t', 1],
      ['', 1],
      ['other', undefined],
    ]);
    session.detach('lost');
    const again = harness.attach(session, { cleanStart: false, properties: { topicAliasMaximum: 1 } });
    session.deliver(harness.message({ qos: 0, topicName: 'other' }), 0, false, nothing, nothing);
    expect(again.takePublishes().map(({ topicName, properties }) => [topicName, properties?.topicAlias])).toEqual([['other', 1]]);
  });
});

describe('what does not fit', () => {
  it('[MQTT-3.1.2-24] [MQTT-3.1.2-25] is dropped unsent when it is larger than the client takes, uses no quota and no alias, and is counted', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ properties: { maximumPacketSize: 40, receiveMaximum: 1, topicAliasMaximum: 1 } });
    expect(session.deliver(harness.message({ text: 'x'.repeat(100) }), 1, false, nothing, nothing)).toBe('dropped');
    expect(session.deliver(harness.message({ text: 'fits' }), 1, false, nothing, nothing)).toBe('taken');
    expect(output.takePublishes()).toMatchObject([{ topicName: 't', properties: { topicAlias: 1 } }]);
    expect(harness.drops.tooLarge).toBe(1);
  });

  it('is dropped at QoS 0 while the socket has not drained, and waits at QoS 1', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open();
    output.writable = false;
    expect(session.deliver(harness.message({ qos: 0 }), 0, false, nothing, nothing)).toBe('dropped');
    expect(session.deliver(harness.message({ text: 'waits' }), 1, false, nothing, nothing)).toBe('taken');
    expect(harness.drops.notDrained).toBe(1);
    output.writable = true;
    session.outbound.pump();
    expect(texts(output.takePublishes())).toEqual(['waits']);
  });

  it('is dropped at QoS 0 for a session that is offline, or queued if the configuration says so', async () => {
    for (const queueQos0Messages of [false, true]) {
      const harness = new Harness({ limits: { queueQos0Messages } });
      const { session } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
      session.detach('lost');
      session.deliver(harness.message({ qos: 0, text: 'away' }), 2, false, nothing, nothing);
      const again = harness.attach(session, { cleanStart: false });
      expect(texts(again.takePublishes())).toEqual(queueQos0Messages ? ['away'] : []);
      expect(harness.drops.offline).toBe(queueQos0Messages ? 0 : 1);
    }
  });

  it('meets the queue limits by the policy', async () => {
    for (const [queueOverflow, outcomes, left] of [
      ['rejectNewest', ['taken', 'taken', 'refused'], ['1', '2']],
      ['dropOldest', ['taken', 'taken', 'taken'], ['2', '3']],
      ['endSession', ['taken', 'taken', 'refused'], ['1', '2']],
    ] as const) {
      const harness = new Harness({ limits: { queueOverflow, queueMessagesMax: 2 } });
      const { session } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
      let overflows = 0;
      harness.surroundings.overflowed = () => overflows++;
      session.detach('lost');
      const got = ['1', '2', '3'].map((text) => session.deliver(harness.message({ text }), 1, false, nothing, nothing));
      expect(got).toEqual(outcomes);
      expect(harness.drops.queueFull).toBe(1);
      expect(overflows).toBe(queueOverflow === 'endSession' ? 1 : 0);
      expect(texts(harness.attach(session, { cleanStart: false }).takePublishes())).toEqual(left);
    }
  });

  it('is not queued while memory is short, and counted', async () => {
    const harness = new Harness();
    const { session } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
    session.detach('lost');
    harness.surroundings.isOverloaded = true;
    expect(session.deliver(harness.message(), 1, false, nothing, nothing)).toBe('refused');
    expect(harness.drops.overloaded).toBe(1);
    harness.surroundings.isOverloaded = false;
    expect(session.deliver(harness.message(), 1, false, nothing, nothing)).toBe('taken');
  });

  it('meets the queue limit in bytes, too', async () => {
    const harness = new Harness({ limits: { queueBytesMax: 1500 } });
    const { session } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
    session.detach('lost');
    const big = () => harness.message({ text: 'x'.repeat(1000) });
    expect([1, 2].map(() => session.deliver(big(), 1, false, nothing, nothing))).toEqual(['taken', 'refused']);
    session.outbound.queue.shift();
    expect(session.outbound.queue.bytes).toBe(0);
  });
});

describe('message expiry', () => {
  it('[MQTT-3.3.2-5] [MQTT-3.3.2-6] counts the time in the queue', async () => {
    const harness = new Harness();
    const { session } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
    session.detach('lost');
    session.deliver(harness.message({ text: 'short', properties: { messageExpiryInterval: 2 } }), 1, false, nothing, nothing);
    session.deliver(harness.message({ text: 'long', properties: { messageExpiryInterval: 10 } }), 1, false, nothing, nothing);
    harness.env.time += 3000;
    const got = harness.attach(session, { cleanStart: false }).takePublishes();
    expect(texts(got)).toEqual(['long']);
    expect(got[0].properties?.messageExpiryInterval).toBe(7);
    expect(harness.drops.expired).toBe(1);
  });

  it('[MQTT-4.3.3-7] never cuts an exchange that has begun', async () => {
    const harness = new Harness();
    const { session, output } = await harness.open({ properties: { sessionExpiryInterval: 100 } });
    session.deliver(harness.message({ qos: 2, properties: { messageExpiryInterval: 1 } }), 2, false, nothing, nothing);
    const [sent] = output.takePublishes();
    session.detach('lost');
    harness.env.time += 5000;
    const got = harness.attach(session, { cleanStart: false }).takePublishes();
    expect(got).toMatchObject([{ packetId: sent.packetId, dup: true }]);
  });
});

describe('one message in many layouts', () => {
  it('keeps its content for every version, QoS, identifier and alias', async () => {
    const harness = new Harness();
    const properties = {
      contentType: 'text',
      userProperties: [
        ['a', '1'],
        ['b', '2'],
        ['a', '3'],
      ] as const,
      correlationData: new Uint8Array([1, 2]),
    };
    const { session: publisher } = await harness.open({ clientId: 'p' });
    harness.receive(publisher, { topicName: 'topic/ä', payload: new TextEncoder().encode('payload'), qos: 1, packetId: 9, properties });
    const [message] = harness.published;
    for (const protocolVersion of [3, 4, 5] as const) {
      for (const qos of [0, 1] as const) {
        for (const identifiers of [undefined, [7, 300_000]]) {
          const { session, output } = await harness.open({ clientId: 's', protocolVersion });
          session.deliver(message, qos, true, identifiers, nothing);
          const [got] = output.takePublishes();
          expect(got).toMatchObject({ topicName: 'topic/ä', qos, retain: true, dup: false });
          expect(texts([got])).toEqual(['payload']);
          if (protocolVersion === 5)
            expect(got.properties).toEqual(
              identifiers === undefined ? properties : { ...properties, subscriptionIdentifiers: identifiers },
            );
          else expect(got.properties).toBeUndefined();
        }
      }
    }
  });

  it('is forwarded large or small with the bytes it came with', async () => {
    const harness = new Harness();
    const { session: publisher } = await harness.open({ clientId: 'p', protocolVersion: 4 });
    const { session, output } = await harness.open({ clientId: 's', protocolVersion: 4 });
    for (const length of [0, 10, 100_000]) {
      harness.published.length = 0;
      harness.receive(publisher, { topicName: 't', payload: new Uint8Array(length).fill(65), qos: 0, packetId: 0 });
      session.deliver(harness.published[0], 0, false, nothing, nothing);
      expect(output.takePublishes()[0].payload).toEqual(new Uint8Array(length).fill(65));
    }
  });

  it('outlives the chunk that it came in, in flight and in the queue, together with hundreds of others', async () => {
    const harness = new Harness({ limits: { inflightOutMax: 300 } });
    const { session: publisher } = await harness.open({ clientId: 'p', protocolVersion: 4 });
    const { session, output } = await harness.open({ clientId: 's', protocolVersion: 4, cleanStart: false });
    harness.target.publish = (message) => {
      session.deliver(message, 1, false, nothing, nothing);
      return 0;
    };
    const sent = Array.from({ length: 600 }, (_, index) => `message ${index} ${'.'.repeat(index * (index % 7))}`);
    for (const [index, text] of sent.entries())
      harness.receive(publisher, { topicName: 't', payload: new TextEncoder().encode(text), qos: 1, packetId: index + 1 });
    expect(texts(output.takePublishes())).toEqual(sent.slice(0, 300));
    session.detach('lost');
    const again = harness.attach(session, { clientId: 's', protocolVersion: 4, cleanStart: false });
    const resent = again.takePublishes();
    expect(texts(resent)).toEqual(sent.slice(0, 300));
    for (const { packetId } of resent) session.outbound.receivePuback(packetId);
    expect(texts(again.takePublishes())).toEqual(sent.slice(300));
  });
});
