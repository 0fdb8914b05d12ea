// breaks: layer-session-test
import { entry } from '@si-mqtt/server';

export const seen: string = entry;
