const decisionsMax = 1000;
/** How long it is known what somebody had to be asked for. */
const answerSeconds = 30;
const ticksPerSecond = 2;

interface Answer {
  readonly decision: boolean;
  readonly untilTick: number;
}

/**
 * What one connection may publish, by topic name, as far as its `Permissions` have said so. What they said from memory holds until their
 * version changes; what they had to ask for, 30 seconds at most. Ticks are those of the broker's coarse clock.
 */
export class PublishDecisions {
  private version: number;
  private readonly decisions: Map<string, boolean> = new Map();
  private answers: Map<string, Answer> | undefined;

  constructor(version: number) {
    this.version = version;
  }

  /** Undefined: not known, or not any more. */
  known(topicName: string, version: number, tick: number): boolean | undefined {
    if (version !== this.version) {
      this.decisions.clear();
      this.answers = undefined;
      this.version = version;
    }
    const decision = this.decisions.get(topicName);
    if (decision !== undefined || this.answers === undefined) return decision;
    const answer = this.answers.get(topicName);
    return answer === undefined || tick >= answer.untilTick ? undefined : answer.decision;
  }

  decided(topicName: string, decision: boolean): void {
    if (this.decisions.size >= decisionsMax) this.decisions.clear();
    this.decisions.set(topicName, decision);
  }

  /** Only of rules that have not changed since they were asked. */
  answered(topicName: string, decision: boolean, tick: number): void {
    const answers = (this.answers ??= new Map<string, Answer>());
    if (answers.size >= decisionsMax) answers.clear();
    answers.set(topicName, { decision, untilTick: tick + answerSeconds * ticksPerSecond });
  }
}
