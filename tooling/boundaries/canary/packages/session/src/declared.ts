// breaks: layer-session
import { entry } from '@si-mqtt/server';

export const seen: string = entry;
