import { type ProtocolVersion, type PublishFrame, publishFirstByte } from '@si-mqtt/codec';
import { type Message } from '../message.js';
import { type Negotiated } from '../negotiation.js';
import { largePacketBytes, type Output } from '../output.js';
import { type SessionSurroundings } from './session-surroundings.js';

/** How a message becomes the packet that this client gets. A base and not a part of what decides when, because each idle session would own one. */
export abstract class Sending {
  protected readonly surroundings: SessionSurroundings;
  protected output: Output | undefined;
  private protocolVersion: ProtocolVersion = 4;
  private maximumPacketSize = 0;
  private topicAliasMaximum = 0;
  private topicAliases: Map<string, number> | undefined;

  constructor(surroundings: SessionSurroundings) {
    this.surroundings = surroundings;
  }

  /** True: the time of the message is over, and nobody gets it any more [MQTT-3.3.2-5]. */
  dropsExpired(message: Message): boolean {
    if (!message.isExpired(this.surroundings.env.now())) return false;
    this.surroundings.drops.expired++;
    return true;
  }

  protected beginSending(output: Output, negotiated: Negotiated): void {
    this.output = output;
    this.protocolVersion = negotiated.protocolVersion;
    this.maximumPacketSize = negotiated.maximumPacketSize;
    this.topicAliasMaximum = negotiated.topicAliasMaximumOut;
    this.topicAliases = undefined; // [MQTT-3.3.2-7]
  }

  protected sendQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[] | undefined): boolean {
    return this.send(message, publishFirstByte(0, retain, false), 0, subscriptionIdentifiers);
  }

  /** False: too large for this client, so dropped as if it had been sent [MQTT-3.1.2-24] [MQTT-3.1.2-25]. */
  protected send(message: Message, firstByte: number, packetId: number, subscriptionIdentifiers: readonly number[] | undefined): boolean {
    const version = this.protocolVersion;
    const withPacketId = packetId !== 0;
    const particular = version === 5 && (subscriptionIdentifiers !== undefined || this.topicAliasMaximum > 0);
    let frame = particular ? this.particularFrame(message, withPacketId, subscriptionIdentifiers) : message.frame(version, withPacketId);
    if (frame.end - frame.start >= largePacketBytes && !particular) {
      // Large ones are written by reference, so they must outlive the chunk that was read.
      message.keep();
      frame = message.frame(version, withPacketId);
    }
    if (frame.end - frame.start > this.maximumPacketSize) {
      this.surroundings.drops.tooLarge++;
      return false;
    }
    const remaining = frame.messageExpiryAt < 0 ? -1 : message.remainingExpiry(this.surroundings.env.now());
    this.output!.sendPublish(frame, firstByte, packetId, remaining);
    return true;
  }

  /** The first topics of a connection get aliases from their first message on (broker.md §3) [MQTT-3.3.2-11]. */
  private particularFrame(message: Message, withPacketId: boolean, subscriptionIdentifiers: readonly number[] | undefined): PublishFrame {
    if (this.topicAliasMaximum === 0) return message.particularFrame(withPacketId, subscriptionIdentifiers, 0, true);
    const aliases = (this.topicAliases ??= new Map());
    const known = aliases.get(message.topicName);
    // QoS 0 does not wait for the journal: it may overtake the message that gives the alias its meaning, and so says it again. That message
    // waits on a connection whose session is not recorded, too, behind the acknowledgement of something that is.
    const withTopicName = !withPacketId && this.surroundings.journal !== undefined;
    if (known !== undefined) return message.particularFrame(withPacketId, subscriptionIdentifiers, known, withTopicName);
    if (aliases.size >= this.topicAliasMaximum) return message.particularFrame(withPacketId, subscriptionIdentifiers, 0, true);
    const frame = message.particularFrame(withPacketId, subscriptionIdentifiers, aliases.size + 1, true);
    // A packet that is too large is not sent, so its alias would be unknown to the client.
    if (frame.end - frame.start <= this.maximumPacketSize) aliases.set(message.topicName, aliases.size + 1);
    return frame;
  }
}
