import { StoreRefusal } from '../log-store.js';
import { halves } from './units.js';

/** The store does not take this content, whenever it is given. */
export function isFullRefusal(error: unknown): error is StoreRefusal {
  return error instanceof StoreRefusal && error.reason === 'full';
}

export function isContentRefusal(error: unknown): error is StoreRefusal {
  return error instanceof StoreRefusal && error.reason === 'content';
}

/** Writes all of them, or in halves where the store does not take that much; `refused` gets each that it does not even take alone. */
export async function inParts<Item>(
  items: readonly Item[],
  write: (some: readonly Item[]) => Promise<void>,
  refused: (item: Item, error: StoreRefusal) => void,
): Promise<void> {
  if (items.length === 0) return;
  try {
    await write(items);
  } catch (error) {
    if (!isContentRefusal(error)) throw error;
    if (items.length === 1) refused(items[0], error);
    else for (const half of halves(items)) await inParts(half, write, refused);
  }
}
