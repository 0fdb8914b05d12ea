// breaks: layer-codec
export type Seen = import('@si-mqtt/topics').Entry;
