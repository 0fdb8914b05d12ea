// breaks: layer-server, no-undeclared-workspace-package
import { entry } from '@si-mqtt/conformance';

export const seen: string = entry;
