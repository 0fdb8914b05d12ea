import { bytes, field, type Part, uint16, uint32, variableByteInteger } from './bytes.js';

/** Writers of single properties (5.0, 2.2.2.2); they take any value, allowed or not. */
export const property = {
  payloadFormatIndicator: (value: number): Buffer => bytes(0x01, value),
  messageExpiryInterval: (seconds: number): Buffer => bytes(0x02, uint32(seconds)),
  contentType: (text: Part): Buffer => bytes(0x03, field(text)),
  responseTopic: (text: Part): Buffer => bytes(0x08, field(text)),
  correlationData: (data: Part): Buffer => bytes(0x09, field(data)),
  subscriptionIdentifier: (value: number): Buffer => bytes(0x0b, variableByteInteger(value)),
  sessionExpiryInterval: (seconds: number): Buffer => bytes(0x11, uint32(seconds)),
  serverKeepAlive: (seconds: number): Buffer => bytes(0x13, uint16(seconds)),
  authenticationMethod: (text: Part): Buffer => bytes(0x15, field(text)),
  authenticationData: (data: Part): Buffer => bytes(0x16, field(data)),
  requestProblemInformation: (value: number): Buffer => bytes(0x17, value),
  willDelayInterval: (seconds: number): Buffer => bytes(0x18, uint32(seconds)),
  requestResponseInformation: (value: number): Buffer => bytes(0x19, value),
  reasonString: (text: Part): Buffer => bytes(0x1f, field(text)),
  receiveMaximum: (value: number): Buffer => bytes(0x21, uint16(value)),
  topicAliasMaximum: (value: number): Buffer => bytes(0x22, uint16(value)),
  topicAlias: (value: number): Buffer => bytes(0x23, uint16(value)),
  userProperty: (name: Part, value: Part): Buffer => bytes(0x26, field(name), field(value)),
  maximumPacketSize: (size: number): Buffer => bytes(0x27, uint32(size)),
} as const;

/** Property Length and the properties. */
export function properties(list: readonly Part[] = []): Buffer {
  const content = bytes(...list);
  return bytes(variableByteInteger(content.length), content);
}
