export { type AnswerPacket, type AnswerPolicy, type AnswerSettings, type AnswerTerms, answerTerms, completeAnswer } from './answer.js';
export { DropCounters } from './drop-counters.js';
export { type AuthenticationRequest, EnhancedAuthentication } from './enhanced-authentication.js';
export { Inbound, type PublishTarget, pending } from './inbound.js';
export { type Capabilities, defaultSessionLimits, fullCapabilities, type QueueOverflow, type SessionLimits } from './limits.js';
export { MemoryJournal, MemoryJournalState } from './memory/memory-journal.js';
export { MemoryRetained, type RetainedLimits } from './memory/memory-retained.js';
export { MemorySessions } from './memory/memory-sessions.js';
export { SingleNode } from './memory/single-node.js';
export { Message, type MessageContent, type Publisher } from './message.js';
export { type Negotiated, type NegotiationRefusal, type NegotiationSettings, negotiate, restoredAgreement } from './negotiation.js';
export { Delivery } from './outbound/delivery.js';
export { Outbound } from './outbound/outbound.js';
export { type SessionSurroundings } from './outbound/session-surroundings.js';
export { type DeliveryOutcome } from './outbound/waiting.js';
export { largePacketBytes, type Output } from './output.js';
export { type Cluster, type ClusterHost, type ClusterStatus, type InterestChange } from './ports/cluster.js';
export { type Env } from './ports/env.js';
export {
  type ConnectedState,
  type DelayedWill,
  type DisconnectedState,
  type Journal,
  type JournalCondition,
  type JournaledDelivery,
  type JournalHost,
  type JournalMeasures,
  type JournalWork,
  type QueuePosition,
  type RestoredDelivery,
  type RestoredGroup,
  type RestoredSession,
  type SessionKey,
} from './ports/journal.js';
export { type RetainedPage, type RetainedPut, type RetainedStore, type RetainedVersion } from './ports/retained-store.js';
export { type AcquireRequest, type Position, type SessionLease, type SessionStore, type StoredSession } from './ports/session-store.js';
export { RetainedReplay } from './retained-replay.js';
export { type DetachOutcome, Session } from './session.js';
export { GroupJournal, type GroupOutcome, SharedGroup, type SharedGroupLimits, type SharedStrategy } from './shared-group.js';
export { type Subscription } from './subscription.js';
export { type ConnectionEnd, type WillAction, willAction } from './will.js';
