import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CheckOptions, checkHistory, type HistoryEvent, type ReceivedNote, type Rule } from '../../src/index.js';
import { Model, steps } from './good-history.js';

type Events = readonly HistoryEvent[];

/** Somewhere in the history, and what becomes of it. */
interface Mutation {
  readonly rule: Rule;
  readonly candidates: (events: Events) => number[];
  readonly mutate: (events: Events, at: number) => Events;
  /** Of what is rare, more histories are tried. */
  readonly histories?: number;
}

function received(events: Events, at: number): ReceivedNote | undefined {
  const event = events[at];
  return event.type === 'note' && event.note.note === 'received' ? event.note : undefined;
}

function places(events: Events, wanted: (note: ReceivedNote, at: number) => boolean): number[] {
  return [...events.keys()].filter((at) => {
    const note = received(events, at);
    return note !== undefined && wanted(note, at);
  });
}

const without = (events: Events, at: number): Events => events.toSpliced(at, 1);
const insert = (events: Events, at: number, ...more: Events): Events => events.toSpliced(at, 0, ...more);
const noteAt = (events: Events, at: number, note: ReceivedNote): HistoryEvent => ({ type: 'note', time: events[at].time, note });

/** The message was acknowledged, at its publisher's call. */
function isAcknowledged(events: Events, message: string | undefined): boolean {
  const begun = events.find((event) => event.type === 'invoke' && event.call.call === 'publish' && event.call.message === message);
  if (begun === undefined || begun.type !== 'invoke') return false;
  return events.some((event) => event.type === 'ok' && event.operation === begun.operation);
}

/** The client's session lives on to the end, and it got no other copy: without this one, the message is lost. */
function isOnlyCopy(events: Events, at: number): boolean {
  const note = received(events, at)!;
  if (places(events, ({ client, message }) => client === note.client && message === note.message).length > 1) return false;
  const connects = events
    .slice(at)
    .filter((event) => event.type === 'invoke' && event.call.call === 'connect' && event.call.client === note.client);
  const last = events
    .slice(0, at)
    .findLast((event) => event.type === 'invoke' && event.call.call === 'connect' && event.call.client === note.client);
  return [last, ...connects].every(
    (event) =>
      event?.type === 'invoke' && event.call.call === 'connect' && event.call.keepsSession && (event === last || !event.call.cleanStart),
  );
}

const isPlain = ({ client, retain, qos, message, topic }: ReceivedNote) =>
  message !== undefined && !retain && qos > 0 && topic.startsWith('data/') && ['c0', 'c1', 'c2'].includes(client);
const isMember = ({ client, message }: ReceivedNote) => message !== undefined && ['c3', 'c4'].includes(client);
const isWill = ({ client, topic }: ReceivedNote) => client === 'watcher' && topic.startsWith('will/');

/** The next first delivery of the same stream to the same client, whose message was published with the same QoS. */
function nextOfStream(events: Events, at: number): number | undefined {
  const note = received(events, at)!;
  const [publisher] = note.message!.split(' ');
  const isLater = (other: ReceivedNote, place: number) =>
    place > at &&
    isPlain(other) &&
    other.client === note.client &&
    other.topic === note.topic &&
    other.message!.split(' ')[0] === publisher;
  const [next] = places(events, isLater);
  if (next === undefined || qosOf(events, next) !== qosOf(events, at)) return undefined;
  return isFirst(events, at) && isFirst(events, next) ? next : undefined;
}

function qosOf(events: Events, at: number): number | undefined {
  const { message } = received(events, at)!;
  const begun = events.find((event) => event.type === 'invoke' && event.call.call === 'publish' && event.call.message === message);
  return begun?.type === 'invoke' && begun.call.call === 'publish' ? begun.call.qos : undefined;
}

function isFirst(events: Events, at: number): boolean {
  const note = received(events, at)!;
  return places(events, ({ client, message }) => client === note.client && message === note.message).length === 1;
}

