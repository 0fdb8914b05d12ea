// breaks: layer-codec
export const seen: Promise<unknown> = import('@si-mqtt/topics');
