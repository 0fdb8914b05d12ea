import { type ProtocolVersion } from './packets.js';

/** The side whose packets are decoded: what it may send differs. */
export type Sender = 'client' | 'server';

/** One object for all connections of a listener: a decoder refers to it and copies nothing but the version and the packet size. */
export interface DecoderOptions {
  readonly from: Sender;
  /** Bytes of a whole packet, fixed header included. Larger ones are refused with 0x95 before anything of them is kept. */
  readonly maximumPacketSize: number;
  /** Given on the side of a client, which knows it. A server leaves it out: its decoder learns it from CONNECT, which is then the first packet. */
  readonly protocolVersion?: ProtocolVersion;
  /** Properties in one list (user properties count one by one); more are refused with 0x97. Unlimited unless given. */
  readonly propertiesMax?: number;
  /** Levels of a topic name (0x90) or filter (0x8F, without `$share/{ShareName}`). Unlimited unless given. */
  readonly topicLevelsMax?: number;
  /** Filters in one SUBSCRIBE or UNSUBSCRIBE; more are refused with 0x97. Unlimited unless given. */
  readonly topicFiltersMax?: number;
}
