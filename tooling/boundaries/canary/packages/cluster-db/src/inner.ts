export const inner: string = 'cluster-db';
