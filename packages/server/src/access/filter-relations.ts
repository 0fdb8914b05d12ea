/*
 * How the sets of topic names that two topic filters match lie to each other (5.0, 4.7). Exact, including that a leading wildcard
 * keeps away from names that begin with `$` [MQTT-4.7.2-1]. Filters are well formed and without `$share`.
 */

/** True if every topic name that `inner` matches is matched by `outer` as well. */
export function covers(outer: string, inner: string): boolean {
  const outerLevels = outer.split('/');
  const innerLevels = inner.split('/');
  if (isWildcard(outerLevels[0]) && innerLevels[0].startsWith('$')) return false;
  for (let depth = 0; ; depth++) {
    const outerLevel = outerLevels[depth];
    const innerLevel = innerLevels[depth];
    if (outerLevel === '#') return true;
    if (innerLevel === undefined) return outerLevel === undefined;
    // A name has at least one level, so `+/#` is as wide as `#`; further down `#` also stands for the end of the name, which `+` does not.
    if (innerLevel === '#') return depth === 0 && outer === '+/#';
    if (outerLevel === undefined) return false;
    if (outerLevel !== '+' && outerLevel !== innerLevel) return false;
  }
}

/** True if there is a topic name that both filters match. */
export function intersects(one: string, other: string): boolean {
  const oneLevels = one.split('/');
  const otherLevels = other.split('/');
  if (isWildcard(oneLevels[0]) && otherLevels[0].startsWith('$')) return false;
  if (isWildcard(otherLevels[0]) && oneLevels[0].startsWith('$')) return false;
  for (let depth = 0; ; depth++) {
    const oneLevel = oneLevels[depth];
    const otherLevel = otherLevels[depth];
    if (oneLevel === '#' || otherLevel === '#') return true;
    if (oneLevel === undefined || otherLevel === undefined) return oneLevel === otherLevel;
    if (oneLevel !== '+' && otherLevel !== '+' && oneLevel !== otherLevel) return false;
  }
}

function isWildcard(level: string): boolean {
  return level === '+' || level === '#';
}
