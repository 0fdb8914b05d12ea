export const entry: string = 'mqtt-packet';
export interface Entry {
  readonly entry: string;
}
