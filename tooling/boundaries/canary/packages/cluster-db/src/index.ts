export const entry: string = 'cluster-db';
export interface Entry {
  readonly entry: string;
}
