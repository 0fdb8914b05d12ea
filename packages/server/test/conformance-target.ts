import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connect, overDuplex, overUrl, type Target, type TargetSettings, type TargetVariants } from '@si-mqtt/conformance';
import { type AnswerPolicy } from '@si-mqtt/session';
import { expect, vi } from 'vitest';
import { setUser } from '../src/access/password-edit.js';
import { createServer, type Server, type ServerOptions } from '../src/index.js';
import { fixture } from './listeners/support.js';

const users = [
  { userName: 'alice', password: 'wonderland' },
  { userName: 'bob', password: 'builder' },
] as const;

/** Everybody may do everything, except under `si-denied`; patterns hold for anonymous clients as well. */
const accessRules = 'pattern readwrite #\npattern readwrite $si-conformance/#\npattern read $SYS/#\npattern deny si-denied/#\n';

const certificate: { certificateFile: string; keyFile: string } = {
  certificateFile: fixture('server.pem'),
  keyFile: fixture('server-key.pem'),
};

type Listener = NonNullable<ServerOptions['listeners']>[number] & { readonly name: string };

/** A listener of each type as it is by default, and one for each capability that can be switched off. */
const listeners: readonly Listener[] = [
  { name: 'tcp', type: 'tcp' },
  { name: 'tls', type: 'tls', tls: certificate },
  { name: 'websocket', type: 'websocket' },
  { name: 'secure-websocket', type: 'secure-websocket', tls: certificate },
  { name: 'lowMaximumQos', type: 'tcp', capabilities: { maximumQos: 1 } },
  { name: 'retainUnavailable', type: 'tcp', capabilities: { retainAvailable: false } },
  { name: 'wildcardUnavailable', type: 'tcp', capabilities: { wildcardSubscriptionAvailable: false } },
  { name: 'sharedUnavailable', type: 'tcp', capabilities: { sharedSubscriptionAvailable: false } },
  { name: 'subscriptionIdentifiersUnavailable', type: 'tcp', capabilities: { subscriptionIdentifiersAvailable: false } },
  { name: 'serverKeepAlive', type: 'tcp', limits: { keepAliveSecondsMax: 1 } },
];

const attachToAll: AnswerPolicy = {
  propertiesFor: (packet) => ({ reasonString: `this is ${packet.type}`, userProperties: [['answered by', 'si-mqtt']] }),
};

/** Servers with everything that the suites can ask for. */
export interface ConformanceServers {
  readonly server: Server;
  /** The same, but attaches a Reason String and a User Property to every answer. */
  readonly talkative: Server;
  readonly settings: TargetSettings & { readonly webSocketUrl: string };
  /** Where a listener of that name is. */
  readonly urlOf: (name: string, of?: Server) => string;
  readonly variantUrls: Readonly<Record<keyof TargetVariants, string>>;
  /** Checks that nothing is left of the suite's sessions and retained messages, too. */
  readonly stop: () => Promise<void>;
}

export async function startServers(): Promise<ConformanceServers> {
  const folder = await mkdtemp(join(tmpdir(), 'si-mqtt-conformance-'));
  const [passwordFile, aclFile] = [join(folder, 'passwords'), join(folder, 'rules')];
  for (const { userName, password } of users) await setUser(passwordFile, userName, password, { scram: true });
  await writeFile(aclFile, accessRules);
  const options = { listeners, access: { passwordFile, aclFile }, responses: { topicPrefix: 'answers/%c' } };
  const server = await createServer(options);
  const talkative = await createServer(options, { answers: attachToAll });
  // How many aliases there are is a matter of the node, not of a listener.
  const withoutAliases = await createServer({ listeners: [{ name: 'tcp', type: 'tcp' }], limits: { topicAliasMaximumIn: 0 } });
  await Promise.all([server.start(), talkative.start(), withoutAliases.start()]);
  const urlOf = (name: string, of: Server = server) => of.addresses().find(({ listener }) => listener === name)!.url;
  return {
    server,
    talkative,
    settings: {
      deniedPublishTopic: 'si-denied/topic',
      deniedSubscribeFilter: 'si-denied/#',
      users,
      enhancedAuthentication: { method: 'SCRAM-SHA-256', ...users[0] },
      webSocketUrl: urlOf('websocket'),
      responseInformation: true,
    },
    urlOf,
    variantUrls: {
      lowMaximumQos: urlOf('lowMaximumQos'),
      retainUnavailable: urlOf('retainUnavailable'),
      wildcardUnavailable: urlOf('wildcardUnavailable'),
      sharedUnavailable: urlOf('sharedUnavailable'),
      subscriptionIdentifiersUnavailable: urlOf('subscriptionIdentifiersUnavailable'),
      topicAliasUnavailable: urlOf('tcp', withoutAliases),
      attachedProperties: urlOf('tcp', talkative),
      serverKeepAlive: urlOf('serverKeepAlive'),
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

/** The servers as a target whose default face is reached over one transport. */
export async function startTarget(transport: 'tcp' | 'websocket' | 'duplex'): Promise<{ target: Target; stop: () => Promise<void> }> {
  const { server, talkative, settings, urlOf, variantUrls, stop } = await startServers();
  const over = (of: Server): Connect =>
    transport === 'duplex' ? overDuplex((stream) => of.acceptDuplex(stream, 'tcp')) : overUrl(urlOf(transport, of));
  const variants = Object.fromEntries(Object.entries(variantUrls).map(([name, url]) => [name, overUrl(url)]));
  return {
    target: {
      name: `si-mqtt (${transport})`,
      connect: over(server),
      settings,
      variants: { ...variants, attachedProperties: over(talkative) },
    },
    stop,
  };
}
