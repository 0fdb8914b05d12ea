/*
 * Reading of topic filters and names. All text that comes in here was checked by the codec (form, wildcards, `$share`),
 * so these functions parse and never refuse.
 */

const sharedPrefix = '$share/';

/** A Topic Filter of SUBSCRIBE or UNSUBSCRIBE, taken apart. `shareName` is undefined for a subscription that is not shared (5.0, 4.8.2). */
export interface ParsedFilter {
  readonly shareName: string | undefined;
  readonly topicFilter: string;
}

/** True for the filter of a Shared Subscription, `$share/{ShareName}/{filter}` [MQTT-4.8.2-1]. */
export function isShared(text: string): boolean {
  return text.startsWith(sharedPrefix);
}

/** Takes `$share/{ShareName}/{filter}` apart; any other text is a plain filter and comes back as it is. */
export function parseTopicFilter(text: string): ParsedFilter {
  if (!isShared(text)) return { shareName: undefined, topicFilter: text };
  // The name has no slash of its own, so the next one ends it. [MQTT-4.8.2-2]
  const end = text.indexOf('/', sharedPrefix.length);
  return { shareName: text.slice(sharedPrefix.length, end), topicFilter: text.slice(end + 1) };
}

/** The reverse of `parseTopicFilter` for a Shared Subscription. */
export function formatSharedFilter(shareName: string, topicFilter: string): string {
  return `${sharedPrefix}${shareName}/${topicFilter}`;
}

/** True if the filter has a `+` or `#`. Checked filters have these characters nowhere but as wildcards [MQTT-4.7.1-1] [MQTT-4.7.1-2]. */
export function hasWildcard(topicFilter: string): boolean {
  return topicFilter.includes('+') || topicFilter.includes('#');
}

/** How many levels a topic name or filter has; empty levels count, so `/` has two. */
export function topicLevels(text: string): number {
  let levels = 1;
  for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at + 1)) levels++;
  return levels;
}
