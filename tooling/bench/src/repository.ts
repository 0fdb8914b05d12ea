import { fileURLToPath } from 'node:url';

/** The checkout's root, with a slash at its end: equally far from this source and from the bundle in dist. */
export const repository: string = fileURLToPath(new URL('../../../', import.meta.url));
