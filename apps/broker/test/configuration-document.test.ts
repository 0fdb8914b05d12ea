import { expect, it } from 'vitest';
import { type KeySchema, rootKeySchema } from '../src/key-schema.js';
import { renderConfigurationDocument } from './configuration-document.js';

function namesIn(schema: KeySchema): string[] {
  const below = [...(schema.oneOf ?? []), ...(schema.items === undefined ? [] : [schema.items])].flatMap(namesIn);
  return [...below, ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => [name, ...namesIn(inner)])];
}

it('docs/configuration.md is what the schema says (npx vitest run -u writes it)', async () => {
  await expect(renderConfigurationDocument()).toMatchFileSnapshot('../../../docs/configuration.md');
});

it('it names every key with its explanation', () => {
  const lines = renderConfigurationDocument().split('\n');
  const names = new Set(namesIn(rootKeySchema()));
  expect(names.size).toBeGreaterThan(60);
  const isTold = (name: string): boolean =>
    lines.some((line) => line.startsWith(`- \`${name}\``) || new RegExp(`^#+ \`\\[+(\\w+\\.)*${name}\\]+\`$`).test(line));
  expect([...names].filter((name) => !isTold(name))).toEqual([]);
});
