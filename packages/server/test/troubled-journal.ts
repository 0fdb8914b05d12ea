import { type JournalCondition, type JournalHost, type JournalWork, MemoryJournal } from '@si-mqtt/session';

const noWork: JournalWork = {
  pendingOperations: 0,
  pendingBytes: 0,
  commitMilliseconds: 0,
  commits: 0,
  commitSeconds: 0,
  commitBytes: 0,
  retries: 0,
  droppedEntries: 0,
  commitCounts: [],
  commitBounds: [],
  lastError: undefined,
};

/** A journal that becomes what the test says, and has an error to tell. */
export class TroubledJournal extends MemoryJournal {
  override condition: JournalCondition = 'ready';
  readonly work: JournalWork = { ...noWork, lastError: 'the disk is gone' };
  private asked: JournalHost | undefined;

  override start(host: JournalHost): Promise<void> {
    this.asked = host;
    return super.start(host);
  }

  loseSeat(): void {
    this.asked!.fenced('another broker owns the store');
  }

  become(condition: JournalCondition): void {
    this.condition = condition;
    this.asked!.conditionChanged();
  }
}
