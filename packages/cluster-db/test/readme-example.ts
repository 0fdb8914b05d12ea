import { decodeMessage, encodedMessage, type LogStore, RecordWriter, readRecord } from '@si-mqtt/cluster-db';
import { Message } from '@si-mqtt/session';

/** Writes one retained message to the log and reads it back. */
export async function storeAndRead(store: LogStore): Promise<string> {
  const message = Message.of(
    { topicName: 'greenhouse/3/temperature', payload: new TextEncoder().encode('21.5'), qos: 1, retain: false },
    { clientId: 'sensor', userName: undefined },
    Date.now(),
  );
  const writer = new RecordWriter();
  writer.add({ kind: 'retained', message: encodedMessage(message) });
  const record = { body: writer.finish(), messages: writer.messages, writtenAt: Date.now(), derived: 0 };
  // Resolves when the record is durable: then, and not before, PUBACK may be sent.
  await store.append({ seat: 0, epoch: 1, seq: 1 }, record, {});

  const [stored] = await store.readLog({ seat: 0, epoch: 1, seq: 0 }, 100, 1_000_000);
  const [entry] = readRecord(stored.body);
  if (entry?.kind !== 'retained') throw new Error('not the entry that was written');
  const { topicName, payload } = decodeMessage(entry.message.bytes);
  return `${topicName}: ${new TextDecoder().decode(payload)}`;
}
