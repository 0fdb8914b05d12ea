/** Limits of the node that are decided before CONNECT. Each is at least 1; `Infinity` is "unlimited". */
export interface AdmissionLimits {
  readonly connectionsMax: number;
  /** Connections whose CONNECT is not yet accepted. */
  readonly unauthenticatedConnectionsMax: number;
  /** Bytes that these connections have sent, all together. */
  readonly unauthenticatedBytesMax: number;
  /** New connections per second; up to one second's worth may come at once. */
  readonly connectRatePerSecond: number;
}

/** The same for one listener. */
export interface GateLimits {
  readonly connectDeadlineSeconds: number;
  readonly connectionsMax: number;
  readonly connectRatePerSecond: number;
}

/** Plain numbers that metrics read: the first three go up and down, the others count connections that a limit closed. */
export interface AdmissionCounters {
  connections: number;
  unauthenticatedConnections: number;
  unauthenticatedBytes: number;
  /** All connections that were let in. */
  admitted: number;
  refusedByConnectionsMax: number;
  refusedByUnauthenticatedConnectionsMax: number;
  refusedByConnectRate: number;
  refusedByListenerConnectionsMax: number;
  refusedByListenerConnectRate: number;
  closedByUnauthenticatedBytesMax: number;
  closedByConnectDeadline: number;
}

/** One connection's place among the admitted ones. Every method may be called more than once. */
export interface AdmissionTicket {
  /** CONNECT was accepted: the connection leaves the set of unauthenticated ones, and its deadline ends. */
  accepted(): void;
  /** The connection is gone. */
  closed(): void;
  /** Counts bytes that came before `accepted`. False: too many are held in all; the ticket is closed, and the connection must be destroyed. */
  received(bytes: number): boolean;
  /** What the deadline destroys; moves to the outermost stream as the connection is set up. */
  target: Destroyable;
}

export interface Destroyable {
  destroy(): void;
}

export interface MonotonicClock {
  /** Milliseconds from an arbitrary start that never go back. */
  monotonic(): number;
}

/**
 * A connection that has sent no more than this is not destroyed for the bytes that others hold. Large connections can use up the budget
 * of all; without this, an honest CONNECT of a hundred bytes would be the one that goes over it.
 */
const UNDISPUTED_BYTES = 4096;

/** Decides who is let in, before and up to CONNECT: one for the node, with a gate for each listener. */
export class Admission {
  readonly counters: AdmissionCounters = {
    connections: 0,
    unauthenticatedConnections: 0,
    unauthenticatedBytes: 0,
    admitted: 0,
    refusedByConnectionsMax: 0,
    refusedByUnauthenticatedConnectionsMax: 0,
    refusedByConnectRate: 0,
    refusedByListenerConnectionsMax: 0,
    refusedByListenerConnectRate: 0,
    closedByUnauthenticatedBytesMax: 0,
    closedByConnectDeadline: 0,
  };
  /** May be replaced at any time; what is admitted stays. */
  limits: AdmissionLimits;
  readonly clock: MonotonicClock;
  readonly #rate: TokenBucket;
  readonly #gates: Set<AdmissionGate> = new Set();

  constructor(limits: AdmissionLimits, clock: MonotonicClock) {
    this.limits = limits;
    this.clock = clock;
    this.#rate = new TokenBucket(limits.connectRatePerSecond, clock.monotonic());
  }

  openGate(limits: GateLimits): AdmissionGate {
    const gate = new AdmissionGate(this, limits);
    this.#gates.add(gate);
    return gate;
  }

  /** Stops the timers: connections that wait for their CONNECT are no longer closed by a deadline. */
  close(): void {
    for (const gate of this.#gates) gate.close();
    this.#gates.clear();
  }

  /** Whether the node lets one more connection in. */
  hasRoom(now: number): boolean {
    const { counters, limits } = this;
    if (counters.connections >= limits.connectionsMax) {
      counters.refusedByConnectionsMax++;
      return false;
    }
    if (counters.unauthenticatedConnections >= limits.unauthenticatedConnectionsMax) {
      counters.refusedByUnauthenticatedConnectionsMax++;
      return false;
    }
    if (!this.#rate.take(limits.connectRatePerSecond, now)) {
      counters.refusedByConnectRate++;
      return false;
    }
    return true;
  }
}

/** One listener's part of the admission. */
export class AdmissionGate {
  /** May be replaced at any time; deadlines that run are kept. */
  limits: GateLimits;
  /** Open connections of this listener. */
  connections: number = 0;
  readonly admission: Admission;
  readonly #rate: TokenBucket;
  /** Tickets in the order of their admission, which is the order of their deadlines: one timer serves them all. */
  #first: Ticket | undefined = undefined;
  #last: Ticket | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  constructor(admission: Admission, limits: GateLimits) {
    this.admission = admission;
    this.limits = limits;
    this.#rate = new TokenBucket(limits.connectRatePerSecond, admission.clock.monotonic());
  }

