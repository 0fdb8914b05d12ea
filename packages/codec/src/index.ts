export { DecodedPublish } from './decode/publish.js';
export { Decoder, type PacketReceiver } from './decoder.js';
export { type DecoderOptions, type Sender } from './decoder-options.js';
export { acknowledgementLengthMax, encodeAcknowledgementInto } from './encode/acknowledgement.js';
export { type FrameRoom, type PublishContent, publishFrame } from './encode/publish.js';
export { encode, encodedLength, encodeInto } from './encoder.js';
export {
  type AcknowledgementPacket,
  type AcknowledgementProperties,
  type AcknowledgementType,
  type AuthPacket,
  type AuthProperties,
  type ConnackPacket,
  type ConnackProperties,
  type ConnectPacket,
  type ConnectProperties,
  type DisconnectPacket,
  type DisconnectProperties,
  type Packet,
  type PingreqPacket,
  type PingrespPacket,
  type ProtocolVersion,
  type PubackPacket,
  type PubcompPacket,
  type PublishPacket,
  type PublishProperties,
  type PubrecPacket,
  type PubrelPacket,
  type QoS,
  type SubackPacket,
  type SubscribePacket,
  type SubscribeProperties,
  type SubscriptionRequest,
  type UnsubackPacket,
  type UnsubscribePacket,
  type UserProperty,
  type Will,
  type WillProperties,
} from './packets.js';
export { malformed, ProtocolError, protocolError } from './protocol-error.js';
export { copyPublishFrame, copyPublishHead, moveFrame, ownFrame, type PublishFrame, publishFirstByte } from './publish-frame.js';
export { isReasonCodeOf, type ReasonedPacket } from './reason-code-sets.js';
export { ReasonCode } from './reason-codes.js';
export { checkShareName, checkTopicFilter, checkTopicName, isSharedTopicFilter, topicFilterLevels, topicLevels } from './topic-syntax.js';
export { isWellFormedString } from './utf8.js';
