// A relay for exactly the messages of the test, in place of a broker: it runs inside the installed project, on the packed codec. No layer may
// import one above it, and a broker sends no packet that only one codec refuses. `pnpm packages:try` lets the same MQTT.js talk to the broker.
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { Decoder, encode } from '@si-mqtt/codec';
import { WebSocketServer } from 'ws';

/** A PUBACK of packet identifier 0: mqtt-packet takes it, this codec does not [MQTT-2.2.1-3]. */
const forbiddenPuback = Uint8Array.of(0x40, 0x02, 0x00, 0x00);

class Connection {
  /** Topic filter to QoS; only filters without wildcards. */
  subscriptions = new Map();
  packetId = 0;

  constructor(connections, send) {
    this.connections = connections;
    this.sendBytes = send;
    this.decoder = new Decoder(this, { from: 'client', maximumPacketSize: 1_000_000 });
    connections.add(this);
  }

  send(packet) {
    this.sendBytes(encode(packet, this.decoder.protocolVersion));
  }

  receive(packet) {
    const { packetId } = packet;
    switch (packet.type) {
      case 'connect':
        return this.send({ type: 'connack', sessionPresent: false, reasonCode: 0, properties: { topicAliasMaximum: 10 } });
      case 'subscribe':
        for (const { topicFilter, qos } of packet.subscriptions) this.subscriptions.set(topicFilter, qos);
        return this.send({ type: 'suback', packetId, reasonCodes: packet.subscriptions.map(({ qos }) => qos) });
      case 'unsubscribe':
        for (const topicFilter of packet.topicFilters) this.subscriptions.delete(topicFilter);
        return this.send({ type: 'unsuback', packetId, reasonCodes: packet.topicFilters.map(() => 0) });
      case 'publish':
        return this.receivePublish(packet);
      case 'pubrec':
        return this.send({ type: 'pubrel', packetId, reasonCode: 0 });
      case 'pubrel':
        return this.send({ type: 'pubcomp', packetId, reasonCode: 0 });
      case 'pingreq':
        return this.send({ type: 'pingresp' });
    }
  }

  receivePublish(packet) {
    if (packet.topicName === 'forbidden') return this.sendBytes(forbiddenPuback);
    for (const connection of this.connections) connection.deliver(packet);
    if (packet.qos > 0) this.send({ type: packet.qos === 1 ? 'puback' : 'pubrec', packetId: packet.packetId, reasonCode: 0 });
  }

  deliver({ topicName, payload, retain, properties, qos }) {
    const granted = this.subscriptions.get(topicName);
    if (granted === undefined) return;
    const level = Math.min(qos, granted);
    const packetId = level > 0 ? ++this.packetId : 0;
    this.send({ type: 'publish', topicName, payload, retain, dup: false, properties, qos: level, packetId });
  }
}

/** Listens on two free loopback ports. Returns their URLs and a function that ends everything. */
export async function startRelay() {
  const connections = new Set();
  const sockets = new Set();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    const connection = new Connection(connections, (bytes) => socket.write(bytes));
    socket.on('data', (chunk) => connection.decoder.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => connections.delete(connection));
  });
  const http = createHttpServer();
  const webSocketServer = new WebSocketServer({ server: http });
  webSocketServer.on('connection', (socket) => {
    const connection = new Connection(connections, (bytes) => socket.send(bytes));
    socket.on('message', (data) => connection.decoder.push(data));
    socket.on('error', () => {});
    socket.on('close', () => connections.delete(connection));
  });
  await Promise.all([tcp, http].map((server) => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))));
  return {
    urls: [`mqtt://127.0.0.1:${tcp.address().port}`, `ws://127.0.0.1:${http.address().port}`],
    stop() {
      for (const socket of sockets) socket.destroy();
      for (const socket of webSocketServer.clients) socket.terminate();
      tcp.close();
      http.close();
    },
  };
}