/** Copies of acknowledged messages without which they are lost. */
const needed = (events: Events) =>
  places(events, (note, at) => isPlain(note) && isAcknowledged(events, note.message) && isOnlyCopy(events, at));

const mutations: Readonly<Record<string, Mutation>> = {
  'a delivery is lost': {
    rule: 'lost',
    candidates: needed,
    mutate: without,
  },
  'a delivery is lost, and the broker counted a will that it refused': {
    rule: 'lost',
    candidates: needed,
    mutate: (events, at) =>
      events.with(at, { type: 'note', time: events[at].time, note: { note: 'dropped', rule: 'willMissing', count: 1 } }),
  },
  'a QoS 2 message comes again under a new identifier': {
    rule: 'duplicated',
    candidates: (events) => places(events, (note) => isPlain(note) && note.qos === 2),
    mutate: (events, at) => insert(events, at + 1, noteAt(events, at, { ...received(events, at)!, packetId: 60_000, dup: false })),
  },
  'a QoS 2 message comes again after its PUBREL': {
    rule: 'duplicated',
    candidates: (events) => places(events, (note) => isPlain(note) && note.qos === 2),
    mutate: (events, at) => {
      const note = received(events, at)!;
      const { client, connection, packetId = 0 } = note;
      const released: HistoryEvent = { type: 'note', time: events[at].time, note: { note: 'released', client, connection, packetId } };
      return insert(events, at + 1, released, noteAt(events, at, { ...note, dup: true }));
    },
  },
  'a QoS 1 message comes again on the same connection': {
    rule: 'duplicated',
    candidates: (events) => places(events, (note) => isPlain(note) && note.qos === 1),
    mutate: (events, at) => insert(events, at + 1, noteAt(events, at, { ...received(events, at)!, dup: true })),
  },
  'two messages of a stream change places': {
    rule: 'reordered',
    candidates: (events) => places(events, (note, at) => isPlain(note) && nextOfStream(events, at) !== undefined),
    mutate: (events, at) => {
      const next = nextOfStream(events, at)!;
      const [first, second] = [received(events, at)!, received(events, next)!];
      // The second message cannot come before it was published; so the first one comes late instead.
      return insert(without(events, at), next, noteAt(events, next, { ...first, connection: second.connection }));
    },
  },
  'a client is served on a connection after another one took its place': {
    rule: 'twoOwners',
    candidates: (events) => [...events.keys()].filter((at) => takenOver(events, at) !== undefined),
    mutate: (events, at) => {
      const { client, connection } = takenOver(events, at)!;
      const [time, operation] = [events[at].time, 1_000_000];
      return insert(
        events,
        at + 1,
        { type: 'invoke', operation, call: { call: 'ping', client, connection }, time },
        { type: 'ok', operation, result: {}, time },
      );
    },
  },
  'two nodes own a client': {
    rule: 'twoOwners',
    candidates: (events) => [...events.keys()],
    mutate: (events, at) =>
      insert(
        events,
        at,
        { type: 'note', time: events[at].time, note: { note: 'owned', client: 'c0', owner: 'a', epoch: 1 } },
        { type: 'note', time: events[at].time, note: { note: 'owned', client: 'c0', owner: 'b', epoch: 2 } },
        { type: 'note', time: events[at].time, note: { note: 'disowned', client: 'c0', owner: 'a' } },
      ),
  },
  'a retained message is older than what was written': {
    rule: 'retainedStale',
    candidates: (events) => places(events, (note, at) => note.client === 'late' && older(events, at) !== undefined),
    mutate: (events, at) => events.with(at, noteAt(events, at, { ...received(events, at)!, message: older(events, at)! })),
  },
  'a retained message is missing': {
    rule: 'retainedMissing',
    candidates: (events) =>
      places(events, (note) => note.client === 'late' && isAcknowledged(events, note.message) && !hasDoubtfulDeletion(events, note)),
    mutate: without,
  },
  'a retained message comes back after it was removed': {
    rule: 'retainedStale',
    candidates: (events) => {
      const at = events.findLastIndex((event) => event.type === 'note' && event.note.note === 'quiesced');
      return removed(events) === undefined ? [] : [at];
    },
    mutate: (events, at) => {
      const connection = events.flatMap((event) =>
        event.type === 'invoke' && event.call.call === 'connect' ? [event.call.connection] : [],
      );
      const { message, topic } = removed(events)!;
      const note: ReceivedNote = {
        note: 'received',
        client: 'late',
        connection: Math.max(...connection),
        message,
        topic,
        qos: 0,
        dup: false,
        retain: true,
      };
      return insert(events, at, noteAt(events, at, note));
    },
  },
  'a will is missing': {
    rule: 'willMissing',
    candidates: (events) => places(events, (note, at) => isWill(note) && isFirst(events, at)),
    mutate: without,
  },
  'a will comes twice': {
    rule: 'willTwice',
    candidates: (events) => places(events, isWill),
    mutate: (events, at) => insert(events, at + 1, noteAt(events, at, { ...received(events, at)!, packetId: 60_000 })),
  },
  'a will comes though it was dropped by DISCONNECT': {
    rule: 'willWrong',
    candidates: (events) => [...events.keys()].filter((at) => droppedWill(events, at) !== undefined),
    mutate: (events, at) => {
      const { message, topic } = droppedWill(events, at)!;
      const connection = events
        .slice(0, at)
        .flatMap((event) =>
          event.type === 'invoke' && event.call.call === 'connect' && event.call.client === 'watcher' ? [event.call.connection] : [],
        )
        .at(-1)!;
      const note: ReceivedNote = {
        note: 'received',
        client: 'watcher',
        connection,
        message,
        topic,
        qos: 1,
        dup: false,
        retain: false,
        packetId: 60_000,
      };
      return insert(events, at + 1, noteAt(events, at, note));
    },
  },
  'two members of a group get one message': {
    rule: 'sharedTwice',
    candidates: (events) => places(events, (note, at) => isMember(note) && otherMember(events, at) !== undefined),
    mutate: (events, at) => {
      const connection = otherMember(events, at)!;
      const note = received(events, at)!;
      return insert(
        events,
        at + 1,
        noteAt(events, at, { ...note, client: note.client === 'c3' ? 'c4' : 'c3', connection, packetId: 60_000 }),
      );
    },
  },
  'a member that comes back gets what another one was there for': {
    rule: 'sharedToAbsent',
    histories: 1500,
    candidates: (events) => [...events.keys()].filter((at) => takenByOther(events, at) !== undefined),
    mutate: (events, at) => {
      const { client, connection, place } = takenByOther(events, at)!;
      const note: ReceivedNote = { ...received(events, place)!, client, connection, packetId: 60_000 };
      return without(insert(events, at + 1, noteAt(events, at, note)), place);
    },
  },
  'a session is said to be gone': {
    rule: 'sessionLost',
    candidates: (events) => [...events.keys()].filter((at) => events[at].type === 'ok' && events[at].result.sessionPresent === true),
    mutate: (events, at) => events.with(at, { ...(events[at] as HistoryEvent & { type: 'ok' }), result: { sessionPresent: false } }),
  },
  'a session is said to be there': {
    rule: 'sessionKept',
    candidates: (events) => [...events.keys()].filter((at) => events[at].type === 'ok' && events[at].result.sessionPresent === false),
    mutate: (events, at) => events.with(at, { ...(events[at] as HistoryEvent & { type: 'ok' }), result: { sessionPresent: true } }),
  },
  'a message comes that nobody published': {
    rule: 'invented',
    candidates: (events) => places(events, isPlain),
    mutate: (events, at) => events.with(at, noteAt(events, at, { ...received(events, at)!, message: 'x data/0 1' })),
  },
  'a message comes under another topic': {
    rule: 'invented',
    candidates: (events) => places(events, isPlain),
    mutate: (events, at) => events.with(at, noteAt(events, at, { ...received(events, at)!, topic: 'data/x' })),
  },
};

