// breaks: by-package-name, layer-session
import { entry } from '../../server/src/index.js';

export const seen: string = entry;
