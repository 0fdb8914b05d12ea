export const entry: string = 'server';
export interface Entry {
  readonly entry: string;
}
