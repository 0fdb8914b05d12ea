import { z } from 'zod';

export const MIB: number = 1024 * 1024;

const wholeNumberFrom = (minimum: number, maximum: number): string =>
  maximum === Number.MAX_SAFE_INTEGER ? `a whole number, at least ${minimum}` : `a whole number from ${minimum} to ${maximum}`;

export const wholeNumber = (minimum: number, maximum: number, error: string = wholeNumberFrom(minimum, maximum)): z.ZodInt =>
  z.int({ error }).min(minimum, { error }).max(maximum, { error });

/** A limit: a whole number that is at least 1, so that zero never means "unlimited" by accident. */
export const limit = (maximum: number = Number.MAX_SAFE_INTEGER): z.ZodInt => wholeNumber(1, maximum);

/** A limit that can be switched off, with a word. Its default is given with `prefault`, because JSON Schema knows defaults only as they are written. */
export const limitOr = <const Word extends string, Value>(
  word: Word,
  value: Value,
  maximum: number = Number.MAX_SAFE_INTEGER,
  minimum = 1,
): z.ZodType<number | Value, number | Word> => {
  const error = `${wholeNumberFrom(minimum, maximum)}, or "${word}"`;
  return z.union([wholeNumber(minimum, maximum, error), z.literal(word).transform(() => value)], { error });
};
export const unlimited = (maximum?: number, minimum?: number): z.ZodType<number, number | 'unlimited'> =>
  limitOr('unlimited', Number.POSITIVE_INFINITY, maximum, minimum);

export const text = (): z.ZodString => z.string().min(1, { error: 'a string that is not empty' });
/** A path of a file, relative to the folder of the configuration file unless it says otherwise; NUL never is part of one. */
export const filePath = (): z.ZodString => text().refine((path) => !path.includes('\0'), { error: 'a path without the character U+0000' });