/** Place of a CONNACK that took over, by the old connection. */
function takenOver(events: Events, at: number): { client: string; connection: number } | undefined {
  const event = events[at];
  if (event.type !== 'ok') return undefined;
  const begun = events.findIndex((one) => one.type === 'invoke' && one.operation === event.operation);
  const call = events[begun].type === 'invoke' ? events[begun].call : undefined;
  const ended = events[begun + 1];
  if (call?.call !== 'connect' || ended.type !== 'note' || ended.note.note !== 'ended' || ended.note.client !== call.client)
    return undefined;
  return { client: call.client, connection: ended.note.connection };
}

/** A retained message of the same publisher that an acknowledged one with the same QoS replaced for certain before the newcomer asked. */
function older(events: Events, at: number): string | undefined {
  const note = received(events, at)!;
  const [publisher] = (note.message ?? '').split(' ');
  if (!note.retain || !isAcknowledged(events, note.message) || qosOf(events, at) === 0) return undefined;
  const published = events.findIndex(
    (event) => event.type === 'invoke' && event.call.call === 'publish' && event.call.message === note.message,
  );
  for (const event of events.slice(0, published)) {
    if (event.type !== 'invoke' || event.call.call !== 'publish' || event.call.message === note.message) continue;
    const { call } = event;
    if (call.retain && !call.deletes && call.topic === note.topic && call.client === publisher && call.qos === qosOf(events, at))
      return call.message;
  }
  return undefined;
}

