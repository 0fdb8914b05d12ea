import { type AuthPacket, type AuthProperties, type ConnectPacket, type Packet, protocolError, ReasonCode } from '@si-mqtt/codec';

/** Authentication Data on its way to the mechanism: the first of a new exchange, or the next one of the exchange that runs. */
export interface AuthenticationRequest {
  readonly begins: boolean;
  /** A view that is valid until the read callback returns. */
  readonly data: Uint8Array | undefined;
}

/**
 * Enhanced authentication on one connection (section 4.12): which AUTH packets may come when, and what answers them. What is in them is the
 * mechanism's, which runs elsewhere and may take its time: each request is answered once, by `challenge`, by `accept`, or by ending the
 * connection, and until then no other packet is handed over.
 */
export class EnhancedAuthentication {
  /** The Authentication Method of CONNECT; it stays the same as long as the connection lasts [MQTT-4.12.0-5] [MQTT-4.12.1-1]. */
  readonly method: string;
  /** What the mechanism begins with. */
  readonly first: AuthenticationRequest;
  private state: 'deciding' | 'challenged' | 'accepted' = 'deciding';
  private wasAccepted = false;

  private constructor(method: string, data: Uint8Array | undefined) {
    this.method = method;
    this.first = { begins: true, data };
  }

  /** Undefined: the client does not ask for it. @throws ProtocolError */
  static ofConnect({ properties }: ConnectPacket): EnhancedAuthentication | undefined {
    const data = properties?.authenticationData;
    if (properties?.authenticationMethod !== undefined) return new EnhancedAuthentication(properties.authenticationMethod, data);
    if (data !== undefined) throw protocolError('Authentication Data without an Authentication Method');
    return undefined;
  }

  /** The client was accepted once: what goes on now is a re-authentication, and its failure ends the connection with DISCONNECT. */
  get isReAuthentication(): boolean {
    return this.wasAccepted;
  }

  /** Between CONNECT and CONNACK there is AUTH, or DISCONNECT, and nothing else [MQTT-3.1.2-30]. @throws ProtocolError */
  receiveBeforeConnack(packet: Packet): AuthenticationRequest | 'disconnect' {
    if (packet.type === 'disconnect') return 'disconnect';
    if (packet.type !== 'auth') throw protocolError(`${packet.type} before the end of authentication`);
    return this.receive(packet);
  }

  /** AUTH that answers a challenge, or that begins a re-authentication (section 4.12.1). @throws ProtocolError */
  receive({ reasonCode, properties }: AuthPacket): AuthenticationRequest {
    if (properties?.authenticationMethod !== this.method) throw protocolError('AUTH with another Authentication Method than CONNECT');
    const begins = reasonCode === ReasonCode.reAuthenticate;
    // [MQTT-4.12.0-3]: the answer to a challenge is AUTH 0x18; AUTH 0x19 comes when nothing is under way.
    if (this.state !== (begins ? 'accepted' : 'challenged')) throw protocolError(`AUTH ${reasonCode} at the wrong time`);
    this.state = 'deciding';
    return { begins, data: properties.authenticationData };
  }

  /** The mechanism wants to know more: the packet for the client [MQTT-4.12.0-2]. */
  challenge(data: Uint8Array): AuthPacket {
    this.state = 'challenged';
    return { type: 'auth', reasonCode: ReasonCode.continueAuthentication, properties: this.properties(data) };
  }

  /** The mechanism is content: the properties for CONNACK the first time, later those of the AUTH 0x00 that ends the re-authentication. */
  accept(data: Uint8Array | undefined): AuthProperties {
    this.state = 'accepted';
    this.wasAccepted = true;
    return this.properties(data);
  }

  private properties(data: Uint8Array | undefined): AuthProperties {
    return { authenticationMethod: this.method, ...(data === undefined ? {} : { authenticationData: data }) };
  }
}
