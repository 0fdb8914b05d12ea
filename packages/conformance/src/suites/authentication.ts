import { packet } from '../wire/bytes.js';
import { type MqttClient } from '../wire/mqtt-client.js';
import { property } from '../wire/properties.js';
import { auth, publish, subscribe } from '../wire/requests.js';
import { ScramClient } from '../wire/scram-client.js';
import { equal, type WireContext } from '../wire-context.js';
import { v5, type WireTest } from '../wire-test.js';

const method = 'SCRAM-SHA-256';

function methodAnd(data: string): Buffer[] {
  return [property.authenticationMethod(method), property.authenticationData(data)];
}

function scram(context: WireContext, password?: string): ScramClient {
  const { userName = '', password: right = '' } = context.target.settings.enhancedAuthentication ?? {};
  return new ScramClient({ userName, password: password ?? right });
}

/** Sends CONNECT with the first message, without user name and password, and gives the server's challenge. */
async function challenge(context: WireContext, exchange: ScramClient): Promise<{ client: MqttClient; data: string }> {
  const client = await context.open();
  client.send(context.connectBytes({ userName: undefined, password: undefined, properties: methodAnd(exchange.first()) }));
  return { client, data: await takeChallenge(client) };
}

async function takeChallenge(client: MqttClient): Promise<string> {
  const asked = await client.expect('auth');
  equal([asked.reasonCode, asked.properties.authenticationMethod], [0x18, method], 'reason code and method of AUTH');
  return asked.properties.authenticationData?.toString() ?? '';
}

async function authenticated(context: WireContext): Promise<MqttClient> {
  const exchange = scram(context);
  const { client, data } = await challenge(context, exchange);
  client.send(auth(0x18, methodAnd(exchange.final(data))));
  const connack = await client.expect('connack');
  equal([connack.reasonCode, connack.properties.authenticationMethod], [0, method], 'reason code and method of CONNACK');
  equal(exchange.verifies(connack.properties.authenticationData?.toString() ?? ''), true, "the server's proof");
  return client;
}

/** Enhanced authentication (sections 3.15 and 4.12). */
export const authenticationTests: readonly WireTest[] = [
  v5('4.12.0-6', 'without a method in CONNECT there is no AUTH and no method in CONNACK', async (context) => {
    const client = await context.connect();
    equal(client.connack.properties.authenticationMethod, undefined, 'Authentication Method');
    await client.expectNothing();
  }),
  v5('4.12.0-7', 'AUTH without a method in CONNECT closes the connection', async (context) => {
    for (const reasonCode of [0x18, 0x19]) await context.expectBreach(auth(reasonCode, methodAnd('x')));
  }),
  v5('3.15.1-1', 'AUTH with reserved flags closes the connection', async (context) => {
    await context.expectBreach(auth(0x19, methodAnd('x'), 0xf1));
  }),
  v5('3.15.2-1 4.13.1-1', 'AUTH with an undefined reason code closes the connection', async (context) => {
    await context.expectBreach(auth(0x55, methodAnd('x')));
  }),
  v5('4.12.0-1', 'an unknown Authentication Method is refused with 0x8C or 0x87', async (context) => {
    const properties = [property.authenticationMethod('no-such-method'), property.authenticationData('x')];
    await context.expectRefused(context.connectBytes({ properties }), [0x8c, 0x87]);
  }),
  v5(
    '4.12.0-2 4.12.0-3 4.12.0-5 3.15.2-1',
    'an exchange asks with 0x18 and ends with CONNACK, always with the method',
    async (context) => {
      const client = await authenticated(context);
      await client.expectNothing();
    },
    'enhancedAuthentication',
  ),
  v5(
    '4.12.0-4 3.2.2-7',
    'a wrong proof is refused with a code, or plainly closed',
    async (context) => {
      await authenticated(context);
      const exchange = scram(context, 'certainly wrong');
      const { client, data } = await challenge(context, exchange);
      client.send(auth(0x18, methodAnd(exchange.final(data))));
      const [first, second] = await client.packetsUntilClosed();
      if (first !== undefined && (first.type !== 'connack' || ![0x86, 0x87].includes(first.reasonCode))) client.fail('no refusal');
      if (second !== undefined) client.fail(`${second.type} came after the refusal`);
    },
    'enhancedAuthentication',
  ),
  v5(
    '3.1.2-30',
    'another packet than AUTH or DISCONNECT during the exchange closes the connection',
    async (context) => {
      for (const content of [publish(5, { topic: context.topic() }), subscribe(5, 1, [{ filter: context.topic() }]), packet(0xc0)]) {
        const { client } = await challenge(context, scram(context));
        client.send(content);
        const [first] = await client.packetsUntilClosed();
        if (first !== undefined && (first.type !== 'connack' || first.reasonCode < 0x80)) client.fail(`${first.type} came`);
      }
    },
    'enhancedAuthentication',
  ),
  v5(
    '4.12.0-3 4.12.0-5',
    'an answer with another method or reason code ends the exchange',
    async (context) => {
      for (const [reasonCode, name] of [
        [0x18, 'other'],
        [0x19, method],
      ] as const) {
        const exchange = scram(context);
        const { client, data } = await challenge(context, exchange);
        client.send(auth(reasonCode, [property.authenticationMethod(name), property.authenticationData(exchange.final(data))]));
        const [first] = await client.packetsUntilClosed();
        if (first !== undefined && (first.type !== 'connack' || first.reasonCode < 0x80)) client.fail(`${first.type} came`);
      }
    },
    'enhancedAuthentication',
  ),
  v5(
    '4.12.1-1 4.12.0-2 4.12.0-5',
    're-authentication succeeds with AUTH 0x00, and the connection goes on meanwhile',
    async (context) => {
      const client = await authenticated(context);
      const exchange = scram(context);
      client.send(auth(0x19, methodAnd(exchange.first())));
      const data = await takeChallenge(client);
      await client.expectNothing();
      client.send(auth(0x18, methodAnd(exchange.final(data))));
      const done = await client.expect('auth');
      equal([done.reasonCode, done.properties.authenticationMethod], [0, method], 'reason code and method of AUTH');
      await client.expectNothing();
    },
    'enhancedAuthentication',
  ),
  v5(
    '4.12.1-2',
    'failed re-authentication closes the connection',
    async (context) => {
      const client = await authenticated(context);
      const exchange = scram(context, 'certainly wrong');
      client.send(auth(0x19, methodAnd(exchange.first())));
      client.send(auth(0x18, methodAnd(exchange.final(await takeChallenge(client)))));
      await client.expectClosedWith([0x80, 0x87]);
    },
    'enhancedAuthentication',
  ),
  v5(
    '4.12.1-1',
    're-authentication with another method closes the connection',
    async (context) => {
      const client = await authenticated(context);
      client.send(auth(0x19, [property.authenticationMethod('other'), property.authenticationData('x')]));
      await client.expectClosedWith([0x82, 0x8c, 0x87]);
    },
    'enhancedAuthentication',
  ),
];
