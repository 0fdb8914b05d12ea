import fc from 'fast-check';
import { type HistoryEvent, HistoryRecorder, type ReceivedNote, type WillOfHistory } from '../../src/index.js';

/** One step of a random history; what cannot be done at that point is left out. */
export type Step =
  | { readonly step: 'connect'; readonly client: number; readonly cleanStart: boolean; readonly keeps: boolean; readonly will: 0 | 1 | 2 }
  | { readonly step: 'end'; readonly client: number; readonly how: 'disconnected' | 'cut' | 'closed' }
  | { readonly step: 'subscribe'; readonly client: number; readonly qos: number }
  | {
      readonly step: 'publish';
      readonly publisher: number;
      readonly topic: number;
      readonly qos: number;
      readonly retain: boolean;
      readonly fate: 'ok' | 'taken' | 'lost';
    }
  | { readonly step: 'acknowledge'; readonly client: number }
  | { readonly step: 'crash' }
  | { readonly step: 'wait' };

const client = fc.nat(4);
/** Steps of five subscribers, of which the last two are members of a group, and of two publishers on two topics. */
export const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        step: fc.constant('connect' as const),
        client,
        cleanStart: fc.boolean(),
        keeps: fc.boolean(),
        will: fc.constantFrom(0 as const, 1 as const, 2 as const),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        step: fc.constant('end' as const),
        client,
        how: fc.constantFrom('disconnected' as const, 'cut' as const, 'closed' as const),
      }),
    },
    { weight: 3, arbitrary: fc.record({ step: fc.constant('subscribe' as const), client, qos: fc.constantFrom(1, 2, 2) }) },
    {
      weight: 8,
      arbitrary: fc.record({
        step: fc.constant('publish' as const),
        publisher: fc.nat(1),
        topic: fc.nat(1),
        qos: fc.nat(2),
        retain: fc.boolean(),
        fate: fc.constantFrom('ok' as const, 'ok' as const, 'taken' as const, 'lost' as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ step: fc.constant('acknowledge' as const), client }) },
    { weight: 1, arbitrary: fc.constant({ step: 'crash' as const }) },
    { weight: 1, arbitrary: fc.constant({ step: 'wait' as const }) },
  ),
  { minLength: 30, maxLength: 120 },
) as fc.Arbitrary<Step[]>;

interface Delivery {
  readonly message: string;
  readonly topic: string;
  readonly qos: number;
  packetId: number;
  /** Sent on a connection that has ended. */
  wasSent: boolean;
}

interface ModelSession {
  readonly client: string;
  subscription: { readonly filter: string; qos: number } | undefined;
  readonly queue: Delivery[];
  keeps: boolean;
  connection: number | undefined;
  will: WillOfHistory | undefined;
  lastPacketId: number;
}

/** A broker without a fault and its clients, of whom everybody sees at once what there is to see. */
export class Model {
  readonly recorder: HistoryRecorder;
  private readonly sessions = new Map<string, ModelSession>();
  private readonly retained = new Map<string, string>();
  private readonly delayed: { client: string; will: WillOfHistory; at: number }[] = [];
  private turn = 0;
  private time = 0;
  private readonly crashCosts: 'nothing' | 'PUBACKs';

  constructor(crashCosts: 'nothing' | 'PUBACKs') {
    this.crashCosts = crashCosts;
    this.recorder = new HistoryRecorder(() => (this.time += 1));
  }

  static play(list: readonly Step[], crashCosts: 'nothing' | 'PUBACKs' = 'nothing'): readonly HistoryEvent[] {
    const model = new Model(crashCosts);
    const watcher = model.connect('watcher', true, true, 0);
    model.subscribe(watcher, 'will/#', 2);
    for (const [name, filter] of [
      ['c0', 'data/+'],
      ['c3', '$share/g/data/+'],
      ['c4', '$share/g/data/+'],
    ])
      model.subscribe(model.connect(name, true, true, 0), filter, 2);
    for (const step of list) model.take(step);
    model.finish();
    return model.recorder.events;
  }

