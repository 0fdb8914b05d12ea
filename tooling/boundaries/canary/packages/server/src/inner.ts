export const inner: string = 'server';
