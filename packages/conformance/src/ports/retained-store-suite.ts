import { type Message, type MessageContent, type RetainedStore } from '@si-mqtt/session';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** What a store under test brings along. */
export interface StoreUnderTest<Store> {
  readonly store: Store;
  /** Moves the store's wall clock. */
  readonly advance: (milliseconds: number) => void | Promise<void>;
  /** A message that is received now, by that clock. */
  readonly message: (content: Partial<MessageContent> & { readonly topicName: string }) => Message;
  readonly stop: () => Promise<void>;
}

export interface RetainedStoreSuiteOptions {
  readonly name: string;
  /** A new, empty store for every test. With `messagesMax` it must refuse more topics than that. */
  readonly start: (limits: { readonly messagesMax: number }) => Promise<StoreUnderTest<RetainedStore>>;
  readonly skip?: readonly { readonly title: string; readonly reason: string }[];
}

const messagesMax = 50;

/** What every RetainedStore has to do (packages/session/src/ports/retained-store.ts). */
export function retainedStoreSuite(options: RetainedStoreSuiteOptions): void {
  describe(options.name, () => {
    let under: StoreUnderTest<RetainedStore>;
    beforeEach(async () => {
      under = await options.start({ messagesMax });
    });
    afterEach(() => under.stop());

    for (const [title, run] of Object.entries(retainedTests)) {
      const skipped = options.skip?.find((entry) => entry.title === title);
      test(title, async (context) => {
        if (skipped !== undefined) context.skip(skipped.reason);
        await run(under);
      });
    }
  });
}

/** All payloads under a filter, read in pages. */
async function payloads({ store }: StoreUnderTest<RetainedStore>, topicFilter: string, limit: number = 3): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.match(topicFilter, after, limit);
    expect(page.messages.length).toBeLessThanOrEqual(limit);
    found.push(...page.messages.map(({ payload }) => new TextDecoder().decode(payload)));
    after = page.after;
  } while (after !== undefined);
  return found;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function put({ store, message }: StoreUnderTest<RetainedStore>, topicName: string, text: string = topicName) {
  return store.put(message({ topicName, payload: bytesOf(text), retain: true }));
}

