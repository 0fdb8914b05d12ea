import { type Will } from '@si-mqtt/codec';
import { Message, type MessageContent, type Session } from '@si-mqtt/session';
import { type Permissions } from './access/permissions.js';
import { type Broker, type Client } from './broker.js';
import { runInTurn } from './turn-share.js';

/** Whoever decides for the access rules has as long as a client that connects. */
const decisionMilliseconds = 10_000;

/** A will whose connection has ended: it waits for its delay, or to be decided about. */
export interface OwedWill {
  readonly will: Will;
  readonly permissions: Permissions;
  /** Wall clock, milliseconds. */
  readonly publishAt: number;
  /** May it be published? Undefined: nobody has said so yet. */
  isAllowed: boolean | undefined;
  /** While somebody is asked. */
  decision: Promise<void> | undefined;
}

export function owedWill(will: Will, permissions: Permissions, publishAt: number): OwedWill {
  return { will, permissions, publishAt, isAllowed: undefined, decision: undefined };
}

/** The wills of one node: asked about when they are due, and published. */
export class Wills {
  /** How many are being decided about. */
  undecided = 0;
  private readonly broker: Broker;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  /**
   * A will is authorized again when it is sent (broker.md §4). Undefined: what the client owes is decided about, or there is nothing. Until the promise
   * resolves the will stays where it is, in the journal, too: CONNACK promised it.
   */
  decide({ will: owed }: Client): Promise<void> | undefined {
    if (owed === undefined || owed.isAllowed !== undefined || owed.decision !== undefined) return owed?.decision;
    const { topicName, qos, retain } = owed.will;
    const decision = owed.permissions.mayPublish(topicName, qos, retain);
    if (decision === 'unknown') owed.decision = this.ask(owed);
    else owed.isAllowed = decision;
    return owed.decision;
  }

  /** Never rejects. Without an answer it is not allowed. */
  private async ask(owed: OwedWill): Promise<void> {
    const { topicName } = owed.will;
    this.undecided++;
    try {
      const asked = owed.permissions.decidePublish!(topicName);
      const isOver = asked.then(
        () => undefined,
        () => undefined,
      );
      const answer = await Promise.race([asked, this.broker.parts.env.sleep(decisionMilliseconds, isOver)]);
      if (answer === undefined) throw new Error('the access rules did not say in time whether a will may be published');
      owed.isAllowed = answer;
    } catch (error) {
      owed.isAllowed = false;
      this.broker.failed(error);
    }
    owed.decision = undefined;
    this.undecided--;
  }

  /** One that the journal has: its end is in the batch of its publication. What has to be asked is published later. */
  publishRecorded(client: Client): void {
    const { will: owed, session } = client;
    const publish = () => {
      // It may have gone with its session, or a connection was in time to cancel it.
      if (client.will !== owed) return;
      session.recordWillEnd();
      this.publish(client);
      this.broker.parts.journal?.divide();
    };
    const decision = this.decide(client);
    if (decision === undefined) publish();
    else void decision.then(() => runInTurn(publish));
  }

  /** Before a connection takes its place in the journal: a will about which somebody is asked was due before its client came back. */
  async settle(client: Client): Promise<void> {
    const owed = client.will;
    if (owed?.decision === undefined) return;
    await owed.decision;
    if (client.will === owed) this.publishRecorded(client);
  }

  /** After `decide`. */
  publish(client: Client): void {
    const { will: owed, session } = client;
    if (owed === undefined) return;
    client.will = undefined;
    if (owed.isAllowed === true) this.publishAllowed(session, owed.will);
    else this.broker.counters.willsRefused++;
  }

  private publishAllowed(session: Session, will: Will): void {
    const { broker } = this;
    const { willDelayInterval: _delay, ...properties } = will.properties ?? {};
    const hasProperties = Object.keys(properties).length > 0;
    const content: MessageContent = {
      topicName: will.topicName,
      payload: will.payload,
      qos: will.qos,
      retain: will.retain, // [MQTT-3.1.2-14] [MQTT-3.1.2-15]
      ...(hasProperties ? { properties } : {}),
    };
    const message = Message.of(content, session, broker.parts.env.now());
    const isRefusing = this.isToRefuse(session);
    if (isRefusing && message.qos > 0 && broker.routing.isRecorded(message)) {
      broker.counters.storeRefusing++;
      broker.counters.willsRefused++;
      return;
    }
    broker.counters.willsPublished++;
    broker.counters.publishReceived++;
    broker.retainAndRoute(message, undefined, 0, isRefusing);
  }

  /**
   * What was taken with a CONNECT is published, although the store takes nothing new: one will for each session. A session that comes back meanwhile, so
   * that what waits for it makes room, could fill the store with one at every connection.
   */
  private isToRefuse(session: Session): boolean {
    const client = this.broker.clients.get(session.clientId);
    if (this.broker.journaling?.isRefusing !== true || client?.session !== session) return false;
    const hasSpent = client.hasSpentWill === true;
    client.hasSpentWill = true;
    return hasSpent;
  }
}