  private take(step: Step): void {
    switch (step.step) {
      case 'connect':
        this.connect(`c${step.client}`, step.cleanStart, step.keeps, step.will);
        return;
      case 'end': {
        const session = this.sessions.get(`c${step.client}`);
        if (session?.connection !== undefined) this.end(session, step.how);
        return;
      }
      case 'subscribe': {
        const session = this.sessions.get(`c${step.client}`);
        if (session?.connection !== undefined) this.subscribe(session, step.client > 2 ? '$share/g/data/+' : 'data/+', step.qos);
        return;
      }
      case 'publish':
        this.publish(`p${step.publisher}`, `data/${step.topic}`, step.qos, step.retain, step.fate);
        return;
      case 'acknowledge':
        this.acknowledge(this.sessions.get(`c${step.client}`));
        return;
      case 'crash':
        this.crash();
        return;
      case 'wait':
        this.pass(5000);
        return;
    }
  }

  private connect(name: string, cleanStart: boolean, keeps: boolean, will: 0 | 1 | 2): ModelSession {
    const connection = this.recorder.nextConnection();
    const topic = `will/${name}`;
    const willOf: WillOfHistory | undefined =
      will === 0
        ? undefined
        : { message: this.recorder.nextMessage(name, topic), topic, qos: 1, retain: false, delaySeconds: will === 2 && keeps ? 4 : 0 };
    const operation = this.recorder.invoke({
      call: 'connect',
      client: name,
      connection,
      cleanStart,
      keepsSession: keeps,
      ...(willOf === undefined ? {} : { will: willOf }),
    });
    const old = this.sessions.get(name);
    if (old?.connection !== undefined) this.lost(old, cleanStart);
    const known = this.sessions.get(name);
    const goesOn = known !== undefined && !cleanStart;
    if (!goesOn) this.forget(name);
    const session: ModelSession = goesOn
      ? known
      : { client: name, subscription: undefined, queue: [], keeps, connection, will: willOf, lastPacketId: 0 };
    const waiting = this.delayed.findIndex(({ client: of }) => of === name);
    if (waiting >= 0) this.delayed.splice(waiting, 1);
    Object.assign(session, { keeps, connection, will: willOf });
    this.sessions.set(name, session);
    this.recorder.complete(operation, 'ok', { sessionPresent: goesOn });
    if (old?.connection !== undefined && goesOn) old.connection = connection;
    for (const delivery of session.queue) this.send(session, delivery);
    return session;
  }

  /** The broker ends the connection because another one takes its place. */
  private lost(session: ModelSession, cleanStart: boolean): void {
    this.recorder.note({ note: 'ended', client: session.client, connection: session.connection!, how: 'closed' });
    session.connection = undefined;
    const { will } = session;
    session.will = undefined;
    const ends = cleanStart || !session.keeps;
    if (ends) this.sessions.delete(session.client);
    if (will !== undefined && (ends || will.delaySeconds === 0)) this.route(will.message, will.topic, will.qos);
  }

  private end(session: ModelSession, how: 'disconnected' | 'cut' | 'closed'): void {
    this.recorder.note({ note: 'ended', client: session.client, connection: session.connection!, how });
    session.connection = undefined;
    const { will } = session;
    session.will = undefined;
    if (!session.keeps) this.forget(session.client);
    if (will === undefined || how === 'disconnected') return;
    if (will.delaySeconds === 0) this.route(will.message, will.topic, will.qos);
    else this.delayed.push({ client: session.client, will, at: this.time + 1000 * will.delaySeconds });
  }

  private forget(name: string): void {
    this.sessions.delete(name);
    const index = this.delayed.findIndex(({ client: of }) => of === name);
    if (index < 0) return;
    const [{ will }] = this.delayed.splice(index, 1);
    this.route(will.message, will.topic, will.qos);
  }

  private subscribe(session: ModelSession, filter: string, qos: number): void {
    const { client: name, connection = 0 } = session;
    const wantsRetained = !filter.startsWith('$share');
    const operation = this.recorder.invoke({ call: 'subscribe', client: name, connection, filter, qos, wantsRetained });
    session.subscription = { filter, qos };
    this.recorder.complete(operation, 'ok', { qos });
    if (!wantsRetained || filter.startsWith('will')) return;
    for (const [topic, message] of this.retained)
      this.recorder.note({ note: 'received', client: name, connection, message, topic, qos: 0, dup: false, retain: true });
  }

