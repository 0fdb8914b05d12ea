import { createServer, type Server, type Socket } from 'node:net';
import mqttPacket from 'mqtt-packet';

/** What the relay does with the n-th PUBLISH that it gets, from 0 on. */
export type Fault = (index: number) => 'pass' | 'drop' | 'hold';

/** A broker of exact topics at QoS 0, on the independent codec mqtt-packet, that can lose or reorder what it is told to. */
export async function startRelay(fault: Fault = () => 'pass'): Promise<{ port: number; close: () => void }> {
  const subscribers = new Map<string, Socket>();
  const sockets = new Set<Socket>();
  let count = 0;
  let held: (() => void) | undefined;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connect') socket.write(mqttPacket.generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }));
      if (packet.cmd === 'subscribe') {
        for (const { topic } of packet.subscriptions) subscribers.set(topic, socket);
        socket.write(mqttPacket.generate({ cmd: 'suback', messageId: packet.messageId, granted: [0] }));
      }
      if (packet.cmd !== 'publish') return;
      const deliver = (): void => void subscribers.get(packet.topic)?.write(mqttPacket.generate(packet));
      const decision = fault(count++);
      if (decision === 'drop') return;
      if (decision === 'hold') held = deliver;
      else {
        deliver();
        held?.();
        held = undefined;
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
