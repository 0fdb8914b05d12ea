import { createServer, type Server, type Socket } from 'node:net';
import mqttPacket, { type IPublishPacket } from 'mqtt-packet';

/** What the relay does with the n-th PUBLISH that it gets, from 0 on; `corrupt` changes one byte of its payload. */
export type Fault = (index: number) => 'pass' | 'drop' | 'hold' | 'repeat' | { readonly corrupt: number };

/** A broker on the independent codec mqtt-packet, just enough for the generator, that can lose, reorder, repeat or change what it is told to. */
export async function startRelay(fault: Fault = () => 'pass'): Promise<{ port: number; close: () => void }> {
  const subscribers: { readonly filter: string; readonly send: (packet: IPublishPacket) => void }[] = [];
  /** Of clients without clean start, by their identifiers. */
  const sessions = new Map<string, Session>();
  const sockets = new Set<Socket>();
  let count = 0;
  let held: (() => void) | undefined;

  function route(packet: IPublishPacket): void {
    const matching = subscribers.filter(({ filter }) => matches(filter, packet.topic));
    // The members of the one group take turns.
    const chosen = matching[0]?.filter.startsWith('$share/') ? [matching[count % matching.length]] : matching;
    for (const { send } of chosen) send(packet);
  }

  function take(packet: IPublishPacket): void {
    const decision = fault(count++);
    if (decision === 'drop') return;
    if (decision === 'hold') {
      held = () => route(packet);
      return;
    }
    if (typeof decision === 'object') (packet.payload as Buffer)[decision.corrupt] ^= 0x10;
    route(packet);
    if (decision === 'repeat') route(packet);
    held?.();
    held = undefined;
  }

  const server: Server = createServer((socket) => {
    sockets.add(socket);
    let protocolVersion = 4;
    let session: Session = { connected: undefined, queue: [] };
    let packetId = 0;
    const parser = mqttPacket.parser();
    const write = (packet: Parameters<typeof mqttPacket.generate>[0]): void =>
      void socket.write(mqttPacket.generate(packet, { protocolVersion }));
    parser.on('packet', (packet) => {
      switch (packet.cmd) {
        case 'connect':
          protocolVersion = packet.protocolVersion ?? 4;
          if (packet.clean === false) {
            session = sessions.get(packet.clientId) ?? session;
            sessions.set(packet.clientId, session);
          }
          session.connected = (message) => {
            packetId = (packetId % 65_535) + 1;
            write({ ...message, messageId: packetId });
          };
          write({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false });
          for (const message of session.queue.splice(0)) session.connected(message);
          break;
        case 'disconnect':
          session.connected = undefined;
          break;
        case 'subscribe':
          for (const { topic, qos } of packet.subscriptions) {
            const owner = session;
            const send = (message: IPublishPacket): void => {
              if (owner.connected === undefined) owner.queue.push({ ...message, qos });
              else owner.connected({ ...message, qos });
            };
            subscribers.push({ filter: topic, send });
          }
          write({ cmd: 'suback', messageId: packet.messageId, granted: packet.subscriptions.map(({ qos }) => qos) });
          break;
        case 'publish':
          if (packet.qos > 0) write({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId, reasonCode: 0 });
          take(packet);
          break;
        case 'pubrec':
          write({ cmd: 'pubrel', messageId: packet.messageId, reasonCode: 0 });
          break;
        case 'pubrel':
          write({ cmd: 'pubcomp', messageId: packet.messageId, reasonCode: 0 });
          break;
        default:
          break;
      }
    });
    socket.on('data', (chunk) => parser.parse(chunk)).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: address.port, close };
}

interface Session {
  /** Sends to the client; undefined while it is away. */
  connected: ((message: IPublishPacket) => void) | undefined;
  readonly queue: IPublishPacket[];
}

/** The filters that the generator uses: exact, `…/+` and `…/#`, shared or not. */
function matches(filter: string, topic: string): boolean {
  const plain = filter.replace(/^\$share\/[^/]+\//, '');
  if (plain.endsWith('/#')) return topic.startsWith(plain.slice(0, -1));
  if (plain.endsWith('/+')) return topic.startsWith(plain.slice(0, -1)) && !topic.slice(plain.length - 1).includes('/');
  return plain === topic;
}
