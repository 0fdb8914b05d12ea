export const entry: string = 'broker';
export interface Entry {
  readonly entry: string;
}
