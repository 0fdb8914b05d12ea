// breaks: apps-only-from-apps
import { entry } from '@si-mqtt/broker';

export const seen: string = entry;