const retainedTests: Readonly<Record<string, (under: StoreUnderTest<RetainedStore>) => Promise<void>>> = {
  'gives what was put, and the last of a topic only': async (under) => {
    const first = await put(under, 'a/b', 'first');
    const second = await put(under, 'a/b', 'second');
    expect([first.outcome, second.outcome]).toEqual(['stored', 'stored']);
    expect(first.outcome === 'stored' && second.outcome === 'stored' && second.version > first.version).toBe(true);
    expect(await payloads(under, 'a/b')).toEqual(['second']);
    expect(under.store.messages).toBe(1);
  },
  'keeps QoS, properties and publisher': async (under) => {
    const properties = { contentType: 'text', userProperties: [['k', 'v']] as const, correlationData: Uint8Array.of(0, 255) };
    await under.store.put(under.message({ topicName: 'a', payload: bytesOf('x'), retain: true, qos: 2, properties }));
    const [message] = (await under.store.match('a', undefined, 1)).messages;
    expect(message).toMatchObject({ topicName: 'a', qos: 2, retain: true, properties });
    expect(message.publisher).toEqual(under.message({ topicName: 'a' }).publisher);
  },
  'an empty payload deletes, known topic or not': async (under) => {
    await put(under, 'a');
    expect((await put(under, 'a', '')).outcome).toBe('deleted');
    expect((await put(under, 'never/there', '')).outcome).toBe('deleted');
    expect(await payloads(under, '#')).toEqual([]);
    expect([under.store.messages, under.store.bytes]).toEqual([0, 0]);
  },
  'puts of one topic take effect in the order of the calls': async (under) => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => put(under, 'a', `${n}`)));
    expect(await payloads(under, 'a')).toEqual(['19']);
    await Promise.all([put(under, 'a', 'x'), put(under, 'a', ''), put(under, 'b', ''), put(under, 'b', 'y')]);
    expect(await payloads(under, '#')).toEqual(['y']);
  },
  'versions of a topic grow with every change, its removal and its return included': async (under) => {
    const versions: bigint[] = [];
    for (const text of ['a', 'b', 'b', '', 'c']) {
      const changed = await put(under, 'a', text);
      versions.push(changed.outcome === 'full' ? 0n : changed.version);
    }
    expect(versions).toEqual([...versions].sort((one, other) => (one < other ? -1 : 1)));
    expect(new Set(versions).size).toBe(versions.length);
    expect(versions[0] > 0n).toBe(true);
  },
  'topics are told apart byte by byte': async (under) => {
    const topics = ['t', 'T', 't ', ' t', 'ä', 'a\u0308', 't/', '/t', 'x'.repeat(65_535)];
    for (const topic of topics) await put(under, topic, topic.slice(0, 10));
    expect(under.store.messages).toBe(topics.length);
    for (const topic of topics) expect(await payloads(under, topic), topic.slice(0, 10)).toEqual([topic.slice(0, 10)]);
  },
  'payloads are kept byte by byte, whatever their size': async (under) => {
    for (const size of [1, 127, 128, 65_536, 300_000]) {
      const payload = Uint8Array.from({ length: size }, (_, index) => (index * 31) % 256);
      await under.store.put(under.message({ topicName: `s/${size}`, payload, retain: true }));
      const [message] = (await under.store.match(`s/${size}`, undefined, 1)).messages;
      expect(Buffer.from(message.payload).equals(payload), `${size} bytes`).toBe(true);
    }
  },
  'putting the same message again changes nothing': async (under) => {
    const message = under.message({ topicName: 'a', payload: bytesOf('x'), retain: true });
    await under.store.put(message);
    const { messages, bytes } = under.store;
    await under.store.put(message);
    expect([under.store.messages, under.store.bytes]).toEqual([messages, bytes]);
    expect(await payloads(under, '#')).toEqual(['x']);
  },
  'matches filters as the specification says': async (under) => {
    const topics = ['a', 'a/', 'a/b', 'a/b/c', '/', '/a', 'b', 'a//b', '$SYS/a', '$SYS'];
    for (const topic of topics) await put(under, topic);
    const expected: Readonly<Record<string, readonly string[]>> = {
      '#': topics.filter((topic) => !topic.startsWith('$')),
      'a/#': ['a', 'a/', 'a/b', 'a/b/c', 'a//b'],
      '+': ['a', 'b'],
      '+/+': ['a/', 'a/b', '/', '/a'],
      'a/+': ['a/', 'a/b'],
      'a/+/b': ['a//b'],
      '+/b/#': ['a/b', 'a/b/c'],
      '/#': ['/', '/a'],
      '$SYS/#': ['$SYS/a', '$SYS'],
      '$SYS/+': ['$SYS/a'],
      '+/a': ['/a'],
      none: [],
    };
    for (const [filter, found] of Object.entries(expected))
      expect((await payloads(under, filter)).sort(), filter).toEqual([...found].sort());
  },
  'pages give every message exactly once': async (under) => {
    const topics = Array.from({ length: 40 }, (_, n) => `p/${n % 7}/${n}`);
    for (const topic of topics) await put(under, topic);
    for (const limit of [1, 7, 40, 100]) expect((await payloads(under, 'p/#', limit)).sort()).toEqual([...topics].sort());
  },
  'a walk survives changes: what stays comes once': async (under) => {
    const topics = Array.from({ length: 30 }, (_, n) => `w/${String(n).padStart(2, '0')}`);
    for (const topic of topics) await put(under, topic);
    const found: string[] = [];
    let after: string | undefined;
    let round = 0;
    do {
      const page = await under.store.match('w/#', after, 4);
      found.push(...page.messages.map(({ topicName }) => topicName));
      after = page.after;
      // The topic where the page ended goes, one far behind it goes, and a new one comes.
      if (page.messages.length > 0) await put(under, page.messages[page.messages.length - 1].topicName, '');
      await put(under, `w/new${round++}`);
      await put(under, 'w/29', '');
    } while (after !== undefined && round < 40);
    const stayed = topics.filter((topic) => topic !== 'w/29');
    expect(stayed.filter((topic) => found.filter((one) => one === topic).length !== 1)).toEqual([]);
  },
  'expired messages never come, others do': async (under) => {
    const expiring = { messageExpiryInterval: 10 };
    await under.store.put(under.message({ topicName: 'e/short', payload: bytesOf('short'), retain: true, properties: expiring }));
    await put(under, 'e/long', 'long');
    expect((await payloads(under, 'e/#')).sort()).toEqual(['long', 'short']);
    await under.advance(9_000);
    expect((await payloads(under, 'e/#')).length).toBe(2);
    await under.advance(1_001);
    expect(await payloads(under, 'e/#', 1)).toEqual(['long']);
  },
  'a full store refuses new topics, takes replacements and deletions': async (under) => {
    for (let n = 0; n < messagesMax; n++) expect((await put(under, `f/${n}`, 'x')).outcome).toBe('stored');
    expect(await put(under, 'f/more', 'x')).toEqual({ outcome: 'full' });
    expect((await put(under, 'f/0', 'y')).outcome).toBe('stored');
    expect((await put(under, 'f/1', '')).outcome).toBe('deleted');
    expect((await put(under, 'f/more', 'x')).outcome).toBe('stored');
    expect(under.store.messages).toBe(messagesMax);
  },
  'counts messages and bytes': async (under) => {
    await put(under, 'a', 'x');
    const one = under.store.bytes;
    await put(under, 'b', 'x');
    expect(under.store.messages).toBe(2);
    expect(under.store.bytes).toBe(2 * one);
    await put(under, 'b', 'x'.repeat(100));
    expect(under.store.bytes).toBeGreaterThanOrEqual(2 * one + 99);
    await put(under, 'b', '');
    expect([under.store.messages, under.store.bytes]).toEqual([1, one]);
  },
};
