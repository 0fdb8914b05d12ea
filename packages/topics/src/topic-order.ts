const slash = 0x2f;

/**
 * Compares two topic names level by level, by UTF-16 code units: `/` sorts before every other character. So a topic, and after
 * it all topics below it, stand together (in the usual order `a!` would come between `a` and `a/b`).
 */
export function compareTopics(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const code = one.charCodeAt(at);
    const otherCode = other.charCodeAt(at);
    if (code !== otherCode) return code === slash ? -1 : otherCode === slash ? 1 : code - otherCode;
  }
  return one.length - other.length;
}

/**
 * A text that sorts after the topic and all topics below it, and before everything else. U+0000 cannot be in a topic name
 * [MQTT-4.7.3-2] and is the lowest character after the slash.
 */
export function afterSubtree(topicName: string): string {
  return `${topicName}\u0000`;
}
