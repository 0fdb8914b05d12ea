import { describe, expect, test } from 'vitest';
import { type CheckOptions, checkHistory, HistoryRecorder, Refused, type WillOfHistory } from '../../src/index.js';

/** A history written by hand, a second between its events. */
class Script {
  private seconds = 0;
  readonly recorder: HistoryRecorder = new HistoryRecorder(() => 1000 * ++this.seconds);
  private readonly connections = new Map<string, number>();
  private packetIds = 0;

  connect(client: string, options: { present?: boolean; keeps?: boolean; clean?: boolean; will?: WillOfHistory } = {}): this {
    const connection = this.recorder.nextConnection();
    const { will, keeps: keepsSession = true, clean: cleanStart = false } = options;
    const operation = this.recorder.invoke({ call: 'connect', client, connection, cleanStart, keepsSession, ...(will ? { will } : {}) });
    this.recorder.complete(operation, 'ok', { sessionPresent: options.present ?? false });
    this.connections.set(client, connection);
    return this;
  }

  end(client: string, how: 'disconnected' | 'cut' | 'closed' | 'unknown' = 'cut'): this {
    this.recorder.note({ note: 'ended', client, connection: this.connections.get(client)!, how });
    return this;
  }

  subscribe(client: string, filter: string, qos: number = 2): this {
    const connection = this.connections.get(client)!;
    this.recorder.complete(this.recorder.invoke({ call: 'subscribe', client, connection, filter, qos, wantsRetained: true }), 'ok', {
      qos,
    });
    return this;
  }

  unsubscribe(client: string, filter: string): this {
    const connection = this.connections.get(client)!;
    this.recorder.complete(this.recorder.invoke({ call: 'unsubscribe', client, connection, filter }), 'ok');
    return this;
  }

  publish(message: string, outcome: 'ok' | 'fail' | 'info' = 'ok', qos: number = 2): this {
    this.recorder.complete(this.begin(message, qos), outcome);
    return this;
  }

  begin(message: string, qos: number = 2): number {
    return this.recorder.invoke({ call: 'publish', client: 'p', connection: 0, message, topic: 't', qos, retain: false, deletes: false });
  }

  got(client: string, message: string, qos: number = 2, more: { dup?: boolean; packetId?: number; topic?: string } = {}): this {
    const { dup = false, packetId = ++this.packetIds, topic = 't' } = more;
    const connection = this.connections.get(client)!;
    this.recorder.note({ note: 'received', client, connection, message, topic, qos, dup, retain: false, packetId });
    return this;
  }

  wait(seconds: number): this {
    this.seconds += seconds;
    return this;
  }

  rules(options?: CheckOptions): string[] {
    this.recorder.note({ note: 'quiesced' });
    return checkHistory(this.recorder.events, options).violations.map(({ rule }) => rule);
  }
}

const subscribed = () => new Script().connect('s').subscribe('s', 't');

