import { ReasonCode } from './reason-codes.js';

/**
 * A breach of the protocol by the other side: the one error class for faults that come from bytes.
 *
 * `reasonCode` is what MQTT 5.0 prescribes (0x81 malformed, 0x82 protocol error, 0x95 too large …). For 3.x the reaction is to close the connection;
 * only where 3.1 or 3.1.1 prescribes a CONNACK (unacceptable protocol level, client identifier) `connackReturnCode` carries that return code.
 */
export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError';
  readonly reasonCode: ReasonCode;
  readonly connackReturnCode: number | undefined;

  constructor(reasonCode: ReasonCode, message: string, connackReturnCode?: number) {
    super(message);
    this.reasonCode = reasonCode;
    this.connackReturnCode = connackReturnCode;
  }
}

/** A packet that cannot be parsed by the specification (section 4.13, reason code 0x81). */
export function malformed(message: string): ProtocolError {
  return new ProtocolError(ReasonCode.malformedPacket, message);
}

/** A packet that parses but is not allowed (section 4.13, reason code 0x82). */
export function protocolError(message: string): ProtocolError {
  return new ProtocolError(ReasonCode.protocolError, message);
}
