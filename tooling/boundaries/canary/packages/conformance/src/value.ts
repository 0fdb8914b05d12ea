// breaks: conformance-types-only
import { entry } from '@si-mqtt/session';

export const seen: string = entry;