function publishes(events: Events) {
  return events.flatMap((event) => (event.type === 'invoke' && event.call.call === 'publish' ? [event.call] : []));
}

/** A deletion that nobody knows the outcome of can have come last. */
function hasDoubtfulDeletion(events: Events, { topic, message }: ReceivedNote): boolean {
  const sure = publishes(events).find((call) => call.message === message)!;
  return (
    sure.qos === 0 ||
    publishes(events).some((call) => call.topic === topic && call.deletes && (call.qos === 0 || !isAcknowledged(events, call.message)))
  );
}

/** A retained message that its own publisher removed for certain, with nothing behind it. */
function removed(events: Events): { message: string; topic: string } | undefined {
  for (const topic of ['data/0', 'data/1']) {
    const all = publishes(events).filter((call) => call.retain && call.topic === topic);
    const last = all.findLast((call) => call.deletes && call.qos > 0 && isAcknowledged(events, call.message));
    const first = all.find((call) => !call.deletes && last !== undefined && call.client === last.client && call.qos === last.qos);
    if (last !== undefined && first !== undefined && all.indexOf(first) < all.indexOf(last)) return first;
  }
  return undefined;
}

function droppedWill(events: Events, at: number): { message: string; topic: string } | undefined {
  const event = events[at];
  if (event.type !== 'note' || event.note.note !== 'ended' || event.note.how !== 'disconnected') return undefined;
  const { connection } = event.note;
  const begun = events.find((one) => one.type === 'invoke' && one.call.call === 'connect' && one.call.connection === connection);
  return begun?.type === 'invoke' && begun.call.call === 'connect' ? begun.call.will : undefined;
}

/** The connection of the other member, if it has one and is subscribed. */
function otherMember(events: Events, at: number): number | undefined {
  return subscribedConnection(events.slice(0, at), received(events, at)!.client === 'c3' ? 'c4' : 'c3');
}

/** The last connection of the client, if it has subscribed there. */
function subscribedConnection(events: Events, client: string): number | undefined {
  const connection = events
    .flatMap((event) =>
      event.type === 'invoke' && event.call.call === 'connect' && event.call.client === client ? [event.call.connection] : [],
    )
    .at(-1);
  const isSubscribed = events.some(
    (event) => event.type === 'invoke' && event.call.call === 'subscribe' && event.call.connection === connection,
  );
  return connection !== undefined && isSubscribed ? connection : undefined;
}

