export const entry: string = 'topics';
export interface Entry {
  readonly entry: string;
}
