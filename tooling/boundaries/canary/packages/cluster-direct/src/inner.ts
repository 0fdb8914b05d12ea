export const inner: string = 'cluster-direct';
