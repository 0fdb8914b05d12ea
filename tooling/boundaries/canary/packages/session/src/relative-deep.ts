// breaks: by-package-name, through-exports
import { inner } from '../../codec/src/inner.js';

export const seen: string = inner;