  private publish(name: string, topic: string, qos: number, retain: boolean, fate: 'ok' | 'taken' | 'lost'): void {
    // After a crash the publishers come back as well.
    const connection = this.sessions.get(name)?.connection ?? this.connect(name, false, true, 0).connection!;
    const deletes = retain && this.turn % 5 === 4;
    const message = this.recorder.nextMessage(name, topic);
    const operation = this.recorder.invoke({ call: 'publish', client: name, connection, message, topic, qos, retain, deletes });
    if (fate !== 'lost') {
      if (deletes) this.retained.delete(topic);
      else if (retain) this.retained.set(topic, message);
      this.route(deletes ? undefined : message, topic, qos);
    }
    this.recorder.complete(operation, fate === 'ok' ? 'ok' : 'info');
  }

  private route(message: string | undefined, topic: string, qos: number): void {
    const kind = topic.split('/')[0];
    const all = [...this.sessions.values()].filter(({ subscription }) => subscription?.filter.includes(`${kind}/`));
    const members = all.filter(({ subscription }) => subscription!.filter.startsWith('$share'));
    const online = members.filter(({ connection }) => connection !== undefined);
    const chosen = online.length > 0 ? online : members;
    const receivers = all.filter((session) => !members.includes(session));
    if (chosen.length > 0) receivers.push(chosen[this.turn++ % chosen.length]);
    else this.turn++;
    for (const session of receivers) {
      if (message === undefined) {
        if (session.connection !== undefined) this.note(session, { message, topic, qos: 0, dup: false, packetId: 0 });
        continue;
      }
      const delivery: Delivery = { message, topic, qos: Math.min(qos, session.subscription!.qos), packetId: 0, wasSent: false };
      if (delivery.qos > 0) session.queue.push(delivery);
      if (session.connection !== undefined) this.send(session, delivery);
    }
  }

  private send(session: ModelSession, delivery: Delivery): void {
    if (delivery.packetId === 0 && delivery.qos > 0) delivery.packetId = ++session.lastPacketId;
    this.note(session, { ...delivery, dup: delivery.wasSent });
    delivery.wasSent = true;
  }

  private note(session: ModelSession, sent: Pick<ReceivedNote, 'message' | 'topic' | 'qos' | 'dup'> & { packetId: number }): void {
    const { message, topic, qos, dup, packetId } = sent;
    const { client: name, connection = 0 } = session;
    this.recorder.note({
      note: 'received',
      client: name,
      connection,
      message,
      topic,
      qos,
      dup,
      retain: false,
      ...(qos > 0 ? { packetId } : {}),
    });
  }

  /** All that is in flight to the client is finished. */
  private acknowledge(session: ModelSession | undefined): void {
    if (session?.connection === undefined) return;
    for (const { qos, packetId } of session.queue.splice(0))
      if (qos === 2) this.recorder.note({ note: 'released', client: session.client, connection: session.connection, packetId });
  }

  private crash(): void {
    this.recorder.note({ note: 'crashed' });
    for (const session of [...this.sessions.values()]) {
      if (session.connection !== undefined) this.end(session, 'closed');
      if (this.crashCosts === 'nothing') continue;
      // What was sent with QoS 1 comes again as if it were new.
      for (const delivery of session.queue) if (delivery.qos === 1) Object.assign(delivery, { wasSent: false, packetId: 0 });
    }
    if (this.sessions.has('watcher')) this.connect('watcher', false, true, 0);
  }

  private pass(milliseconds: number): void {
    this.time += milliseconds;
    for (const one of [...this.delayed]) {
      if (one.at > this.time) continue;
      this.delayed.splice(this.delayed.indexOf(one), 1);
      this.route(one.will.message, one.will.topic, one.will.qos);
    }
  }

  /** Everybody comes back and takes what is his; a newcomer asks for what is retained. */
  private finish(): void {
    this.pass(10_000);
    for (const session of [...this.sessions.values()]) {
      if (session.connection === undefined) this.connect(session.client, false, true, 0);
      this.acknowledge(session);
    }
    this.subscribe(this.connect('late', true, true, 0), 'data/#', 1);
    this.recorder.note({ note: 'quiesced' });
  }
}
