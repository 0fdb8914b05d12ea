import {
  type AcknowledgementPacket,
  type AcknowledgementProperties,
  type AuthPacket,
  type ConnackPacket,
  type ConnectPacket,
  type DisconnectPacket,
  encodedLength,
  ReasonCode,
  type SubackPacket,
  type UnsubackPacket,
} from '@si-mqtt/codec';
import { type Negotiated, packetSizeCeiling } from './negotiation.js';

/** The packets of a server that may carry a Reason String and User Properties about themselves. */
export type AnswerPacket = ConnackPacket | AcknowledgementPacket | SubackPacket | UnsubackPacket | DisconnectPacket | AuthPacket;

/** Attaches Reason Strings and User Properties to what is sent to 5.0 clients. */
export interface AnswerPolicy {
  /**
   * Asked for every such packet just before it is sent, for acknowledgements too, so it has to be quick; it answers from memory and does not
   * throw. The packet is as it would be sent, and must not be changed. What is answered goes beside its properties, or replaces the ones of
   * the same name; what the client does not want to have, or what would make the packet too large for it, is left out.
   * @param clientId of CONNECT: in a refusal nobody has proved it
   */
  propertiesFor(packet: Readonly<AnswerPacket>, clientId: string): AcknowledgementProperties | undefined;
}

/** What a server attaches to its answers. */
export interface AnswerSettings {
  /** False: only the policy says why something is refused, nothing does without one. */
  readonly explainsRefusals: boolean;
  readonly policy: AnswerPolicy | undefined;
}

/** What CONNECT says about what may be attached. */
export type AnswerTerms = Pick<Negotiated, 'clientId' | 'maximumPacketSize' | 'requestProblemInformation'>;

/** For a CONNECT of 5.0, before it is negotiated. */
export function answerTerms({ clientId, properties }: ConnectPacket): AnswerTerms {
  return {
    clientId,
    maximumPacketSize: properties?.maximumPacketSize ?? packetSizeCeiling,
    requestProblemInformation: properties?.requestProblemInformation ?? true,
  };
}

/**
 * The packet for a 5.0 client with what may be attached to it: its own Reason String, or the words for its refusal, and what the policy says.
 * Undefined: the client takes no packet as large as this one even with nothing attached [MQTT-3.1.2-24].
 */
export function completeAnswer(packet: AnswerPacket, terms: AnswerTerms, settings: AnswerSettings): AnswerPacket | undefined {
  const own = settings.explainsRefusals ? explained(packet) : unexplained(packet);
  const attached = settings.policy?.propertiesFor(own, terms.clientId);
  const full = attached === undefined ? own : withProperties(own, { ...own.properties, ...attached });
  const { requestProblemInformation, maximumPacketSize } = terms;
  const mayExplain = requestProblemInformation || packet.type === 'connack' || packet.type === 'disconnect'; // [MQTT-3.1.2-29]
  return mayExplain && encodedLength(full, 5) <= maximumPacketSize ? full : shortened(full, mayExplain, maximumPacketSize);
}

/**
 * With the Reason String if that fits, and with the User Properties if they fit [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3]
 * [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1]
 * [MQTT-3.11.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4] [MQTT-3.15.2-2] [MQTT-3.15.2-3].
 */
function shortened(full: AnswerPacket, mayExplain: boolean, maximumPacketSize: number): AnswerPacket | undefined {
  const { reasonString, userProperties, ...others } = full.properties ?? {};
  let packet = withProperties(full, others);
  if (encodedLength(packet, 5) > maximumPacketSize) return undefined;
  if (!mayExplain) return packet;
  for (const property of [{ reasonString }, { userProperties }]) {
    const larger = withProperties(full, { ...packet.properties, ...property });
    if (encodedLength(larger, 5) <= maximumPacketSize) packet = larger;
  }
  return packet;
}

function withProperties(packet: AnswerPacket, properties: AnswerPacket['properties']): AnswerPacket {
  return { ...packet, properties };
}

const publishRefusals: ReadonlyMap<ReasonCode, string> = new Map([
  [ReasonCode.notAuthorized, 'publishing to this topic is not allowed'],
  [ReasonCode.quotaExceeded, 'no subscriber had room for the message, or it could not be retained'],
]);
const subscribeRefusals: ReadonlyMap<ReasonCode, string> = new Map([
  [ReasonCode.notAuthorized, 'subscribing to this topic filter is not allowed'],
  [ReasonCode.quotaExceeded, 'this client has as many subscriptions as it may have'],
  [ReasonCode.sharedSubscriptionsNotSupported, 'shared subscriptions are not available'],
  [ReasonCode.subscriptionIdentifiersNotSupported, 'subscription identifiers are not available'],
  [ReasonCode.wildcardSubscriptionsNotSupported, 'wildcard subscriptions are not available'],
]);

/** A refusal that has no Reason String yet gets one. */
function explained(packet: AnswerPacket): AnswerPacket {
  if (packet.properties?.reasonString !== undefined) return packet;
  const reasonString = refusalText(packet);
  return reasonString === undefined ? packet : withProperties(packet, { ...packet.properties, reasonString });
}

function unexplained(packet: AnswerPacket): AnswerPacket {
  if (packet.properties?.reasonString === undefined) return packet;
  const { reasonString: _reasonString, ...others } = packet.properties;
  return withProperties(packet, others);
}

function refusalText(packet: AnswerPacket): string | undefined {
  switch (packet.type) {
    case 'puback':
    case 'pubrec':
      return publishRefusals.get(packet.reasonCode);
    case 'pubrel':
    case 'pubcomp':
      return packet.reasonCode === ReasonCode.packetIdentifierNotFound ? 'no exchange with this packet identifier is open' : undefined;
    case 'suback':
      return subackText(packet.reasonCodes);
    default:
      return undefined;
  }
}

/** One packet answers several filters: every reason once. */
function subackText(reasonCodes: readonly ReasonCode[]): string | undefined {
  if (reasonCodes.length === 1) return subscribeRefusals.get(reasonCodes[0]);
  const texts = new Set(reasonCodes.flatMap((reasonCode) => subscribeRefusals.get(reasonCode) ?? []));
  return texts.size === 0 ? undefined : [...texts].join('; ');
}