describe('what is lost', () => {
  test('is acknowledged and never came', () => expect(subscribed().publish('a').rules()).toEqual(['lost']));
  test('is not what nobody knows the outcome of', () => expect(subscribed().publish('a', 'info').rules()).toEqual([]));
  test('is not what was refused', () => expect(subscribed().publish('a', 'fail').rules()).toEqual([]));
  test('is not QoS 0', () => expect(subscribed().publish('a', 'ok', 0).rules()).toEqual([]));
  test('may come all the same', () => expect(subscribed().publish('a', 'info').got('s', 'a').rules()).toEqual([]));
  test('is not what was published before SUBACK, or after UNSUBSCRIBE', () => {
    expect(new Script().connect('s').publish('a').subscribe('s', 't').rules()).toEqual([]);
    expect(subscribed().unsubscribe('s', 't').publish('a').rules()).toEqual([]);
    expect(subscribed().unsubscribe('s', 't').publish('a').got('s', 'a').rules()).toEqual(['unasked']);
  });
  test('is not what an ended session had', () => {
    expect(subscribed().publish('a').end('s').connect('s', { clean: true }).rules()).toEqual([]);
    expect(new Script().connect('s', { keeps: false }).subscribe('s', 't').publish('a').end('s').rules()).toEqual([]);
  });
  test('is not known of a session whose client stays away', () => expect(subscribed().publish('a').end('s').rules()).toEqual([]));
  test('has to come after a reconnect', () => {
    const back = () => subscribed().end('s').publish('a').connect('s', { present: true });
    expect(back().rules()).toEqual(['lost']);
    expect(back().got('s', 'a').rules()).toEqual([]);
  });
  test('is excused by as many drops as the broker counted, of that client or of anybody', () => {
    const script = subscribed().connect('u').subscribe('u', 't').publish('a').publish('b').got('u', 'a');
    script.recorder.note({ note: 'dropped', client: 's', count: 1 });
    script.recorder.note({ note: 'dropped', count: 1 });
    script.recorder.note({ note: 'quiesced' });
    const { violations, excused } = checkHistory(script.recorder.events);
    expect([violations.length, excused]).toEqual([1, 2]);
  });
  test('is not excused by a will that the broker refused', () => {
    const script = subscribed().publish('a');
    script.recorder.note({ note: 'dropped', rule: 'willMissing', count: 1 });
    expect(script.rules()).toEqual(['lost']);
  });
  test('is what a broker in memory forgets in a crash only if it may', () => {
    const script = subscribed().publish('a');
    script.recorder.note({ note: 'crashed' });
    script.end('s', 'closed').connect('s');
    expect(script.rules({ afterCrash: 'everything' })).toEqual([]);
    expect(checkHistory(script.recorder.events).violations.map(({ rule }) => rule)).toEqual(['sessionLost']);
  });
});

describe('what comes again', () => {
  test('is a second message if its publisher sent QoS 1 twice, and not if it sent QoS 2 twice', () => {
    for (const [qos, rules] of [
      [1, []],
      [2, ['duplicated']],
    ] as const) {
      const script = subscribed();
      const operation = script.begin('a', qos);
      script.recorder.note({ note: 'publishedAgain', operation });
      script.recorder.complete(operation, 'ok');
      expect(script.got('s', 'a', qos).got('s', 'a', qos).rules()).toEqual(rules);
    }
  });
  test('is right on the next connection with DUP, once', () => {
    const again = () => subscribed().publish('a', 'ok', 1).got('s', 'a', 1, { packetId: 7 }).end('s').connect('s', { present: true });
    expect(again().got('s', 'a', 1, { packetId: 7, dup: true }).rules()).toEqual([]);
    expect(again().got('s', 'a', 1, { packetId: 7 }).rules()).toEqual(['duplicated']);
    expect(again().got('s', 'a', 1, { packetId: 8, dup: true }).rules()).toEqual(['duplicated']);
    expect(again().got('s', 'a', 1, { packetId: 7, dup: true }).got('s', 'a', 1, { packetId: 7, dup: true }).rules()).toEqual([
      'duplicated',
    ]);
  });
  test('is not allowed to stand for another message before its PUBREL', () => {
    const script = subscribed().publish('a').publish('b').got('s', 'a', 2, { packetId: 7 }).got('s', 'b', 2, { packetId: 7 });
    expect(script.rules()).toContain('duplicated');
  });
  test('is right for each of two subscriptions that overlap, and no third time', () => {
    const both = () => subscribed().subscribe('s', '#').publish('a').got('s', 'a').got('s', 'a');
    expect(both().rules()).toEqual([]);
    expect(both().got('s', 'a').rules()).toEqual(['duplicated']);
  });
});

