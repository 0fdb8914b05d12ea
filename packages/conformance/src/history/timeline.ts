import {
  type Call,
  type ConnectCall,
  type DroppedNote,
  type EndedNote,
  type HistoryEvent,
  type Outcome,
  type ReceivedNote,
  type Result,
  type SubscribeCall,
} from './events.js';
import { type Rule, type Violation } from './violation.js';

/** Places in a history are the indexes of its events; `never` stands for what does not happen. */
export const never: number = Number.POSITIVE_INFINITY;

export interface Operation<Kind extends Call = Call> {
  readonly call: Kind;
  readonly invoked: number;
  /** `never` unless the outcome is `ok` or `fail`. */
  completed: number;
  outcome: Outcome;
  result: Result;
  /** How often a PUBLISH was sent. */
  attempts: number;
}

export interface Connection {
  readonly number: number;
  readonly client: string;
  readonly connect: Operation<ConnectCall>;
  session: Session | undefined;
  /** The broker may have taken it for ended: the client left, or came on another connection. */
  left: number;
  ended: number;
  endedTime: number;
  how: EndedNote['how'] | undefined;
}

/** All that one client id is from one clean beginning to the next. */
export interface Session {
  readonly client: string;
  /** The CONNECT with which it began was sent, and was accepted. */
  readonly begun: number;
  /** It is over for certain. */
  over: number;
  /** From here on it may be over. */
  perhapsOver: number;
  keeps: boolean;
  readonly connections: Connection[];
  readonly subscriptions: SubscriptionSpan[];
  readonly subscribes: Operation<SubscribeCall>[];
  readonly received: Received[];
}

/** One filter of a session, from its first SUBSCRIBE to an UNSUBSCRIBE. */
export interface SubscriptionSpan {
  readonly session: Session;
  readonly filter: string;
  readonly shareName: string | undefined;
  readonly topicFilter: string;
  /** The lowest QoS that was granted to it. */
  qos: number;
  /** From `perhapsFrom` on the broker may match it, from `from` on it must; until `until` it must, until `perhapsUntil` it may. */
  readonly perhapsFrom: number;
  from: number;
  until: number;
  perhapsUntil: number;
}

export interface Received {
  readonly at: number;
  readonly time: number;
  readonly note: ReceivedNote;
  readonly connection: Connection;
  /** A QoS 2 PUBLISH that came again before its PUBREL. */
  readonly isRepetition: boolean;
}

export interface CheckOptions {
  /**
   * What a crash of the broker may cost. `eager`: nothing. `lazy`: QoS 1 may be delivered again, under a new identifier and without DUP.
   * `everything`: what is only in memory is gone, sessions and retained messages included. Default `eager`.
   */
  readonly afterCrash?: 'eager' | 'lazy' | 'everything';
  /** Milliseconds that a broker may take to notice that time has passed; default 1000. */
  readonly slackMilliseconds?: number;
}

/** A history, put in order by who did what to which session; what is wrong with the sessions themselves shows here already. */
export class Timeline {
  readonly events: readonly HistoryEvent[];
  readonly options: Required<CheckOptions>;
  readonly operations: Operation[] = [];
  readonly connections: Map<number, Connection> = new Map();
  readonly sessions: Session[] = [];
  readonly crashes: number[] = [];
  readonly dropped: DroppedNote[] = [];
  /** Publications that the broker counted as refused. */
  refused = 0;
  readonly violations: Violation[] = [];
  /** Where all that was due had come; the end if nothing says so. */
  quiesced: number = never;
  private readonly byNumber = new Map<number, Operation>();
  private readonly current = new Map<string, Session>();
  /** Clients of which a connection may have begun a session without an answer; true: it asked for a new one. */
  private readonly inDoubt = new Map<string, boolean>();
  /** QoS 2 identifiers that are not released, with their message. */
  private readonly unreleased = new Map<Session, Map<number, string | undefined>>();

  constructor(events: readonly HistoryEvent[], options: CheckOptions) {
    this.events = events;
    this.options = { afterCrash: 'eager', slackMilliseconds: 1000, ...options };
    for (const [at, event] of events.entries()) this.take(at, event);
    if (this.quiesced === never) this.quiesced = events.length;
  }

  violation(rule: Rule, text: string, ...places: readonly number[]): void {
    this.violations.push({ rule, text, places });
  }

