import { NotObserved } from '../not-observed.js';
import { type Part } from './bytes.js';
import { RawClient } from './raw-client.js';
import { reasonCodeText } from './reason-codes.js';
import { acknowledge, disconnect, type FilterOptions, type PublishOptions, publish, subscribe, unsubscribe } from './requests.js';
import { type AcknowledgementPacket, type ConnackPacket, type PublishPacket, type SubscriptionAcknowledgement } from './server-packets.js';

/** Reason codes that say no more than "you broke the protocol"; a more specific one may be right as well. */
const generalBreachCodes: readonly number[] = [0x80, 0x81, 0x82, 0x83];

/** A raw client with the everyday exchanges, each checked as strictly as the single packets. */
export class MqttClient extends RawClient {
  /** The accepting CONNACK; set by `accept`. */
  connack!: ConnackPacket;
  /** As sent in CONNECT. */
  clientId = '';
  /** What the server is known to take; 5.0 tells it in CONNACK. */
  maximumQos = 2;
  private lastPacketId = 0;

  /** Takes the CONNACK of an accepted CONNECT. */
  async accept(): Promise<void> {
    this.connack = await this.expect('connack');
    if (this.connack.reasonCode !== 0) this.fail(`CONNECT was refused with ${reasonCodeText(this.connack.reasonCode, this.version)}`);
    this.maximumQos = this.connack.properties.maximumQos ?? this.maximumQos;
  }

  /** A test cannot use what the server said that it does not have. */
  private needs(isNeeded: boolean, available: number | undefined, what: string): void {
    if (isNeeded && available === 0) throw new NotObserved(`the server has no ${what}`);
  }

  private needsQos(qos: number): void {
    if (qos > this.maximumQos) throw new NotObserved(`the server takes QoS ${this.maximumQos} at most`);
  }

  packetId(): number {
    return ++this.lastPacketId;
  }