describe('groups', () => {
  const pair = () => new Script().connect('m').connect('n').subscribe('m', '$share/g/t').subscribe('n', '$share/g/t');
  test('lose nothing', () => expect(pair().publish('a').rules()).toEqual(['lost']));
  test('may lose what a member takes along that does not come back', () => expect(pair().end('m').publish('a').rules()).toEqual([]));
  test('give QoS 1 on when a connection ends, QoS 2 never', () => {
    expect(pair().publish('a', 'ok', 1).got('m', 'a', 1).end('m').got('n', 'a', 1).rules()).toEqual([]);
    expect(pair().publish('a', 'ok', 1).got('m', 'a', 1).got('n', 'a', 1).rules()).toEqual(['sharedTwice']);
    // Granted QoS 1 to the one, QoS 2 to the other.
    expect(pair().publish('a').got('m', 'a', 1).end('m').got('n', 'a').rules()).toEqual([]);
    expect(pair().publish('a').got('m', 'a').end('m').got('n', 'a').rules()).toEqual(['sharedTwice']);
  });
  test('may have two messages of QoS 1 that was published twice, each of them given on and sent again', () => {
    const twice = () => {
      const script = pair().connect('o').subscribe('o', '$share/g/t');
      const operation = script.begin('a', 1);
      script.recorder.note({ note: 'publishedAgain', operation });
      script.recorder.complete(operation, 'ok');
      script.got('m', 'a', 1, { packetId: 1 }).got('n', 'a', 1, { packetId: 2 }).end('n');
      script.recorder.note({ note: 'crashed' });
      // Given on by `n`, which left before the crash; `m` was there until then.
      script.got('o', 'a', 1, { packetId: 3 });
      for (const member of ['m', 'o']) script.end(member, 'closed').connect(member, { present: true });
      return script.got('m', 'a', 1, { packetId: 1, dup: true }).got('o', 'a', 1, { packetId: 3, dup: true });
    };
    expect(twice().rules()).toEqual([]);
    expect(twice().connect('n', { present: true }).got('n', 'a', 1, { packetId: 4 }).rules()).toEqual(['sharedTwice']);
  });
  test('choose nobody who is away while another member is there', () => {
    const chosen = () => pair().end('m').wait(5).publish('a').connect('m', { present: true }).got('m', 'a');
    expect(chosen().rules()).toEqual(['sharedToAbsent']);
    expect(pair().end('m').end('n').publish('a').connect('m', { present: true }).got('m', 'a').rules()).toEqual([]);
  });
  test('may give to who has come back what a third member had and left behind', () => {
    const three = () => pair().connect('o').subscribe('o', '$share/g/t').end('m').wait(5);
    const back = (script: Script) => script.connect('m', { present: true }).got('m', 'a', 1);
    expect(back(three().publish('a', 'ok', 1).end('o')).rules()).toEqual([]);
    expect(back(three().end('o').wait(5).publish('a', 'ok', 1)).rules()).toEqual(['sharedToAbsent']);
    expect(back(three().publish('a', 'ok', 1)).rules()).toEqual(['sharedToAbsent']);
  });
  test('cannot be judged beside a plain subscription of a member', () => {
    expect(() => pair().subscribe('m', 't').publish('a').got('m', 'a').rules()).toThrow('cannot tell apart');
  });
});

