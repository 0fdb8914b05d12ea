export const entry: string = 'cluster-direct';
export interface Entry {
  readonly entry: string;
}
