import fc from 'fast-check';

/** Levels from an alphabet small enough that random filters and names meet: empty levels, `$`, case, characters around the slash. */
const literalLevel = fc.constantFrom('', 'a', 'b', 'A', '$', '$a', 'a!', 'a0', 'é', '😀', 'a b');

export const topicNames: fc.Arbitrary<string> = fc
  .array(literalLevel, { minLength: 1, maxLength: 6 })
  .map((levels) => levels.join('/'))
  .filter((name) => name !== '');

export const topicFilters: fc.Arbitrary<string> = fc
  .tuple(fc.array(fc.oneof(literalLevel, fc.constant('+')), { minLength: 0, maxLength: 6 }), fc.boolean())
  .map(([levels, multiLevel]) => [...levels, ...(multiLevel ? ['#'] : [])].join('/'))
  .filter((filter) => filter !== '');
