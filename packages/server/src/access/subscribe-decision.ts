import { covers, intersects } from './filter-relations.js';
import { type SubscribeDecision } from './permissions.js';

/** Rules looked at in one decision before it gives up and answers `'partly'`, which is always right and only costs a check per topic. */
const ruleStepsMax = 200_000;

/**
 * What becomes of a subscription to `topicFilter` where a topic may be received if one of `allowing` matches it and none of `denying`:
 * `'allowed'` if that is so for every topic name that the filter matches, `'refused'` if for none, else `'partly'`. Exact, also where
 * only several rules together cover the filter, unless the rules are so entangled that the search is given up.
 */
export function decideSubscription(topicFilter: string, allowing: readonly string[], denying: readonly string[]): SubscribeDecision {
  const reachableAllowing = allowing.filter((rule) => intersects(rule, topicFilter));
  if (reachableAllowing.length === 0) return 'refused';
  const reachableDenying = denying.filter((rule) => intersects(rule, topicFilter));
  if (reachableDenying.some((rule) => covers(rule, topicFilter))) return 'refused';
  if (reachableDenying.length === 0 && reachableAllowing.some((rule) => covers(rule, topicFilter))) return 'allowed';
  return new TopicSearch(topicFilter).run(reachableAllowing, reachableDenying);
}

type Levels = readonly string[];

/** The rules that still match the levels chosen so far. */
interface Alive {
  readonly allowing: readonly Levels[];
  readonly denying: readonly Levels[];
  /** A `#` of an allowing rule was reached: it matches whatever follows. */
  readonly allowed: boolean;
}

/**
 * Walks through all topic names of a filter that the rules can tell apart, level by level: each text that a rule names at that level,
 * and one text that no rule names. Ends as soon as an allowed and a refused name are found.
 */
class TopicSearch {
  readonly #filter: Levels;
  #foundAllowed = false;
  #foundRefused = false;
  #ruleSteps = 0;

  constructor(topicFilter: string) {
    this.#filter = topicFilter.split('/');
  }

  run(allowing: readonly string[], denying: readonly string[]): SubscribeDecision {
    const split = (rule: string): Levels => rule.split('/');
    this.#visit(0, false, { allowing: allowing.map(split), denying: denying.map(split), allowed: false });
    if (this.#ruleSteps > ruleStepsMax || (this.#foundAllowed && this.#foundRefused)) return 'partly';
    return this.#foundAllowed ? 'allowed' : 'refused';
  }

  /** `open`: the filter's `#` was passed, anything may follow. At least one topic name of the filter lies at or below every visited place. */
  #visit(depth: number, open: boolean, alive: Alive): void {
    if (!alive.allowed && alive.allowing.length === 0) {
      this.#foundRefused = true;
      return;
    }
    if (alive.allowed && alive.denying.length === 0) {
      this.#foundAllowed = true;
      return;
    }
    const filterLevel = this.#filter[depth];
    if (depth > 0 && (open || filterLevel === undefined || filterLevel === '#')) this.#endHere(depth, alive);
    if (filterLevel === undefined && !open) return;

    const openBelow = open || filterLevel === '#';
    if (!openBelow && filterLevel !== '+') {
      this.#descend(depth, openBelow, filterLevel, alive);
      return;
    }
    // The text that no rule names comes first: it ends most searches of an unrestricted filter at once.
    this.#descend(depth, openBelow, undefined, alive);
    for (const text of textsAt(depth, alive)) {
      if (this.#isOver()) return;
      this.#descend(depth, openBelow, text, alive);
    }
  }

  /** Judges the name that ends after `depth` levels. */
  #endHere(depth: number, alive: Alive): void {
    const ends = (rule: Levels): boolean => rule.length === depth || rule[depth] === '#';
    if ((alive.allowed || alive.allowing.some(ends)) && !alive.denying.some(ends)) this.#foundAllowed = true;
    else this.#foundRefused = true;
  }

  /** Goes on with `text` as the next level, or with a text that no rule names if it is undefined. */
  #descend(depth: number, open: boolean, text: string | undefined, alive: Alive): void {
    this.#ruleSteps += alive.allowing.length + alive.denying.length;
    if (this.#isOver()) return;
    const meetsWildcards = depth > 0 || text === undefined || !text.startsWith('$'); // [MQTT-4.7.2-1]
    const goesOn = (rule: Levels): boolean => rule[depth] === text || (rule[depth] === '+' && meetsWildcards);
    const isPassed = (rule: Levels): boolean => rule[depth] === '#' && meetsWildcards;
    if (alive.denying.some(isPassed)) {
      this.#foundRefused = true;
      return;
    }
    const allowed = alive.allowed || alive.allowing.some(isPassed);
    this.#visit(depth + 1, open, {
      allowing: allowed ? [] : alive.allowing.filter((rule) => rule.length > depth && goesOn(rule)),
      denying: alive.denying.filter((rule) => rule.length > depth && goesOn(rule)),
      allowed,
    });
  }

  #isOver(): boolean {
    return (this.#foundAllowed && this.#foundRefused) || this.#ruleSteps > ruleStepsMax;
  }
}

/** The texts that rules name at this level, as far as a wildcard of the filter may stand for them. */
function textsAt(depth: number, alive: Alive): Set<string> {
  const texts = new Set<string>();
  for (const rules of [alive.allowing, alive.denying]) {
    for (const rule of rules) {
      const text = rule[depth];
      if (text === undefined || text === '+' || text === '#') continue;
      if (depth === 0 && text.startsWith('$')) continue; // [MQTT-4.7.2-1]
      texts.add(text);
    }
  }
  return texts;
}
