export const entry: string = 'conformance';
export interface Entry {
  readonly entry: string;
}
