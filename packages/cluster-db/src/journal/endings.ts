import { type LogStore } from '../log-store.js';

const endingsAtOnce = 20;
const rowsAtOnce = 1000;

/** Removes what belonged to sessions and groups that have ended, in portions, between which it may be interrupted. */
export async function removeEndings(store: LogStore, isInterrupted: () => boolean): Promise<void> {
  for (;;) {
    const endings = await store.readEndings(endingsAtOnce);
    for (const ending of endings) {
      while (!(await store.removeEnded(ending, rowsAtOnce))) if (isInterrupted()) return;
    }
    if (endings.length < endingsAtOnce) return;
  }
}