  /** Undefined: refused and counted; the caller destroys the connection and does nothing else with it. */
  admit(target: Destroyable): AdmissionTicket | undefined {
    const { admission, limits } = this;
    const { counters } = admission;
    const now = admission.clock.monotonic();
    if (this.connections >= limits.connectionsMax) {
      counters.refusedByListenerConnectionsMax++;
      return undefined;
    }
    if (!this.#rate.take(limits.connectRatePerSecond, now)) {
      counters.refusedByListenerConnectRate++;
      return undefined;
    }
    if (!admission.hasRoom(now)) return undefined;
    this.connections++;
    counters.connections++;
    counters.unauthenticatedConnections++;
    counters.admitted++;
    const ticket = new Ticket(this, target, now + limits.connectDeadlineSeconds * 1000);
    this.#append(ticket);
    return ticket;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Takes a ticket off the deadline list. */
  unlink(ticket: Ticket): void {
    if (ticket.previous === undefined) this.#first = ticket.next;
    else ticket.previous.next = ticket.next;
    if (ticket.next === undefined) this.#last = ticket.previous;
    else ticket.next.previous = ticket.previous;
    ticket.previous = undefined;
    ticket.next = undefined;
  }

  #append(ticket: Ticket): void {
    ticket.previous = this.#last;
    if (this.#last === undefined) this.#first = ticket;
    else this.#last.next = ticket;
    this.#last = ticket;
    this.#arm();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#first === undefined || this.#closed) return;
    const wait = this.#first.deadline - this.admission.clock.monotonic();
    // Never more often than ten times per deadline: those that arrived close together are closed together, a little late.
    const shortest = Math.min(100, this.limits.connectDeadlineSeconds * 100);
    this.#timer = setTimeout(expireGate, Math.max(wait, shortest), this);
    this.#timer.unref();
  }

  /** Destroys what is past its deadline. */
  expire(): void {
    this.#timer = undefined;
    const now = this.admission.clock.monotonic();
    for (let ticket = this.#first; ticket !== undefined && ticket.deadline <= now; ticket = this.#first) {
      this.admission.counters.closedByConnectDeadline++;
      const { target } = ticket;
      ticket.closed();
      target.destroy();
    }
    this.#arm();
  }
}

const expireGate = (gate: AdmissionGate): void => gate.expire();

class Ticket implements AdmissionTicket {
  target: Destroyable;
  readonly deadline: number;
  previous: Ticket | undefined = undefined;
  next: Ticket | undefined = undefined;
  readonly #gate: AdmissionGate;
  #bytes = 0;
  #state: 'waiting' | 'accepted' | 'closed' = 'waiting';

  constructor(gate: AdmissionGate, target: Destroyable, deadline: number) {
    this.#gate = gate;
    this.target = target;
    this.deadline = deadline;
  }

  accepted(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'accepted';
    this.#stopWaiting();
  }

  closed(): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'waiting') this.#stopWaiting();
    this.#state = 'closed';
    this.#gate.connections--;
    this.#gate.admission.counters.connections--;
    this.target = NOTHING;
  }

  received(bytes: number): boolean {
    if (this.#state !== 'waiting') return this.#state === 'accepted';
    const { counters, limits } = this.#gate.admission;
    this.#bytes += bytes;
    counters.unauthenticatedBytes += bytes;
    if (counters.unauthenticatedBytes <= limits.unauthenticatedBytesMax || this.#bytes <= UNDISPUTED_BYTES) return true;
    counters.closedByUnauthenticatedBytesMax++;
    // Counted as gone at once: its 'close' comes later, and until then it would be held against the others that are read in this turn.
    this.closed();
    return false;
  }

  #stopWaiting(): void {
    const { counters } = this.#gate.admission;
    counters.unauthenticatedConnections--;
    counters.unauthenticatedBytes -= this.#bytes;
    this.#gate.unlink(this);
  }
}

const NOTHING: Destroyable = { destroy: () => undefined };

/** Holds at most one second's worth, so that a quiet minute does not pay for a burst. */
class TokenBucket {
  #tokens: number;
  #filledAt: number;

  constructor(perSecond: number, now: number) {
    this.#tokens = perSecond;
    this.#filledAt = now;
  }

  /** The rate is passed each time, because a reload may change it. */
  take(perSecond: number, now: number): boolean {
    if (perSecond === Number.POSITIVE_INFINITY) return true;
    this.#tokens = Math.min(perSecond, this.#tokens + ((now - this.#filledAt) * perSecond) / 1000);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
