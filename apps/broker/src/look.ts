import {
  decodeMessage,
  keyBefore,
  keyOfText,
  type QueueRow,
  type SessionRows,
  type ShareQueueRow,
  type StoreReader,
} from '@si-mqtt/cluster-db';
import { loadConfiguration } from './config.js';
import { type Host } from './host.js';
import { type BrokerLibrary } from './library.js';
import { type Listing, printPages } from './listing.js';
import { OperatorError, oneLine } from './problems.js';
import { storeProblem } from './store-problem.js';

export interface ListingOptions {
  readonly json?: boolean;
  readonly after?: string;
  readonly limit: number;
}

export interface QueueOptions extends ListingOptions {
  readonly shared?: boolean;
  readonly payload?: boolean;
}

const rowsPerPage = 500;
const pageBytesMax = 4 * 1024 * 1024;

/** Lists the sessions that the store has. */
export function sessions(options: ListingOptions, named: string | undefined, host: Host, library: BrokerLibrary): Promise<number> {
  return looking(named, host, library, async (store) => {
    const after = options.after === undefined ? undefined : keyOfText(options.after);
    const read = (last: SessionRows | undefined, limit: number) => store.readSessions(last?.session.sid ?? after, limit);
    await list(host, options, sessionListing, read, ({ session }) => `si-mqtt sessions --after ${JSON.stringify(session.clientId)}`);
  });
}

/** Lists what waits for one session, or for a shared subscription. */
export function queue(name: string, options: QueueOptions, named: string | undefined, host: Host, library: BrokerLibrary): Promise<number> {
  return looking(named, host, library, async (store) => {
    const begin = options.after === undefined ? 0 : Number(options.after);
    if (!Number.isSafeInteger(begin))
      throw new OperatorError([`${oneLine(String(options.after))} is no position: --after takes a whole number`]);
    const readPage = options.shared === true ? groupReader(store, name) : await sessionReader(store, name);
    const read = async (last: Waiting | undefined, limit: number) => (await readPage(last?.position ?? begin, limit)).map(waitingOf);
    const listing = waitingListing(Date.now(), options.payload === true);
    await list(host, options, listing, read, ({ position }) => `si-mqtt queue --after ${position} ${JSON.stringify(name)}`);
  });
}

type PageReader = (after: number, limit: number) => Promise<readonly (QueueRow | ShareQueueRow)[]>;

function groupReader(store: StoreReader, sharedSubscription: string): PageReader {
  const hash = keyOfText(sharedSubscription);
  return (after, limit) => store.readShareQueue(hash, after, limit, pageBytesMax);
}

async function sessionReader(store: StoreReader, clientId: string): Promise<PageReader> {
  const [found] = await store.readSessions(keyBefore(keyOfText(clientId)), 1);
  if (found?.session.clientId !== clientId) {
    throw new OperatorError([oneLine(`there is no session of "${clientId}": look at the names with "si-mqtt sessions"`)]);
  }
  return (after, limit) => store.readQueue(found.session, after, limit, pageBytesMax);
}

async function looking(
  named: string | undefined,
  host: Host,
  library: BrokerLibrary,
  look: (store: StoreReader) => Promise<void>,
): Promise<number> {
  const loaded = loadConfiguration(named, host.invocation);
  try {
    const store = await library.readStore(loaded.configuration.storage);
    try {
      await look(store);
    } finally {
      await store.close();
    }
    return 0;
  } catch (error) {
    throw storeProblem(error, loaded, 'a look at it') ?? error;
  }
}

/** Prints at most `limit` rows, page by page, and says how to see the others. */
async function list<Row>(
  host: Host,
  { json = false, limit }: ListingOptions,
  listing: Listing<Row>,
  read: (last: Row | undefined, limit: number) => Promise<readonly Row[]>,
  next: (last: Row) => string,
): Promise<void> {
  let last: Row | undefined;
  async function* pages(): AsyncGenerator<readonly Row[]> {
    for (let left = limit; left > 0; ) {
      const page = await read(last, Math.min(left, rowsPerPage));
      // The titles of an empty table tell that it is one.
      if (page.length > 0 || (last === undefined && !json)) yield page;
      if (page.length === 0) return;
      last = page[page.length - 1];
      left -= page.length;
    }
  }
  const isRead = await printPages(host, pages(), listing, json);
  if (isRead && last !== undefined && (await read(last, 1)).length > 0) host.stderr.write(`there are more: ${oneLine(next(last))}\n`);
}

