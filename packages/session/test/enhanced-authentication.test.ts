import { type AuthPacket, type ConnectProperties, type Packet, ProtocolError } from '@si-mqtt/codec';
import { describe, expect, it } from 'vitest';
import { EnhancedAuthentication } from '../src/index.js';
import { Harness } from './session-harness.js';

const bytes = (...numbers: number[]) => Uint8Array.from(numbers);
const connect = (properties: ConnectProperties) => new Harness().connectPacket({ properties });
const auth = (reasonCode: number, data?: Uint8Array, authenticationMethod: string = 'm'): AuthPacket => ({
  type: 'auth',
  reasonCode,
  properties: { authenticationMethod, authenticationData: data },
});
const begun = () => EnhancedAuthentication.ofConnect(connect({ authenticationMethod: 'm', authenticationData: bytes(1) }))!;

function accepted(): EnhancedAuthentication {
  const authentication = begun();
  authentication.accept(undefined);
  return authentication;
}

const breach = expect.objectContaining({ reasonCode: 0x82 }) as unknown;

function faultOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return error;
  }
}

describe('CONNECT', () => {
  it('asks for it with an Authentication Method', () => {
    expect(EnhancedAuthentication.ofConnect(connect({}))).toBeUndefined();
    const authentication = begun();
    expect([authentication.method, authentication.first]).toEqual(['m', { begins: true, data: bytes(1) }]);
    expect(EnhancedAuthentication.ofConnect(connect({ authenticationMethod: 'm' }))?.first.data).toBeUndefined();
  });

  it('has no Authentication Data without a method', () => {
    expect(faultOf(() => EnhancedAuthentication.ofConnect(connect({ authenticationData: bytes(1) })))).toEqual(breach);
  });
});

describe('before CONNACK', () => {
  it('[MQTT-4.12.0-2] [MQTT-4.12.0-3] [MQTT-4.12.0-5] challenges and answers follow each other, all with the method of CONNECT', () => {
    const authentication = begun();
    expect(authentication.challenge(bytes(2))).toEqual(auth(0x18, bytes(2)));
    expect(authentication.receiveBeforeConnack(auth(0x18, bytes(3)))).toEqual({ begins: false, data: bytes(3) });
    expect(authentication.challenge(bytes(4))).toEqual(auth(0x18, bytes(4)));
    expect(authentication.receiveBeforeConnack(auth(0x18))).toEqual({ begins: false, data: undefined });
    expect(authentication.isReAuthentication).toBe(false);
    expect(authentication.accept(bytes(5))).toEqual({ authenticationMethod: 'm', authenticationData: bytes(5) });
  });

  it('[MQTT-3.1.2-30] the client may leave, and sends nothing else than AUTH', () => {
    const authentication = begun();
    authentication.challenge(bytes(2));
    expect(authentication.receiveBeforeConnack({ type: 'disconnect', reasonCode: 0 })).toBe('disconnect');
    const others: Packet[] = [{ type: 'pingreq' }, { type: 'puback', packetId: 1, reasonCode: 0 }, connect({})];
    for (const other of others) expect(faultOf(() => authentication.receiveBeforeConnack(other))).toEqual(breach);
  });

  it.each<[string, (authentication: EnhancedAuthentication) => unknown]>([
    ['AUTH while the mechanism decides', (authentication) => authentication.receiveBeforeConnack(auth(0x18))],
    [
      'a second answer to one challenge',
      (authentication) => {
        authentication.challenge(bytes(2));
        authentication.receiveBeforeConnack(auth(0x18));
        return authentication.receiveBeforeConnack(auth(0x18));
      },
    ],
    [
      'another method [MQTT-4.12.0-5]',
      (authentication) => {
        authentication.challenge(bytes(2));
        return authentication.receiveBeforeConnack(auth(0x18, undefined, 'M'));
      },
    ],
    [
      'no method',
      (authentication) => {
        authentication.challenge(bytes(2));
        return authentication.receiveBeforeConnack({ type: 'auth', reasonCode: 0x18 });
      },
    ],
    [
      're-authentication instead of an answer [MQTT-4.12.0-3]',
      (authentication) => {
        authentication.challenge(bytes(2));
        return authentication.receiveBeforeConnack(auth(0x19));
      },
    ],
  ])('%s breaks the protocol', (_, work) => {
    expect(faultOf(() => work(begun()))).toEqual(breach);
  });
});

describe('re-authentication', () => {
  it('[MQTT-4.12.1-1] begins with AUTH 0x19 and the same method, as often as the client likes', () => {
    const authentication = accepted();
    for (const round of [1, 2]) {
      expect(authentication.receive(auth(0x19, bytes(round)))).toEqual({ begins: true, data: bytes(round) });
      expect(authentication.isReAuthentication).toBe(true);
      authentication.challenge(bytes(7));
      expect(authentication.receive(auth(0x18, bytes(8)))).toEqual({ begins: false, data: bytes(8) });
      expect(authentication.accept(undefined)).toEqual({ authenticationMethod: 'm' });
    }
  });

  it.each<[string, (authentication: EnhancedAuthentication) => unknown]>([
    ['an answer to nothing', (authentication) => authentication.receive(auth(0x18))],
    ['another method', (authentication) => authentication.receive(auth(0x19, undefined, 'other'))],
    [
      'a second beginning before the end of the first',
      (authentication) => {
        authentication.receive(auth(0x19));
        authentication.challenge(bytes(1));
        return authentication.receive(auth(0x19));
      },
    ],
  ])('%s breaks the protocol', (_, work) => {
    expect(faultOf(() => work(accepted()))).toEqual(breach);
  });
});