describe('wills', () => {
  const topic = 'w';
  const will = (delaySeconds: number) => ({ message: 'the will', topic, qos: 1, retain: false, delaySeconds });
  const watched = (delaySeconds: number) =>
    new Script()
      .connect('s')
      .subscribe('s', topic)
      .connect('c', { will: will(delaySeconds) });
  const got = (script: Script) => script.got('s', 'the will', 1, { topic });
  test('are due when a connection breaks', () => {
    expect(watched(0).end('c').rules()).toEqual(['willMissing']);
    expect(got(watched(0).end('c')).rules()).toEqual([]);
  });
  test('are open when nobody knows whether DISCONNECT was read', () => {
    expect(watched(0).end('c', 'unknown').rules()).toEqual([]);
    expect(got(watched(0).end('c', 'unknown')).rules()).toEqual([]);
  });
  test('never come before the connection has ended, or the delay has passed', () => {
    expect(got(watched(0)).end('c').rules()).toEqual(['willWrong']);
    expect(got(watched(60).end('c')).wait(100).rules()).toEqual(['willWrong']);
    expect(got(watched(60).end('c').wait(60)).wait(100).rules()).toEqual([]);
  });
  test('are cancelled by a reconnect before the delay, not by one after it', () => {
    expect(watched(60).end('c').connect('c', { present: true }).wait(100).rules()).toEqual([]);
    expect(got(watched(60).end('c').connect('c', { present: true }).wait(100)).rules()).toEqual(['willWrong']);
    expect(watched(60).end('c').wait(100).connect('c', { present: true }).rules()).toEqual(['willMissing']);
  });
  test('may be missing if the broker counted that it refused or dropped them, and what it refused is looked at first', () => {
    const both = () => watched(0).subscribe('s', 't').publish('a').end('c');
    expect(both().rules()).toEqual(['lost', 'willMissing']);
    for (const [rule, count, left] of [
      ['willMissing', 1, ['lost']],
      ['willMissing', 2, ['lost']],
      [undefined, 1, ['willMissing']],
      [undefined, 2, []],
    ] as const) {
      for (const client of ['s', undefined]) {
        const script = both();
        script.recorder.note({ note: 'dropped', count, ...(rule && { rule }), ...(client && { client }) });
        expect(script.rules(), `${rule} of ${client}, ${count} times`).toEqual(left);
      }
    }
    const counted = both();
    counted.recorder.note({ note: 'dropped', count: 1 });
    counted.recorder.note({ note: 'dropped', rule: 'willMissing', count: 1 });
    expect(counted.rules()).toEqual([]);
  });
  test('are due at once when a clean start ends the session', () => {
    expect(got(watched(60).end('c').connect('c', { clean: true })).rules()).toEqual([]);
    expect(watched(60).end('c').connect('c', { clean: true }).rules()).toEqual(['willMissing']);
  });
});

describe('the recorder', () => {
  test('tells yes, no and unknown from what a call does', async () => {
    const recorder = new HistoryRecorder();
    const call = { call: 'ping', client: 'c', connection: recorder.nextConnection() } as const;
    await recorder.record(call, () => Promise.resolve());
    await recorder.record(call, () => Promise.reject(new Refused('not authorized')));
    await recorder.record(call, () => Promise.reject(new Error('the connection is gone')));
    expect(recorder.events.map(({ type }) => type)).toEqual(['invoke', 'ok', 'invoke', 'fail', 'invoke', 'info']);
  });
  test('names every message once', () => {
    const recorder = new HistoryRecorder();
    expect([recorder.nextMessage('c', 't'), recorder.nextMessage('c', 't'), recorder.nextMessage('d', 't')]).toEqual([
      'c t 1',
      'c t 2',
      'd t 1',
    ]);
  });
});

test.each(['dropped', 'refused'] as const)('a message that was %s and sent again may come late, if the broker counted that', (note) => {
  const late = () => {
    const script = subscribed();
    const operation = script.begin('a', 1);
    script.recorder.note({ note: 'publishedAgain', operation });
    script.recorder.complete(operation, 'ok');
    return script.publish('b', 'ok', 1).got('s', 'b', 1).got('s', 'a', 1);
  };
  expect(late().rules()).toEqual(['reordered']);
  const counted = late();
  counted.recorder.note({ note, count: 1 });
  expect(counted.rules()).toEqual([]);
  const other = late();
  other.recorder.note({ note: 'dropped', rule: 'willMissing', count: 1 });
  expect(other.rules()).toEqual(['reordered']);
});

test('a message that was published before the subscription, and again after it, may come late', () => {
  const script = new Script().connect('s');
  const operation = script.begin('a', 1);
  script.subscribe('s', 't').publish('b', 'ok', 1).got('s', 'b', 1);
  script.recorder.note({ note: 'publishedAgain', operation });
  script.recorder.complete(operation, 'ok');
  expect(script.got('s', 'a', 1).rules()).toEqual([]);
});

test('a session that nobody ended has to be there', () => {
  expect(subscribed().end('s').connect('s').rules()).toEqual(['sessionLost']);
  expect(subscribed().end('s').connect('s', { clean: true }).rules()).toEqual([]);
  expect(subscribed().end('s').connect('s', { clean: true, present: true }).rules()).toEqual(['sessionKept']);
});