const timeOf = (milliseconds: number | null): string | null => (milliseconds === null ? null : new Date(milliseconds).toISOString());

const sessionListing: Listing<SessionRows> = {
  columns: [
    { title: 'CONNECTED', text: ({ session }) => (session.connected === 1 ? 'yes' : 'no') },
    { title: 'QUEUED', isNumber: true, text: (rows) => String(rows.queue.messages) },
    { title: 'BYTES', isNumber: true, text: (rows) => String(rows.queue.bytes) },
    { title: 'SUBSCRIPTIONS', isNumber: true, text: ({ subs }) => String(subs.length) },
    // That of a client that is connected begins when it goes.
    { title: 'EXPIRES', text: ({ session }) => (session.connected === 1 ? '-' : (timeOf(session.expiresAt) ?? 'never')) },
    { title: 'CLIENT', text: ({ session }) => session.clientId },
  ],
  json: ({ session, subs, will, queue: { messages, bytes } }) => ({
    clientId: session.clientId,
    userName: session.userName,
    connected: session.connected === 1,
    protocolVersion: session.protocolVersion,
    queuedMessages: messages,
    queuedBytes: bytes,
    subscriptions: subs.map(({ requested, qos }) => ({ topicFilter: requested, qos })),
    hasWill: will !== undefined,
    sessionExpiryInterval: session.expirySeconds,
    expiresAt: timeOf(session.expiresAt),
  }),
};

/** A message that waits, with what only its body knows. */
interface Waiting {
  readonly position: number;
  readonly state: 'queued' | 'sent' | 'received';
  readonly packetId: number | null;
  readonly qos: number;
  readonly bytes: number;
  readonly topicName: string;
  readonly payload: Uint8Array;
  readonly publisher: string;
  readonly receivedAt: number;
  readonly expiresAt: number | null;
  readonly sharedSubscription: string | null;
}

function waitingOf(row: QueueRow | ShareQueueRow): Waiting {
  const { topicName, qos, payload, receivedAt, publisher } = decodeMessage(row.body);
  const own = 'packetId' in row ? row : { packetId: 0, received: 0, qos };
  return {
    position: row.pos,
    state: own.packetId === 0 ? 'queued' : own.received === 1 ? 'received' : 'sent',
    packetId: own.packetId === 0 ? null : own.packetId,
    qos: own.qos,
    bytes: row.size,
    topicName,
    payload,
    publisher: publisher.clientId,
    receivedAt,
    expiresAt: row.expiresAt,
    sharedSubscription: row.sharedSubscription,
  };
}

function waitingListing(now: number, withPayload: boolean): Listing<Waiting> {
  return {
    columns: [
      { title: 'POSITION', isNumber: true, text: ({ position }) => String(position) },
      { title: 'STATE', text: ({ state }) => state },
      { title: 'QOS', isNumber: true, text: ({ qos }) => String(qos) },
      { title: 'BYTES', isNumber: true, text: ({ bytes }) => String(bytes) },
      { title: 'AGE', isNumber: true, text: ({ receivedAt }) => ageOf(now - receivedAt) },
      { title: 'EXPIRES', text: ({ expiresAt }) => timeOf(expiresAt) ?? 'never' },
      { title: 'TOPIC', text: ({ topicName }) => topicName },
      ...(withPayload ? [{ title: 'PAYLOAD', text: ({ payload }: Waiting) => textOf(payload) }] : []),
    ],
    json: ({ payload, receivedAt, expiresAt, ...parts }) => ({
      ...parts,
      receivedAt: timeOf(receivedAt),
      expiresAt: timeOf(expiresAt),
      ...(withPayload ? { payload: Buffer.from(payload).toString('base64') } : {}),
    }),
  };
}

const units = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3600 },
  { name: 'min', seconds: 60 },
] as const;

/** In the largest unit of which there are two. */
function ageOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const unit = units.find((candidate) => seconds >= 2 * candidate.seconds);
  return unit === undefined ? `${seconds} s` : `${Math.floor(seconds / unit.seconds)} ${unit.name}`;
}

/** As text where it is text, else in hexadecimal digits. */
function textOf(payload: Uint8Array): string {
  try {
    return JSON.stringify(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return `0x${Buffer.from(payload).toString('hex')}`;
  }
}
