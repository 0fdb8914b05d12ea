// breaks: no-unresolvable, no-undeclared-workspace-package
import { entry } from '@si-mqtt/session';

export const seen: string = entry;
