/** What a client asks of the broker. Its outcome comes as a second event, or never. */
export type Call =
  | ConnectCall
  | SubscribeCall
  | { readonly call: 'unsubscribe'; readonly client: string; readonly connection: number; readonly filter: string }
  | PublishCall
  | { readonly call: 'ping'; readonly client: string; readonly connection: number };

export interface ConnectCall {
  readonly call: 'connect';
  readonly client: string;
  /** A number that no other connection of the history has. */
  readonly connection: number;
  readonly cleanStart: boolean;
  /** The session outlives its connection, longer than the history lasts. */
  readonly keepsSession: boolean;
  readonly will?: WillOfHistory;
}

export interface WillOfHistory {
  readonly message: string;
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly delaySeconds: number;
}

export interface SubscribeCall {
  readonly call: 'subscribe';
  readonly client: string;
  readonly connection: number;
  /** As the client writes it, `$share/…` included. */
  readonly filter: string;
  readonly qos: number;
  /** Retained messages have to come: Retain Handling 0, or a new subscription without it. */
  readonly wantsRetained: boolean;
}

export interface PublishCall {
  readonly call: 'publish';
  readonly client: string;
  readonly connection: number;
  /** The whole payload: no other publication or will has the same. A deletion, whose payload is empty, has a name all the same. */
  readonly message: string;
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  /** Retained, with an empty payload. */
  readonly deletes: boolean;
}

/** `ok`: the broker said yes. `fail`: it said no, for certain. `info`: nobody knows. */
export type Outcome = 'ok' | 'fail' | 'info';

export interface ReceivedNote {
  readonly note: 'received';
  readonly client: string;
  readonly connection: number;
  /** The payload; undefined if it is empty. */
  readonly message: string | undefined;
  readonly topic: string;
  readonly qos: number;
  readonly dup: boolean;
  /** RETAIN: sent because of a subscription. Subscriptions with Retain As Published cannot be judged. */
  readonly retain: boolean;
  /** Without one, the recorder counts on the client to hand over each QoS 2 message once. */
  readonly packetId?: number;
}

/** What happens without an answer to wait for. */
export type Note =
  | ReceivedNote
  /** PUBREL came: the identifier is free for a new message. */
  | { readonly note: 'released'; readonly client: string; readonly connection: number; readonly packetId: number }
  /** The client is about to send DISCONNECT: from here on the broker may act as if the connection had ended, and what comes is not noted. */
  | { readonly note: 'leaving'; readonly client: string; readonly connection: number }
  | EndedNote
  /** The client sent the PUBLISH of that call again, on a later connection. */
  | { readonly note: 'publishedAgain'; readonly operation: number }
  /** The broker, or one node of it, is about to be killed. */
  | { readonly note: 'crashed' }
  /** As a node says of itself: from here on it serves the client, under an epoch that is higher than all before. */
  | { readonly note: 'owned'; readonly client: string; readonly owner: string; readonly epoch: number }
  | { readonly note: 'disowned'; readonly client: string; readonly owner: string }
  | DroppedNote
  /** The broker counted so many publications that it refused: one whose answer was lost on the way is a new one when it comes again. */
  | { readonly note: 'refused'; readonly count: number }
  /** All that was due has had its time: whoever is connected has got what it will get, delayed wills included. */
  | { readonly note: 'quiesced' };

/** The broker counted so many messages that it dropped. Each excuses one loss, and no more than is said here. */
export interface DroppedNote {
  readonly note: 'dropped';
  /** Whose they were; without it, anybody's. */
  readonly client?: string;
  /** `willMissing`: they were wills that it refused, so nothing else is excused. Without it, what was dropped can have been anything. */
  readonly rule?: 'willMissing';
  readonly count: number;
}

/**
 * How a connection ended. `disconnected`: DISCONNECT 0x00, and the broker closed. `cut`: by the client, without DISCONNECT. `closed`: by the
 * broker. `unknown`: a DISCONNECT was sent, and perhaps not read.
 */
export interface EndedNote {
  readonly note: 'ended';
  readonly client: string;
  readonly connection: number;
  readonly how: 'disconnected' | 'cut' | 'closed' | 'unknown';
}

export type HistoryEvent = (
  | { readonly type: 'invoke'; readonly operation: number; readonly call: Call }
  | { readonly type: Outcome; readonly operation: number; readonly result: Result }
  | { readonly type: 'note'; readonly note: Note }
) & {
  /** Milliseconds of one clock that never goes back. */
  readonly time: number;
};

export interface Result {
  /** Of an accepted connection. */
  readonly sessionPresent?: boolean;
  /** Granted to a subscription. */
  readonly qos?: number;
  /** With which a publication was refused. */
  readonly reasonCode?: number;
}
