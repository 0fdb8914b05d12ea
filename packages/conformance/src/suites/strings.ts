import { type Need } from '../target.js';
import { type MqttClient } from '../wire/mqtt-client.js';
import { property } from '../wire/properties.js';
import { acknowledge, auth, publish, unsubscribe } from '../wire/requests.js';
import { ScramClient } from '../wire/scram-client.js';
import { type Properties } from '../wire/server-packets.js';
import { equal, type WireContext } from '../wire-context.js';
import { v5, type WireTest } from '../wire-test.js';

interface Answer {
  readonly raw: Buffer;
  readonly properties: Properties;
  readonly reasonCode?: number;
  readonly reasonCodes?: readonly number[];
}

/** Where the broker is told to attach them to everything, if it can be. */
const variant = 'attachedProperties';

/** Makes the server send the packet to a client with these CONNECT properties; undefined if it closed without one. */
type Provoke = (context: WireContext, connectProperties: readonly Buffer[]) => Promise<Answer | undefined>;

/** Two tests: the packet leaves out its Reason String, or its User Properties, for a client whose Maximum Packet Size is too small for them. */
function leavesOut(
  reasonStringId: string,
  userPropertyId: string,
  packet: string,
  provoke: Provoke,
  ...needs: readonly Need[]
): WireTest[] {
  const run = (shows: (properties: Properties) => boolean, what: string) => async (context: WireContext) => {
    const wide = await provoke(context, []);
    if (wide === undefined || !shows(wide.properties)) return context.notObserved(`no ${what} in ${packet}`);
    for (const maximum of [wide.raw.length, wide.raw.length - 1]) {
      const narrow = await provoke(context, [property.maximumPacketSize(maximum)]);
      if (narrow === undefined) continue;
      if (narrow.raw.length > maximum) throw new Error(`${packet} of ${narrow.raw.length} bytes for a client that takes ${maximum}`);
      equal([narrow.reasonCode, narrow.reasonCodes], [wide.reasonCode, wide.reasonCodes], `reason codes of ${packet}`);
    }
  };
  const hasReasonString = (properties: Properties) => properties.reasonString !== undefined;
  const hasUserProperty = (properties: Properties) => properties.userProperties.length > 0;
  return [
    v5(
      reasonStringId,
      `${packet} leaves out a Reason String that would make it too large`,
      run(hasReasonString, 'Reason String'),
      ...needs,
    ),
    v5(
      userPropertyId,
      `${packet} leaves out User Properties that would make it too large`,
      run(hasUserProperty, 'User Property'),
      ...needs,
    ),
  ];
}

/** A refusal by CONNACK, for several reasons: a server may be talkative about one of them only. */
async function refusedConnect(context: WireContext, list: readonly Buffer[]): Promise<Answer | undefined> {
  const { deniedPublishTopic } = context.target.settings;
  const attempts = [{ properties: [...list, property.authenticationMethod('no-such-method')] }];
  const withWill = deniedPublishTopic === undefined ? [] : [{ properties: list, will: { topic: deniedPublishTopic } }];
  let last: Answer | undefined;
  for (const options of [...withWill, ...attempts]) {
    const client = await context.open(variant);
    client.send(context.connectBytes(options));
    const first = await client.next('CONNACK').catch((error: unknown) => {
      if (client.isClosed) return undefined;
      throw error;
    });
    if (first?.type !== 'connack' || first.reasonCode < 0x80) continue;
    last = first;
    if (first.properties.names.length > 0 || list.length > 0) return first;
  }
  return last;
}

async function connected(context: WireContext, list: readonly Buffer[]): Promise<MqttClient> {
  return context.connect({ properties: list, variant });
}

function refusedPublish(qos: 1 | 2, type: 'puback' | 'pubrec'): Provoke {
  return async (context, list) => {
    const client = await connected(context, list);
    client.send(publish(5, { topic: context.target.settings.deniedPublishTopic ?? '', qos, packetId: 1 }));
    return client.acknowledgement(type, 1);
  };
}

async function challenged(context: WireContext, list: readonly Buffer[]): Promise<Answer> {
  const user = context.target.settings.enhancedAuthentication ?? { method: '', userName: '', password: '' };
  const client = await context.open(variant);
  const data = property.authenticationData(new ScramClient(user).first());
  const properties = [...list, property.authenticationMethod(user.method), data];
  client.send(context.connectBytes({ userName: undefined, password: undefined, properties }));
  return client.expect('auth');
}

/** Reason Strings and User Properties that the server attaches to what it sends. */
export const stringTests: readonly WireTest[] = [
  ...leavesOut('3.2.2-19', '3.2.2-20', 'CONNACK', refusedConnect),
  ...leavesOut('3.4.2-2', '3.4.2-3', 'PUBACK', refusedPublish(1, 'puback'), 'deniedPublishTopic'),
  ...leavesOut('3.5.2-2', '3.5.2-3', 'PUBREC', refusedPublish(2, 'pubrec'), 'deniedPublishTopic'),
  ...leavesOut('3.6.2-2', '3.6.2-3', 'PUBREL', async (context, list) => {
    const client = await connected(context, list);
    client.send(acknowledge('pubrec', 77));
    return client.acknowledgement('pubrel', 77);
  }),
  ...leavesOut('3.7.2-2', '3.7.2-3', 'PUBCOMP', async (context, list) => (await connected(context, list)).release(77)),
  ...leavesOut(
    '3.9.2-1',
    '3.9.2-2',
    'SUBACK',
    async (context, list) => {
      const client = await connected(context, list);
      return client.requestSubscribe([{ filter: context.target.settings.deniedSubscribeFilter ?? '' }]);
    },
    'deniedSubscribeFilter',
  ),
  ...leavesOut('3.11.2-1', '3.11.2-2', 'UNSUBACK', async (context, list) => {
    const client = await connected(context, list);
    client.send(unsubscribe(5, 1, [context.topic()]));
    return client.expect('unsuback');
  }),
  ...leavesOut('3.14.2-3 3.1.2-24', '3.14.2-4', 'DISCONNECT', async (context, list) => {
    const client = await connected(context, list);
    client.send(publish(5, { topic: 'a/#' }));
    const [last] = await client.packetsUntilClosed();
    return last?.type === 'disconnect' ? last : undefined;
  }),
  ...leavesOut('3.15.2-2', '3.15.2-3', 'AUTH', challenged, 'enhancedAuthentication'),
  v5(
    '3.1.2-29',
    'with Request Problem Information 0 acknowledgements have no Reason String and no User Property',
    async (context) => {
      const { deniedSubscribeFilter: filter = '', deniedPublishTopic: topic = '' } = context.target.settings;
      const answers = async (list: readonly Buffer[]) => {
        const client = await connected(context, list);
        client.send(publish(5, { topic, qos: 1, packetId: 1 }), publish(5, { topic, qos: 2, packetId: 2 }));
        return [
          await client.requestSubscribe([{ filter }]),
          await client.acknowledgement('puback', 1),
          await client.acknowledgement('pubrec', 2),
          await client.release(99),
          await client.unsubscribe(context.topic()),
        ].flatMap((packet) => packet.properties.names);
      };
      if ((await answers([])).length === 0) context.notObserved('the server attaches nothing to acknowledgements anyway');
      equal(await answers([property.requestProblemInformation(0)]), [], 'properties of the acknowledgements');
    },
    'deniedPublishTopic',
    'deniedSubscribeFilter',
  ),
  v5('3.15.2-1 4.12.0-7', 'AUTH 0x00 from a client closes the connection', async (context) => {
    await context.expectBreach(auth(0x00, [property.authenticationMethod('x')]));
  }),
];