  /** It lives to the end, with a connection that was there before all came to rest. */
  isWatched(session: Session): boolean {
    const last = session.connections[session.connections.length - 1];
    return session.perhapsOver === never && last.connect.completed < this.quiesced && last.ended > this.quiesced;
  }

  hasCrashBetween(from: number, to: number): boolean {
    return this.crashes.some((at) => from < at && at < to);
  }

  timeOf(place: number): number {
    return place === never ? never : this.events[place].time;
  }

  private take(at: number, event: HistoryEvent): void {
    if (event.type === 'invoke') {
      const operation: Operation = { call: event.call, invoked: at, completed: never, outcome: 'info', result: {}, attempts: 1 };
      this.operations.push(operation);
      this.byNumber.set(event.operation, operation);
      this.invoked(operation);
    } else if (event.type === 'note') {
      this.noted(at, event);
    } else {
      const operation = this.byNumber.get(event.operation);
      if (operation === undefined) throw new Error(`event ${at} ends a call that was never begun`);
      operation.outcome = event.type;
      operation.result = event.result;
      if (event.type !== 'info') operation.completed = at;
      this.completed(at, operation);
    }
  }

  private invoked(operation: Operation): void {
    const { call, invoked } = operation;
    if (call.call === 'connect') {
      const connect = operation as Operation<ConnectCall>;
      const { client, connection: number } = call;
      this.connections.set(number, {
        number,
        client,
        connect,
        session: undefined,
        left: never,
        ended: never,
        endedTime: never,
        how: undefined,
      });
      const session = this.current.get(client);
      for (const connection of session?.connections ?? []) connection.left = Math.min(connection.left, invoked);
      if (session !== undefined && (call.cleanStart || !session.keeps)) session.perhapsOver = Math.min(session.perhapsOver, invoked);
    } else if (call.call === 'subscribe') {
      this.subscribing(operation.invoked, call.connection, call.filter);
      this.connections.get(call.connection)?.session?.subscribes.push(operation as Operation<SubscribeCall>);
    } else if (call.call === 'unsubscribe') {
      const span = this.openSpan(call.connection, call.filter);
      if (span !== undefined) span.until = Math.min(span.until, invoked);
    }
  }

  private completed(at: number, operation: Operation): void {
    const { call, outcome, result } = operation;
    if (call.call === 'connect') this.connectCompleted(at, operation as Operation<ConnectCall>);
    if (outcome !== 'ok') return;
    if (call.call === 'subscribe') {
      const span = this.openSpan(call.connection, call.filter);
      if (span === undefined) return;
      span.qos = Math.min(span.from === never ? 2 : span.qos, result.qos ?? call.qos);
      span.from = Math.min(span.from, at);
    } else if (call.call === 'unsubscribe') {
      const span = this.openSpan(call.connection, call.filter);
      if (span !== undefined) span.perhapsUntil = at;
    }
  }

  private connectCompleted(at: number, operation: Operation<ConnectCall>): void {
    const { call, outcome, result, invoked } = operation;
    const session = this.current.get(call.client);
    if (outcome === 'fail') {
      // Nothing was done, so nothing was ended.
      if (session?.perhapsOver === invoked) session.perhapsOver = never;
      return;
    }
    if (outcome === 'info') {
      // Perhaps it was accepted: then the session may have ended with that connection.
      if (session !== undefined && !call.keepsSession) session.perhapsOver = Math.min(session.perhapsOver, invoked);
      if (call.keepsSession) this.inDoubt.set(call.client, call.cleanStart || this.inDoubt.get(call.client) === true);
      return;
    }
    const connection = this.connections.get(call.connection)!;
    connection.session = this.continued(at, operation, session, result.sessionPresent === true);
    connection.session.keeps = call.keepsSession;
    connection.session.connections.push(connection);
  }

