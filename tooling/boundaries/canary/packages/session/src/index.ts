export const entry: string = 'session';
export interface Entry {
  readonly entry: string;
}
