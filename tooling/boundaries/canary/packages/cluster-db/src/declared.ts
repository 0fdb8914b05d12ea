// breaks: layer-cluster-db
import { entry } from '@si-mqtt/server';

export const seen: string = entry;
