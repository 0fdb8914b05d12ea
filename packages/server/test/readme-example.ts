import { type Authenticator, createServer, type Permissions, type Server } from '@si-mqtt/server';
import { connectAsync } from 'mqtt';

/** What happened, for the test. */
export const history: string[] = [];

/** Everybody may use the topics below their own name. */
function ownTopics(userName: string): Permissions {
  return {
    mayPublish: (topicName) => topicName.startsWith(`${userName}/`),
    maySubscribe: (topicFilter) => (topicFilter.startsWith(`${userName}/`) ? 'allowed' : 'refused'),
    mayReceive: () => true,
    version: 0,
  };
}

/** Lets in who knows the word. A database or an HTTP service would be asked here: the answer is a promise. */
const doorkeeper: Authenticator = {
  name: 'doorkeeper',
  authenticate: async ({ userName, password }) => {
    if (userName === undefined || new TextDecoder().decode(password) !== 'sesame') return { refused: { reasonCode: 0x86 } };
    return { accepted: { userName, permissions: ownTopics(userName) } };
  },
};

const server: Server = await createServer(
  {
    listeners: [
      { type: 'tcp', port: 0 }, // 0 takes a free port; on 127.0.0.1 unless `hosts` says otherwise
      { type: 'websocket', name: 'browsers', port: 0, path: '/mqtt' },
    ],
    limits: { maximumPacketSize: 64 * 1024 },
  },
  { authenticators: [doorkeeper] },
);

// Typed events: connections, sessions and subscriptions; never per message.
server.events.on('connected', ({ clientId, listenerName }) => history.push(`${clientId} connected to ${listenerName}`));
server.events.on('connectionRefused', ({ clientId, reasonCode }) => history.push(`${clientId} was refused with ${reasonCode}`));
server.events.on('subscribed', ({ topicFilter, qos }) => history.push(`subscribed to ${topicFilter} with QoS ${qos}`));
server.events.on('disconnected', ({ clientId, reasonCode }) => history.push(`${clientId} disconnected with ${reasonCode}`));

await server.start();
const urlOf = (name: string): string => server.addresses().find(({ listener }) => listener === name)!.url;
export const tcpUrl: string = urlOf('tcp-0'); // who gets no name is called by type and index

// Any MQTT client, over any of the listeners.
const options = { protocolVersion: 5, reconnectPeriod: 0, username: 'ann' } as const;
await connectAsync(tcpUrl, { ...options, clientId: 'thief', password: 'hello' }).catch(() => history.push('the thief knows it'));
const lamp = await connectAsync(urlOf('browsers'), { ...options, clientId: 'lamp', password: 'sesame' });
const arrived = new Promise<string>((resolve) => {
  lamp.on('message', (topicName, payload) => resolve(`${topicName}: ${payload.toString()}`));
});
await lamp.subscribeAsync('ann/+', { qos: 1 });
await lamp.subscribeAsync('bob/+').catch(() => history.push('bob/+ was refused'));

// The program that runs the server publishes, too; access rules do not apply to it.
server.publish({ topicName: 'ann/lamp', payload: new TextEncoder().encode('on'), qos: 1, retain: true });
history.push(await arrived);

// Lists.
export const clients: string[] = server.clients().map(({ clientId, userName }) => `${clientId} of ${userName}`);
export const filters: string[] = server.subscriptions('lamp').map(({ topicFilter }) => topicFilter);
const { messages } = await server.retainedMessages('ann/#');
export const retained: string[] = messages.map(({ topicName }) => topicName);

server.disconnectClient('lamp', 0x98); // administrative action
await server.stop();
