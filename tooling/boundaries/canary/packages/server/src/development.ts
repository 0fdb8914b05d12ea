// breaks: no-development-dependency
import { test } from 'vitest';

export const seen: unknown = test;