  /** The session of an accepted CONNECT: the one that was there, or a new one. */
  private continued(at: number, operation: Operation<ConnectCall>, session: Session | undefined, isPresent: boolean): Session {
    const { client, cleanStart } = operation.call;
    const { invoked } = operation;
    const mayBeThere = session !== undefined && session.over === never && !cleanStart;
    const doubt = this.inDoubt.get(client);
    this.inDoubt.delete(client);
    // One that was begun anew without an answer may be there in its place, and owes nothing that the old one did.
    if (isPresent && mayBeThere && doubt !== true) {
      // Whatever was in doubt: it goes on.
      session.perhapsOver = never;
      return session;
    }
    if (isPresent && (doubt === undefined || cleanStart))
      this.violation('sessionKept', `${client} was told of a session that cannot be there any more`, invoked, at);
    else if (!isPresent && mayBeThere && session.perhapsOver === never && session.keeps)
      this.violation('sessionLost', `the session of ${client} is gone, and nothing ended it`, invoked, at);
    if (session !== undefined) {
      session.over = Math.min(session.over, invoked);
      session.perhapsOver = Math.min(session.perhapsOver, invoked);
    }
    const begun: Session = {
      client,
      begun: invoked,
      over: never,
      perhapsOver: never,
      keeps: true,
      connections: [],
      subscriptions: [],
      subscribes: [],
      received: [],
    };
    this.sessions.push(begun);
    this.current.set(client, begun);
    return begun;
  }

  private noted(at: number, event: HistoryEvent & { readonly type: 'note' }): void {
    const { note, time } = event;
    switch (note.note) {
      case 'received':
        this.received(at, time, note);
        return;
      case 'released': {
        const session = this.connections.get(note.connection)?.session;
        if (session !== undefined) this.unreleased.get(session)?.delete(note.packetId);
        return;
      }
      case 'leaving': {
        const connection = this.connections.get(note.connection);
        if (connection !== undefined) connection.left = Math.min(connection.left, at);
        return;
      }
      case 'ended':
        this.ended(at, time, note);
        return;
      case 'publishedAgain':
        this.byNumber.get(note.operation)!.attempts++;
        return;
      case 'crashed':
        this.crashes.push(at);
        if (this.options.afterCrash !== 'everything') return;
        for (const session of this.current.values()) session.perhapsOver = Math.min(session.perhapsOver, at);
        return;
      case 'dropped':
        this.dropped.push(note);
        return;
      case 'refused':
        this.refused += note.count;
        return;
      case 'quiesced':
        this.quiesced = at;
        return;
      case 'owned':
      case 'disowned':
        return;
    }
  }

  private received(at: number, time: number, note: ReceivedNote): void {
    const connection = this.connections.get(note.connection);
    if (connection?.session === undefined) {
      this.violation('invented', `${note.client} got a message on a connection that was not accepted`, at);
      return;
    }
    const { session } = connection;
    let isRepetition = false;
    if (note.qos === 2 && note.packetId !== undefined) {
      const unreleased = this.unreleased.get(session) ?? new Map<number, string | undefined>();
      this.unreleased.set(session, unreleased);
      isRepetition = unreleased.has(note.packetId);
      if (isRepetition && unreleased.get(note.packetId) !== note.message)
        this.violation('duplicated', `identifier ${note.packetId} of ${note.client} stands for two messages at a time`, at);
      unreleased.set(note.packetId, note.message);
    }
    session.received.push({ at, time, note, connection, isRepetition });
  }

  private ended(at: number, time: number, note: EndedNote): void {
    const connection = this.connections.get(note.connection);
    if (connection === undefined || connection.ended !== never) return;
    connection.ended = at;
    connection.left = Math.min(connection.left, at);
    connection.endedTime = time;
    // A broker that is killed closes its connections, too, and may not have read the DISCONNECT.
    const isCrash = note.how === 'disconnected' && this.crashes.some((crash) => crash > connection.connect.invoked);
    connection.how = isCrash ? 'unknown' : note.how;
    const { session } = connection;
    if (session === undefined || session.keeps || session.connections[session.connections.length - 1] !== connection) return;
    session.over = Math.min(session.over, at);
    session.perhapsOver = Math.min(session.perhapsOver, at);
  }

  private subscribing(at: number, connection: number, filter: string): void {
    const session = this.connections.get(connection)?.session;
    if (session === undefined || this.openSpan(connection, filter) !== undefined) return;
    const [, shareName, topicFilter] = /^\$share\/([^/]+)\/(.+)$/s.exec(filter) ?? [undefined, undefined, filter];
    session.subscriptions.push({
      session,
      filter,
      shareName,
      topicFilter,
      qos: 2,
      perhapsFrom: at,
      from: never,
      until: never,
      perhapsUntil: never,
    });
  }

  /** The span that a call of that connection speaks of. */
  private openSpan(connection: number, filter: string): SubscriptionSpan | undefined {
    const session = this.connections.get(connection)?.session;
    return session?.subscriptions.find((span) => span.filter === filter && span.perhapsUntil === never);
  }
}
