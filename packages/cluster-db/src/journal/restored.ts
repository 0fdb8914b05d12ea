import { type ProtocolVersion, type QoS } from '@si-mqtt/codec';
import { type RestoredDelivery, type RestoredSession, type Subscription } from '@si-mqtt/session';
import { parseTopicFilter } from '@si-mqtt/topics';
import { type SessionRows } from '../log-store.js';
import { type SessionEntry } from '../record/entries.js';
import { unpackNumbers } from '../record/record.js';
import { decodeMessage, decodeWill } from '../record/stored-message.js';
import { QueueFlag, type QueueRow, type ShareQueueRow, SubscriptionFlag, type SubscriptionRow } from '../rows.js';

export function restoredDelivery(row: QueueRow): RestoredDelivery {
  return {
    position: row.pos,
    message: decodeMessage(row.body),
    qos: row.qos as QoS,
    retain: (row.flags & QueueFlag.retain) !== 0,
    subscriptionIdentifiers: unpackNumbers(row.subscriptionIdentifiers),
    sharedSubscription: row.sharedSubscription ?? undefined,
    packetId: row.packetId,
    isReceived: row.received !== 0,
  };
}

export function restoredFromGroup({ pos, body, sharedSubscription }: ShareQueueRow): RestoredDelivery {
  const message = decodeMessage(body);
  return {
    position: pos,
    message,
    qos: message.qos,
    retain: false,
    subscriptionIdentifiers: undefined,
    sharedSubscription,
    packetId: 0,
    isReceived: false,
  };
}

export function restoredSession({ session, subs, inq2, will, queue }: SessionRows): RestoredSession {
  return {
    clientId: session.clientId,
    incarnation: session.incarnation,
    userName: session.userName ?? undefined,
    protocolVersion: session.protocolVersion as ProtocolVersion,
    sessionExpiryInterval: session.expirySeconds ?? Infinity,
    wasConnected: session.connected !== 0,
    will: will === undefined ? undefined : decodeWill({ delaySeconds: will.delaySeconds, message: will.body }),
    willPublishAt: will?.dueAt ?? undefined,
    expiresAt: session.expiresAt ?? Infinity,
    subscriptions: subs.map(restoredSubscription),
    receivedPacketIds: inq2.map(({ packetId }) => packetId),
    queuedMessages: queue.messages,
    queuedBytes: queue.bytes,
    lastPosition: queue.lastPos,
  };
}

/** The session's own state, as the entry that would make its row. */
export function sessionEntry({ session, will }: SessionRows): SessionEntry {
  return {
    kind: 'session',
    session: { sid: session.sid, incarnation: session.incarnation },
    clientId: session.clientId,
    userName: session.userName ?? undefined,
    protocolVersion: session.protocolVersion,
    connected: session.connected !== 0,
    sessionExpiryInterval: session.expirySeconds ?? Infinity,
    expiresAt: session.expiresAt ?? Infinity,
    will: will === undefined ? undefined : { delaySeconds: will.delaySeconds, message: will.body },
    willDueAt: will?.dueAt ?? undefined,
  };
}

function restoredSubscription({ requested, qos, flags, subscriptionIdentifier }: SubscriptionRow): Subscription {
  const { shareName, topicFilter } = parseTopicFilter(requested);
  return {
    requested,
    topicFilter,
    shareName,
    qos: qos as QoS,
    noLocal: (flags & SubscriptionFlag.noLocal) !== 0,
    retainAsPublished: (flags & SubscriptionFlag.retainAsPublished) !== 0,
    subscriptionIdentifier,
    mayReceive: undefined,
  };
}