/**
 * Place of a CONNACK by which a member came back to its session, whose connection was known to have ended when the other member got a message that
 * was just published, and stayed.
 */
function takenByOther(events: Events, at: number): { client: string; connection: number; place: number } | undefined {
  const event = events[at];
  if (event.type !== 'ok' || event.result.sessionPresent !== true) return undefined;
  const begun = events.find((one) => one.type === 'invoke' && one.operation === event.operation);
  if (begun?.type !== 'invoke' || begun.call.call !== 'connect' || !['c3', 'c4'].includes(begun.call.client)) return undefined;
  const { client, connection } = begun.call;
  const ends = events
    .slice(0, at)
    .flatMap((one, place) => (one.type === 'note' && one.note.note === 'ended' ? [{ time: one.time, place, ...one.note }] : []))
    .filter((end) => ['c3', 'c4'].includes(end.client));
  const last = ends.at(-1);
  if (last?.client !== client || subscribedConnection(events.slice(0, last.place), client) === undefined) return undefined;
  const [place] = places(events, (note, got) => {
    if (got < last.place || got > at || !isMember(note) || note.client === client || !isAcknowledged(events, note.message)) return false;
    const published = events.findIndex((one) => one.type === 'invoke' && one.call.call === 'publish' && one.call.message === note.message);
    const isNew = events.slice(published, got).every(({ type }) => type !== 'ok');
    // One that was cut may have seemed to be there for a second.
    return isNew && isFirst(events, got) && ends.every(({ how, time }) => how !== 'cut' || time + 1000 < events[published].time);
  });
  return place === undefined ? undefined : { client, connection, place };
}

describe('a broker without a fault', () => {
  const judged = { plain: 0, shared: 0, wills: 0, retained: 0 };

  test.each([
    ['nothing', 'eager'],
    ['PUBACKs', 'lazy'],
  ] as const)('that loses %s by a crash breaks nothing', (costs, afterCrash) => {
    fc.assert(
      fc.property(steps, (list) => {
        const judgement = checkHistory(Model.play(list, costs), { afterCrash });
        expect(judgement.violations).toEqual([]);
        for (const kind of ['plain', 'shared', 'wills', 'retained'] as const) judged[kind] += judgement.judged[kind];
      }),
      { numRuns: 400 },
    );
    for (const kind of ['plain', 'shared', 'wills', 'retained'] as const) expect(judged[kind], kind).toBeGreaterThan(50);
  });
});

describe('the checker notices that', () => {
  for (const [title, { rule, candidates, mutate, histories = 300 }] of Object.entries(mutations)) {
    test(title, () => {
      let applied = 0;
      fc.assert(
        fc.property(steps, fc.nat(), (list, pick) => {
          const events = Model.play(list);
          const found = candidates(events);
          if (found.length === 0) return;
          applied++;
          const rules = checkHistory(mutate(events, found[pick % found.length])).violations.map((violation) => violation.rule);
          expect(rules).toContain(rule);
        }),
        { numRuns: histories },
      );
      expect(applied).toBeGreaterThan(20);
    });
  }
});

test('QoS 1 that comes again after a crash is right where that is allowed, and nowhere else', () => {
  const options: CheckOptions[] = [{ afterCrash: 'lazy' }, { afterCrash: 'eager' }];
  const broken = [0, 0];
  for (const list of fc.sample(steps, { numRuns: 200, seed: 1 })) {
    const events = Model.play(list, 'PUBACKs');
    for (const [index, option] of options.entries()) if (checkHistory(events, option).violations.length > 0) broken[index]++;
  }
  expect(broken[0]).toBe(0);
  expect(broken[1]).toBeGreaterThan(20);
});
