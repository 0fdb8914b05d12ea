import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connect, overTcp, overWebSocket, type Target } from '@si-mqtt/conformance';
import { type AnswerPolicy } from '@si-mqtt/session';
import { expect, vi } from 'vitest';
import { setUser } from '../src/access/password-edit.js';
import { createServer, type Server } from '../src/index.js';

const users = [
  { userName: 'alice', password: 'wonderland' },
  { userName: 'bob', password: 'builder' },
] as const;

/** Everybody may do everything, except under `si-denied`; patterns hold for anonymous clients as well. */
const accessRules = 'pattern readwrite #\npattern readwrite $si-conformance/#\npattern read $SYS/#\npattern deny si-denied/#\n';

/** One listener as it is by default, and one for each capability that can be switched off. */
const listeners = [
  { name: 'default', type: 'tcp' },
  { name: 'websocket', type: 'websocket' },
  { name: 'lowMaximumQos', type: 'tcp', capabilities: { maximumQos: 1 } },
  { name: 'retainUnavailable', type: 'tcp', capabilities: { retainAvailable: false } },
  { name: 'wildcardUnavailable', type: 'tcp', capabilities: { wildcardSubscriptionAvailable: false } },
  { name: 'sharedUnavailable', type: 'tcp', capabilities: { sharedSubscriptionAvailable: false } },
  { name: 'subscriptionIdentifiersUnavailable', type: 'tcp', capabilities: { subscriptionIdentifiersAvailable: false } },
  { name: 'serverKeepAlive', type: 'tcp', limits: { keepAliveSecondsMax: 1 } },
] as const;

const attachToAll: AnswerPolicy = {
  propertiesFor: (packet) => ({ reasonString: `this is ${packet.type}`, userProperties: [['answered by', 'si-mqtt']] }),
};

/** A server with everything that the suites can ask for, reached over one transport. */
export async function startTarget(transport: 'default' | 'websocket'): Promise<{ target: Target; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-conformance-'));
  const [passwordFile, aclFile] = [join(folder, 'passwords'), join(folder, 'rules')];
  for (const { userName, password } of users) await setUser(passwordFile, userName, password, { scram: true });
  await writeFile(aclFile, accessRules);
  const options = { listeners, access: { passwordFile, aclFile }, responses: { topicPrefix: 'answers/%c' } };
  const server = await createServer(options);
  const talkative = await createServer(options, { answers: attachToAll });
  // How many aliases there are is a matter of the node, not of a listener.
  const withoutAliases = await createServer({ listeners: [{ name: 'default', type: 'tcp' }], limits: { topicAliasMaximumIn: 0 } });
  await Promise.all([server.start(), talkative.start(), withoutAliases.start()]);
  const urlOf = (name: string, of: Server = server) => new URL(of.addresses().find(({ listener }) => listener === name)!.url);
  const over = (name: string, of?: Server): Connect => overTcp(Number(urlOf(name, of).port));
  const webSocketUrl = urlOf('websocket').href;
  const overTransport = (of: Server) => (transport === 'websocket' ? overWebSocket(urlOf('websocket', of).href) : over('default', of));
  return {
    target: {
      name: `si-mqtt (${transport})`,
      connect: overTransport(server),
      settings: {
        deniedPublishTopic: 'si-denied/topic',
        deniedSubscribeFilter: 'si-denied/#',
        users,
        enhancedAuthentication: { method: 'SCRAM-SHA-256', ...users[0] },
        webSocketUrl,
        responseInformation: true,
      },
      variants: {
        lowMaximumQos: over('lowMaximumQos'),
        retainUnavailable: over('retainUnavailable'),
        wildcardUnavailable: over('wildcardUnavailable'),
        sharedUnavailable: over('sharedUnavailable'),
        subscriptionIdentifiersUnavailable: over('subscriptionIdentifiersUnavailable'),
        topicAliasUnavailable: over('default', withoutAliases),
        attachedProperties: overTransport(talkative),
        serverKeepAlive: over('serverKeepAlive'),
      },
    },
    stop: async () => {
      // The suite removes the retained messages and sessions that it made; those of the last connections may end a moment later.
      await vi.waitFor(() => expect(server.clients().map(({ clientId }) => clientId)).toEqual([]));
      expect((await server.retainedMessages('#')).messages).toEqual([]);
      await Promise.all([server.stop(), talkative.stop(), withoutAliases.stop()]);
      await rm(folder, { recursive: true });
    },
  };
}
