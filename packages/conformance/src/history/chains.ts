/**
 * In how few chains the items can be put, in their order, so that each follows the one before it in its chain; none can be followed twice. (As
 * many as there are items that follow nobody: a maximum matching, by augmenting paths.)
 */
export function fewestChains<Item>(items: readonly Item[], follows: (earlier: Item, later: Item) => boolean): number {
  /** By who is followed: who follows. */
  const followers = new Map<number, number>();
  const findPlace = (later: number, asked: Set<number>): boolean => {
    for (let earlier = 0; earlier < later; earlier++) {
      if (asked.has(earlier) || !follows(items[earlier], items[later])) continue;
      asked.add(earlier);
      const follower = followers.get(earlier);
      if (follower !== undefined && !findPlace(follower, asked)) continue;
      followers.set(earlier, later);
      return true;
    }
    return false;
  };
  return items.reduce((chains, _, later) => (findPlace(later, new Set()) ? chains : chains + 1), 0);
}
