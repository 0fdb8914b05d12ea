export const entry: string = 'codec';
export interface Entry {
  readonly entry: string;
}
