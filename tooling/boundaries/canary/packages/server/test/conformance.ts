// breaks:
import { entry } from '@si-mqtt/conformance';

export const seen: string = entry;
