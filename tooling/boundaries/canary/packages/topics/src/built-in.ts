// breaks: no-node-built-in
import { readFileSync } from 'node:fs';

export const seen: unknown = readFileSync;