  /** Subscribes and requires that every filter gets the QoS that it asked for. */
  async subscribe(
    filters: string | FilterOptions | readonly FilterOptions[],
    properties?: readonly Part[],
  ): Promise<SubscriptionAcknowledgement> {
    const list: readonly FilterOptions[] =
      typeof filters === 'string' ? [{ filter: filters }] : filters instanceof Array ? filters : [filters];
    const { wildcardSubscriptionAvailable, sharedSubscriptionAvailable, subscriptionIdentifierAvailable } = this.connack.properties;
    for (const { filter, qos } of list) {
      this.needsQos(qos ?? 0);
      const text = typeof filter === 'string' ? filter : '';
      this.needs(/[+#]/.test(text), wildcardSubscriptionAvailable, 'wildcard subscriptions');
      this.needs(text.startsWith('$share/'), sharedSubscriptionAvailable, 'shared subscriptions');
    }
    this.needs(properties !== undefined, subscriptionIdentifierAvailable, 'Subscription Identifiers');
    const suback = await this.requestSubscribe(list, properties);
    list.forEach((one, index) => {
      if (suback.reasonCodes[index] !== (one.qos ?? 0))
        this.fail(`SUBACK ${index} is ${reasonCodeText(suback.reasonCodes[index], this.version, 'SUBACK')}, not the QoS asked for`);
    });
    return suback;
  }

  /** Subscribes and gives the SUBACK, whatever its codes. */
  async requestSubscribe(filters: readonly FilterOptions[], properties?: readonly Part[]): Promise<SubscriptionAcknowledgement> {
    const packetId = this.packetId();
    this.send(subscribe(this.version, packetId, filters, properties));
    const suback = await this.find('suback');
    if (suback.packetId !== packetId) this.fail(`SUBACK has Packet Identifier ${suback.packetId}, not ${packetId}`);
    if (suback.reasonCodes.length !== filters.length)
      this.fail(`SUBACK has ${suback.reasonCodes.length} codes for ${filters.length} filters`);
    return suback;
  }

  async unsubscribe(...filters: readonly Part[]): Promise<SubscriptionAcknowledgement> {
    const packetId = this.packetId();
    this.send(unsubscribe(this.version, packetId, filters));
    const unsuback = await this.find('unsuback');
    if (unsuback.packetId !== packetId) this.fail(`UNSUBACK has Packet Identifier ${unsuback.packetId}, not ${packetId}`);
    return unsuback;
  }

  /** Publishes and finishes the exchange, which must succeed; a PINGREQ makes sure that QoS 0 was taken. */
  async publish(options: PublishOptions): Promise<void> {
    const qos = options.qos ?? 0;
    this.needsQos(qos);
    this.needs(options.retain === true, this.connack.properties.retainAvailable, 'retained messages');
    const packetId = options.packetId ?? this.packetId();
    this.send(publish(this.version, { ...options, ...(qos > 0 ? { packetId } : {}) }));
    if (qos === 0) return this.barrier();
    const answer = await this.acknowledgement(qos === 1 ? 'puback' : 'pubrec', packetId);
    if (answer.reasonCode >= 0x80) this.fail(`PUBLISH was refused with ${reasonCodeText(answer.reasonCode)}`);
    if (qos === 2) await this.release(packetId);
  }

  /** PUBREL and its PUBCOMP. */
  async release(packetId: number): Promise<AcknowledgementPacket> {
    this.send(acknowledge('pubrel', packetId));
    return this.acknowledgement('pubcomp', packetId);
  }

  /** The next acknowledgement of that type, for that packet. */
  async acknowledgement(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: number): Promise<AcknowledgementPacket> {
    const packet = await this.find(type);
    if (packet.packetId !== packetId) this.fail(`${type} has Packet Identifier ${packet.packetId}, not ${packetId}`);
    return packet;
  }

  /** Waits for a PINGRESP: the server has handled all that was sent before. Other packets stay for later. */
  async barrier(): Promise<void> {
    this.send(0xc0, 0);
    await this.find('pingresp');
  }

  /** The next packet, a PUBLISH, which is acknowledged to the end as its QoS says. */
  async receive(timeoutMilliseconds?: number): Promise<PublishPacket> {
    const message = await this.expect('publish', timeoutMilliseconds);
    if (message.packetId === undefined) return message;
    this.send(acknowledge(message.qos === 1 ? 'puback' : 'pubrec', message.packetId));
    if (message.qos === 2) {
      await this.acknowledgement('pubrel', message.packetId);
      this.send(acknowledge('pubcomp', message.packetId));
    }
    return message;
  }

  /** The payloads of the next messages as text, each acknowledged. */
  async receivePayloads(count: number): Promise<string[]> {
    const payloads: string[] = [];
    for (let index = 0; index < count; index++) payloads.push((await this.receive()).payload.toString());
    return payloads;
  }

  /** DISCONNECT with success, and the server's close. */
  async disconnect(reasonCode?: number, properties?: readonly Part[]): Promise<void> {
    this.send(disconnect(reasonCode, properties));
    const left = await this.packetsUntilClosed();
    const late = left.find((packet) => packet.type === 'disconnect');
    if (late !== undefined) this.fail('the server answered DISCONNECT with DISCONNECT');
  }

  /**
   * The server closes because of what was sent last: at once, or in 5.0 after a DISCONNECT with one of the codes that say so.
   * Nothing else may come, and nothing after the DISCONNECT.
   */
  async expectClosed(specificCodes: readonly number[] = [], timeoutMilliseconds?: number): Promise<void> {
    const codes = [...generalBreachCodes, ...specificCodes];
    await this.expectClosedWith(codes, timeoutMilliseconds);
  }

  /** Like `expectClosed`, with the reason codes that a DISCONNECT may have here. Gives the one that came. */
  async expectClosedWith(codes: readonly number[], timeoutMilliseconds?: number): Promise<number | undefined> {
    const [first, second] = await this.packetsUntilClosed(timeoutMilliseconds);
    if (first === undefined) return undefined;
    if (first.type !== 'disconnect') return this.fail(`${first.type} came before the close`);
    if (!codes.includes(first.reasonCode))
      this.fail(
        `DISCONNECT has ${reasonCodeText(first.reasonCode)}; right would be ${codes.map((code) => reasonCodeText(code)).join(', ')}`,
      );
    if (second !== undefined) this.fail(`${second.type} came after DISCONNECT`);
    return first.reasonCode;
  }
}
