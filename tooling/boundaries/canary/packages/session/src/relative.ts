// breaks: by-package-name
import { entry } from '../../codec/src/index.js';

export const seen: string = entry;
