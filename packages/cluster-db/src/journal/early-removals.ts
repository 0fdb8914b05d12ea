import { type Entry } from '../record/entries.js';
import { type SessionReference } from '../rows.js';
import { isRemoval, type Removal, type Unit } from './units.js';

export interface Uncommitted {
  /** Ends of deliveries that came while nothing else was recorded; what else happened in their turn is in the first of the units. */
  readonly removals: readonly Removal[];
  readonly units: readonly Unit[];
}

/**
 * The ends of deliveries that the store may have before everything else that is not committed: what ends does not live on elsewhere by something that
 * waits, and was not made by it.
 */
export function earlyRemovals(batches: readonly Uncommitted[]): Removal[] {
  const early: Removal[] = [];
  const made = new Map<SessionReference | string, Set<number>>();
  for (const { removals, units } of batches) {
    if (!units.some(hasMessage)) early.push(...removals);
    for (const unit of units) {
      const isMaking = hasMessage(unit);
      for (const entry of unit.entries) {
        if (isMaking) note(entry, made);
        else if (isRemoval(entry)) early.push(entry);
      }
    }
  }
  return early.filter((removal) => made.get(ownerOf(removal))?.has(removal.position) !== true);
}

function hasMessage({ entries }: Unit): boolean {
  return entries.some((entry) => 'message' in entry);
}

function note(entry: Entry, made: Map<SessionReference | string, Set<number>>): void {
  if (!('message' in entry) || entry.kind === 'retained') return;
  const owner = ownerOf(entry);
  const positions = made.get(owner);
  if (positions === undefined) made.set(owner, new Set([entry.position]));
  else positions.add(entry.position);
}

function ownerOf(entry: Extract<Entry, { readonly position: number }>): SessionReference | string {
  return 'session' in entry ? entry.session : entry.sharedSubscription;
}
