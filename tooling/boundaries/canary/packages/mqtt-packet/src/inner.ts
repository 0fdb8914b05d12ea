export const inner: string = 'mqtt-packet';
